"""The page of many recordings says its numbers with their interval, over how many, and what to know before belief."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

import factory_many
from neurodata4ml.report.figures import sessions as figures_sessions
from neurodata4ml.report.figures import sessions_candidates as figures_sessions_candidates
from neurodata4ml.report.figures.sessions_marks import crowd_of
from neurodata4ml.report.page import render
from neurodata4ml.report.sections.section import Section
from neurodata4ml.report.sections.sections import SECTIONS, SECTIONS_OF_MANY
from neurodata4ml.results import Results

FEW = factory_many.make_many(4, partial=True, missing={"sessions/rec-004": "the file <b>ends</b> too early"})
SHOWN = [name for name in SECTIONS_OF_MANY if name not in ("overview", "recordings", "methods")]


def said(section: Section) -> str:
    """Return all words of a section."""
    tables = [cell for table in section.tables for row in (table.columns, *table.rows) for cell in row]
    listed = [part.text for part in section.listings]
    shown = [figure.caption for figure in section.figures]
    text = "\n".join([*section.answer, *section.warnings, *section.reading, *shown, *tables, *listed, section.missing])
    return text.replace("\u00a0", " ")


def test_sections_stand_in_the_order_of_the_page_of_one_recording():
    assert list(SECTIONS_OF_MANY)[:2] == ["overview", "recordings"]
    assert [name for name in SECTIONS if name in SHOWN] == SHOWN


@pytest.mark.parametrize("name", SECTIONS_OF_MANY)
def test_every_section_has_a_question_an_answer_and_figures_with_words(name):
    section = SECTIONS_OF_MANY[name](FEW)
    assert section.title
    assert section.question.endswith(("?", "."))
    assert section.answer
    assert all(shown.caption.endswith(".") and len(shown.picture.alt) > 20 for shown in section.figures)
    assert section.figures or name == "overview"


@pytest.mark.parametrize("name", SHOWN)
def test_a_section_that_no_recording_could_answer_says_why(name):
    sessions = {k: dataclasses.replace(one, arrays={}, missing={name: "why not"}) for k, one in FEW.sessions.items()}
    section = SECTIONS_OF_MANY[name](factory_many.of_sessions(sessions))
    assert section.missing == "No recording could answer it. Why not."


def test_a_section_that_was_not_asked_for_says_so():
    sessions = {key: dataclasses.replace(one, arrays={}) for key, one in FEW.sessions.items()}
    results = factory_many.of_sessions(sessions)
    assert SECTIONS_OF_MANY["decoding"](results).missing == "This study did not ask for it."
    assert "no result that can be summed up" in said(SECTIONS_OF_MANY["overview"](results))


def test_recordings_that_could_not_answer_are_counted_and_the_first_says_why():
    sessions = dict(FEW.sessions)
    first = sessions["rec-001"]
    arrays = {name: array for name, array in first.arrays.items() if name != "decoding"}
    sessions["rec-001"] = dataclasses.replace(first, arrays=arrays, missing={"decoding": "too few trials"})
    first, second = SECTIONS_OF_MANY["decoding"](factory_many.of_sessions(sessions)).warnings
    assert first.replace("\u00a0", " ") == "1 recording of 4 could not answer this (rec-001): Too few trials."
    assert second == "Not available: an interval over recordings needs 3 of them, and LM was found in fewer."


def test_the_answer_is_three_sentences_made_from_the_numbers():
    answer = [sentence.replace("\u00a0", " ") for sentence in SECTIONS_OF_MANY["overview"](FEW).answer]
    assert len(answer) == 3
    array = FEW.arrays["similarity_sessions"]
    at = array.sel(area="V1", candidate="net/conv2")
    mean, low, high = (f"{at[f'similarity_{end}'].item():.2f}" for end in ("mean", "mean_low", "mean_high"))
    assert "Over 4 recordings, for these 8 stimuli" in answer[0]
    assert f"V1 shares most geometry with net/conv2: mean {mean} (95 % interval {low} to {high})" in answer[0]
    assert "ceiling of raw values 0.9" in answer[0]
    assert "over 3 recordings" in answer[0], "the second area is in three of four"
    assert answer[1] == "None of the 4 other candidates fits as well, in either area."
    assert "p ≤ 0.05 in 4 of 4 recordings, 0.20 expected by chance" in answer[2]
    assert "above chance" in answer[2]


def test_candidates_that_cannot_be_told_from_the_highest_are_named():
    section = SECTIONS_OF_MANY["encoding"](FEW)
    assert "predicted best from net/fc" in section.answer[0]
    assert "; net/conv2 cannot be told from it." in section.answer[0]
    assert {row[0]: row[-1] for row in section.tables[0].rows if row[-1] == "yes"} == {
        "net/conv2": "yes",
        "net/fc": "yes",
    }


def test_two_recordings_claim_nothing_and_say_so():
    results = factory_many.make_many(2)
    overview = said(SECTIONS_OF_MANY["overview"](results))
    assert "no candidate is found to share geometry with an area: an interval needs 3 of them" in overview
    assert "So no candidate is named the highest." in overview
    assert "2 recordings: fewer than 3, so no interval over recordings is given, and no claim made." in overview
    rows = [row for table in SECTIONS_OF_MANY["similarity"](results).tables[:2] for row in table.rows]
    assert {row[-1] for row in rows} == {"no claim"}


def test_recordings_of_one_animal_say_nothing_of_others():
    overview = said(SECTIONS_OF_MANY["overview"](factory_many.make_many(4, per_animal=4)))
    assert "All recordings are of one animal" in overview
    assert "of this one animal; it says nothing of other animals" in overview


def test_two_animals_are_too_few_and_three_are_the_samples():
    assert "2 animals: fewer than 3" in said(SECTIONS_OF_MANY["overview"](factory_many.make_many(4, per_animal=2)))
    results = factory_many.make_many(6, per_animal=2)
    overview = said(SECTIONS_OF_MANY["overview"](results))
    assert "Over 6 recordings of 3 animals" in overview
    assert "animals are the samples" in overview
    assert "fewer than 3" not in overview
    table = SECTIONS_OF_MANY["decoding"](results).tables[0]
    assert table.columns[:3] == ("area", "recordings", "animals")
    assert table.rows[0][:3] == ("V1", "6", "3")


def test_very_unequal_recordings_are_warned_of():
    sessions = {**FEW.sessions, "small": factory_many.make_recording(seed=9, data={"n_units": 4})}
    warnings = " ".join(SECTIONS_OF_MANY["overview"](factory_many.of_sessions(sessions)).warnings)
    assert "Recordings are very unequal: 4 to" in warnings
    assert "unequal" not in " ".join(SECTIONS_OF_MANY["overview"](FEW).warnings)


def test_recordings_that_failed_are_named_with_the_reason():
    overview, recordings = (SECTIONS_OF_MANY[name](FEW) for name in ("overview", "recordings"))
    assert "1 recording of 5 failed and is in no number here: rec-004 because: the file" in said(overview)
    assert recordings.tables[1].rows == (("rec-004", "The file <b>ends</b> too early."),)
    assert "Of 4 recordings, LM is in 3." in said(recordings)


def test_the_table_of_recordings_says_what_each_kept_and_dropped():
    table = SECTIONS_OF_MANY["recordings"](FEW).tables[0]
    assert [row[0] for row in table.rows] == list(FEW.sessions)
    row = dict(zip(table.columns, table.rows[2], strict=True))
    data = FEW.sessions["rec-002"].data
    assert row["trials"] == f"{data['n_trials']:,}"
    assert row["units by area"] == f"V1\u00a0{data['areas']['V1']}"
    assert row["dropped"] == "20 trials: blank; 5 units: quality"


def test_many_areas_get_one_sentence_with_the_range():
    results = factory_many.make_many(3, factory_many.AREAS)
    first, second, third = SECTIONS_OF_MANY["overview"](results).answer
    assert "of 6 areas, is net/conv2 in 2" in first
    assert "its mean runs from" in first
    assert "ceilings of raw values from" in first
    assert "in any area" in second or "cannot be told" in second
    assert "6 of 6\u00a0areas exceed it by their interval" in third


def test_of_many_recordings_the_values_of_each_are_left_to_the_file_and_their_range_is_told():
    many = SECTIONS_OF_MANY["reliability"](factory_many.make_many(13, ("V1",)))
    assert len(many.tables) == 1
    assert "lowest to highest" in many.tables[0].columns
    few = SECTIONS_OF_MANY["reliability"](FEW)
    assert few.tables[1].rows[2][2] == "–"
    assert "lowest to highest" not in few.tables[0].columns


def test_different_stimuli_leave_distances_without_a_mean():
    sessions = {**FEW.sessions, "other": factory_many.make_recording(seed=8, n_stimuli=6)}
    section = SECTIONS_OF_MANY["rdms"](factory_many.of_sessions(sessions))
    assert section.answer == ("The recordings have different stimuli, so their distances have no mean.",)
    assert "Not available: distances have no mean, since the recordings have different stimuli." in section.warnings


def test_methods_tell_the_options_that_the_study_chose_and_not_the_seed_that_its_recordings_share():
    own = {
        key: dataclasses.replace(one, spec={**one.spec, "options": {"activations": {"seed": 0}}})
        for key, one in FEW.sessions.items()
    }
    assert "Options chosen" not in said(SECTIONS_OF_MANY["methods"](dataclasses.replace(FEW, sessions=own)))
    chosen = {**FEW.spec, "options": {"decode": {"decoder": "svm"}}}
    text = said(SECTIONS_OF_MANY["methods"](dataclasses.replace(FEW, spec=chosen, sessions=own)))
    assert "Options chosen by the study: decoder = svm (decode);" in text


def test_methods_name_the_recordings_and_their_sources():
    section = SECTIONS_OF_MANY["methods"](FEW)
    assert [row[3] for row in section.tables[0].rows] == ["0", "1", "2", "3"]
    assert any(reference.startswith("Student (1908)") for reference in section.references)
    assert "over recordings, which count as independent" in said(section)
    assert "sessions = [" in said(section)


def test_the_page_of_many_is_chosen_by_its_sessions_and_holds_no_markup_of_a_message():
    arrays = {name: array for name, array in FEW.arrays.items() if name in ("sessions", "reliability_sessions")}
    page = render(dataclasses.replace(FEW, arrays=arrays))
    assert 'id="recordings"' in page
    assert "<b>ends</b>" not in page


def test_words_that_promise_more_than_similarity_are_not_said():
    for name in ("overview", "similarity", "encoding"):
        section = SECTIONS_OF_MANY[name](FEW)
        words = " ".join([*section.answer, section.question])
        assert not re.search("best model|computes like|the same", words)


def test_recordings_of_one_animal_stand_at_one_height():
    results = factory_many.make_many(6, per_animal=2)
    kept = results.arrays["sessions"].isel(session=[5, 0, 3, 1, 4, 2])
    crowd = crowd_of(kept, kept)
    assert [key[-1] for key in kept["session"].values[crowd.order]] == list("013254")
    assert crowd.joined
    np.testing.assert_array_equal(crowd.heights[::2], crowd.heights[1::2])
    assert len(set(crowd.heights)) == 3


def test_every_recording_is_a_dot_and_means_and_chance_are_said():
    array, kept = FEW.arrays["decoding_sessions"], FEW.arrays["sessions"]
    shown = figures_sessions.decoding_of_recordings(array, kept)
    dots = re.findall(r'<use [^>]*style="[^"]*area-0', shown.svg)
    assert len(dots) == 4
    assert "chance 0.12" in shown.alt or "chance 0.13" in shown.alt
    assert f"V1 {array['accuracy_window_mean'].sel(area='V1').item():.2f}" in shown.alt


def test_more_areas_and_candidates_than_rows_are_shades():
    candidates = {f"net/layer{k}": "network" for k in range(60)}
    arrays = factory_many.make_many(3, factory_many.AREAS[:3], candidates=candidates).arrays
    shown = figures_sessions_candidates.similarity_of_recordings(arrays["similarity_sessions"], arrays["sessions"])
    assert "<image" in shown.svg


@pytest.mark.slow
@pytest.mark.parametrize(("n", "areas"), [(300, 2), (3, 1), (30, 6)])
def test_the_page_is_drawn_for_few_and_for_many(n: int, areas: int):
    results: Results = factory_many.make_many(n, factory_many.AREAS[:areas], per_animal=3 if n == 30 else 0)
    page = render(results)
    assert page.count("<figure>") >= 8
    assert len(page) < 5_000_000
