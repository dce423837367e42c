"""Each section says its numbers in sentences, with interval, chance and n, or the one thing that is missing."""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib

import factory
import numpy as np
import pytest

from conftest import ROOT
from neurodata4ml.report.answer import three_sentences
from neurodata4ml.report.reproduce import citations, how_to_run, study_file
from neurodata4ml.report.sections.across import across_sentences
from neurodata4ml.report.sections.sections import SECTIONS
from neurodata4ml.report.sections.study import question
from neurodata4ml.report.sources import references
from neurodata4ml.report.words import compact, count, interval, listing, named, number, p_value, plain, sentence
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec, read_spec

RESULTS = factory.make_results(n_stimuli=20, n_conditions=4)
COMPUTED = [name for name in SECTIONS if name not in ("overview", "controls", "methods")]


def changed(name: str, **variables: object) -> Results:
    """Return the demo's results with some variables of one array overwritten."""
    array = RESULTS.arrays[name].copy(deep=True)
    for variable, value in variables.items():
        array[variable] = (array[variable].dims, np.broadcast_to(value, array[variable].shape))
    return dataclasses.replace(RESULTS, arrays={**RESULTS.arrays, name: array})


def all_text(results: Results, name: str) -> str:
    section = SECTIONS[name](results)
    tables = [cell for table in section.tables for row in table.rows for cell in row]
    return "\n".join([*section.answer, *section.reading, *section.warnings, section.question, *tables])


def test_sections_stand_in_the_order_of_a_readers_questions():
    assert list(SECTIONS) == [
        *("overview", "psth", "decoding", "latents", "dimensionality"),
        *("reliability", "rdms", "encoding", "similarity", "truth", "controls", "methods"),
    ]


@pytest.mark.parametrize("name", [name for name in SECTIONS if name != "controls"])
def test_every_section_has_a_question_and_a_figure_with_caption_and_alt_text(name):
    section = SECTIONS[name](RESULTS)
    assert section.title
    assert section.question.endswith(("?", "."))
    assert section.figures
    assert all(shown.caption.endswith(".") and len(shown.picture.alt) > 20 for shown in section.figures)
    assert not section.missing


@pytest.mark.parametrize("name", COMPUTED)
def test_a_section_without_results_is_the_one_sentence_that_says_why(name):
    lacking = factory.make_results(only=(), missing={name: "an RDM needs at least 4 conditions; type has 2"})
    section = SECTIONS[name](lacking)
    assert section.missing == "An RDM needs at least 4 conditions; type has 2."
    assert section == dataclasses.replace(type(section)(section.title), missing=section.missing)


def test_what_was_not_asked_for_says_so():
    assert SECTIONS["rdms"](factory.make_results(only=())).missing == "This study did not ask for it."


def test_the_answer_is_what_is_shared_what_fits_as_well_and_what_can_be_read():
    shared, alternatives, read = three_sentences(RESULTS)
    assert shared.startswith(
        "For these 20\u00a0stimuli, early (60\u00a0units) shares most geometry with digits/conv1: 0.8"
    )
    assert "late (60\u00a0units) shares most geometry with digits/fc1: 0.9" in shared
    assert "95\u00a0% interval" in shared
    assert "where noise allows 0.91" in shared
    assert alternatives == "None of the 9 other candidates fits equally well, in either area."
    assert "0.42 (95\u00a0% interval 0.39 to 0.45) from early (chance 0.050, p\u00a0=\u00a00.010)" in read


def test_alternatives_that_fit_equally_well_are_named():
    among = np.zeros((2, 10), dtype=bool)
    among[0, [0, 4]] = among[1, 2] = True
    said = three_sentences(changed("similarity", among_best=among))[1]
    assert said.endswith("as far as these data can tell: digits-untrained/conv1 in early; none in late.")


def test_without_networks_the_answer_says_what_is_missing():
    said = three_sentences(
        factory.make_results(only=("decoding", "reliability"), missing={"similarity": "there are no images"})
    )
    assert len(said) == 3
    assert said[0].startswith("The stimulus (100\u00a0classes) of a trial is read")
    assert said[2] == "There are no images."


def test_with_a_read_out_alone_the_answer_says_when_it_is_best():
    said = three_sentences(factory.make_results(only=("decoding",), missing={"similarity": "there are no images"}))
    assert len(said) == 3
    assert said[1].startswith("Bin by bin, the stimulus (100\u00a0classes) is read best with a balanced accuracy of ")
    assert said[2] == "There are no images."


def test_where_the_design_allows_no_p_none_is_told_of_the_best_bin():
    results = factory.make_results(only=("decoding",), missing={"similarity": "there are no images"})
    results.arrays["decoding"]["p_value_corrected"] *= np.nan
    assert "corrected" not in three_sentences(results)[1]


@pytest.mark.parametrize(("p", "verdict"), [(0.05, True), (0.049, False), (np.nan, False)])
def test_a_read_out_that_is_not_told_from_chance_says_so(p, verdict):
    results = changed("decoding", p_window=p)
    assert ("): not told from chance." in SECTIONS["decoding"](results).answer[0]) is verdict
    assert (": not told from chance) and " in three_sentences(results)[2]) is verdict


def test_a_similarity_whose_interval_holds_zero_is_not_sold_as_shared_geometry():
    assert "which is not above zero" in three_sentences(changed("similarity", low=-0.1))[0]


def test_where_nothing_is_above_zero_no_candidate_is_called_the_best():
    results = changed("similarity", best=np.array("", dtype=object), among_best=False)
    said = all_text(results, "similarity")
    assert "no similarity between an area and a candidate is found to lie above zero" in said
    assert "shares most geometry" not in said
    assert "equally well" not in said


def test_missing_numbers_are_not_turned_into_findings():
    nothing = changed("similarity", similarity=np.nan)
    assert "is found to lie above zero" in three_sentences(nothing)[0]
    assert "fits equally well" not in three_sentences(nothing)[1]
    assert "is not available" in SECTIONS["decoding"](changed("decoding", accuracy_window=np.nan)).answer[0]
    assert (
        "is not available"
        in SECTIONS["dimensionality"](changed("dimensionality", participation_ratio_cv=np.nan)).answer[0]
    )


def test_many_areas_are_told_by_their_range():
    forty = factory.make_results(tuple(f"V{i}" for i in range(40)), n_stimuli=4, only=("decoding",))
    assert "Across 40\u00a0areas" in three_sentences(forty)[0]


def test_the_smallest_possible_p_says_that_shuffles_bound_it():
    assert "p\u00a0=\u00a00.010, the smallest that 99 shuffles allow" in SECTIONS["decoding"](RESULTS).answer[0]


def test_a_design_that_allows_no_p_is_told_why():
    none = changed("decoding", p_window=np.nan, p_value_corrected=np.nan)
    none.arrays["decoding"].attrs["no_p"] = "blocks alternate, and their order was not randomised"
    section = SECTIONS["decoding"](none)
    assert section.warnings == ("There is no p-value: blocks alternate, and their order was not randomised.",)
    assert "p not available" in section.answer[0]


def test_accuracy_below_chance_is_a_warning_about_the_design():
    low = changed("decoding", accuracy_window=0.01, accuracy_window_low=0.0, accuracy_window_high=0.02)
    assert SECTIONS["decoding"](low).warnings[0].startswith("The read-out lies below chance in early and late.")


def test_an_untrained_twin_that_fits_as_well_is_a_warning():
    warnings = SECTIONS["similarity"](changed("similarity", among_best=True)).warnings
    assert "digits-untrained/conv1" in warnings[0]
    assert "no evidence for what training adds" in warnings[0]


@pytest.fixture(scope="module")
def section():
    return SECTIONS["similarity"](RESULTS)


def test_the_biased_metric_stands_beside_its_null(section):
    table = section.tables[-1]
    assert table.caption == "Biased similarity (and what independent data of this size give)"
    assert table.columns == ("candidate", "early", "late")
    assert table.rows[0][1].endswith(" (0.57)")


def test_each_area_has_its_set_its_nulls_and_its_ceilings_with_their_bands(section):
    table = section.tables[0]
    assert table.columns[2:] == (*("similarity (null)", "95\u00a0% interval", "raw", "p corrected", "RSA", "in set"),)
    assert table.rows[0][2].endswith(" (0)")
    assert [row[0] for row in table.rows if row[-1] == "yes"] == ["digits/conv1"]
    assert table.caption == ("early beside every candidate; noise ceiling of raw 0.91 (0.89 to 0.93), of RSA 0.81")


def test_p_comes_with_the_number_of_tests(section):
    said = " ".join(section.reading)
    assert "corrected for 20\u00a0tests (max-T over all cells of the table)" in said
    assert "allow no p below 0.0010" in said


def test_areas_are_compared_from_as_many_units_of_each_only(section):
    assert "compare only the matched similarities, from 20\u00a0units of each" in " ".join(section.answer)
    matched = section.tables[2]
    assert matched.caption.startswith("Matched similarity (unbiased linear CKA) from 20 units of every area")
    even = dataclasses.replace(
        RESULTS,
        arrays={"similarity": RESULTS.arrays["similarity"].drop_vars("matched").assign(n_units=("area", [9, 9]))},
    )
    assert "Each area has 9\u00a0units, so that their number does not favour any area" in all_text(even, "similarity")


def test_the_hierarchy_score_stands_beside_its_twins_and_shows_what_is_ranked(section):
    assert section.answer[-1] == (
        "Hierarchy score of the order early < late: digits 0.90 (95\u00a0% interval 0.50 to 1.00), "
        "p\u00a0=\u00a00.040; digits-untrained 0.40 (95\u00a0% interval \u22120.20 to 0.80), p\u00a0=\u00a00.30."
    )
    assert section.tables[3].rows[0][0] == "digits, early"
    array = RESULTS.arrays["similarity"].drop_vars(["hierarchy", "hierarchy_depth"])
    without = across_sentences(array.assign_attrs(no_hierarchy="here are 2 areas"))
    assert without[-1] == "No hierarchy score: here are 2 areas."


def test_the_twin_is_the_baseline_in_every_area(section):
    said = " ".join(section.answer)
    assert "untrained twin: digits by 0.10 (95\u00a0% interval 0.050 to 0.15) in early and 0.20 (95" in said


def test_a_biased_metric_is_not_said_to_be_zero_for_unrelated_data():
    array = RESULTS.arrays["similarity"].assign_attrs(metric="cka")
    said = three_sentences(dataclasses.replace(RESULTS, arrays={"similarity": array}))[0]
    assert "linear CKA" in said
    assert "0 is expected" not in said


def test_truth_counts_the_intervals_that_hold_it_and_names_the_others():
    inside = np.ones(RESULTS.arrays["truth"].sizes["row"], dtype=bool)
    inside[3] = False
    said = SECTIONS["truth"](changed("truth", inside=inside)).answer[0]
    assert said == (
        "The truth lies inside the 99.9\u00a0% interval of 39 of 40\u00a0estimates (11\u00a0quantities); "
        "outside: trial variance, late, mean of units."
    )


def test_a_miss_among_many_intervals_is_told_beside_what_chance_would_miss():
    array = changed("truth", inside=False).arrays["truth"].assign_attrs(confidence=0.95)
    said = SECTIONS["truth"](dataclasses.replace(RESULTS, arrays={"truth": array})).answer[0]
    assert said.endswith("and 35 more (about 2 would miss by chance).")


def test_truth_of_many_numbers_is_told_as_the_share_that_is_inside():
    array = RESULTS.arrays["truth"].copy(deep=True)
    n = array.sizes["row"]
    array["n_entries"] = ("row", np.where(np.arange(n) < 2, 6000, 1))
    array["share_inside"] = ("row", np.where(np.arange(n) < 2, 0.948, 1.0))
    section = SECTIONS["truth"](dataclasses.replace(RESULTS, arrays={"truth": array}))
    assert "in 94.8\u00a0% to 94.8\u00a0% of cases" in section.answer[1]
    assert section.tables[0].rows[0][2] == "6,000 intervals"
    assert section.tables[0].rows[0][-1] == "94.8\u00a0% inside"
    assert len(section.tables[0].rows) == 40


def test_simulated_is_said_in_the_overview_and_beside_the_truth():
    for name in ("overview", "truth"):
        assert "simulated" in all_text(RESULTS, name)
    real = factory.make_results(n_stimuli=4, only=(), data={"simulated": "no", "note": "", "species": "mouse"})
    assert "These data are simulated" not in all_text(real, "overview")


def test_the_overview_counts_what_was_dropped_and_why():
    text = all_text(RESULTS, "overview")
    for said in (
        "trials, dropped: blank\n120",
        "trials, in the recording\n2,120",
        "trials, analysed\n1,978",
        "BSD-3-Clause",
    ):
        assert said in text


def test_the_question_names_areas_window_and_trials():
    asked = dataclasses.replace(RESULTS, spec={**RESULTS.spec, "where": "contrast > 0"})
    assert question(asked) == (
        "How early and late of demo (simulated) represent the stimulus, from −0.1 to 0.35\u00a0s around onset, on "
        "trials where contrast > 0, and which of 10\u00a0candidate representations shares that geometry."
    )


def test_three_commands_make_the_page_again_verify_it_and_compare_the_two():
    first, *commands = how_to_run(Results({"source": "/srv/me/my recording.nwb"}, {}, {})).splitlines()
    assert [shlex.split(command)[:2] for command in commands] == [
        ["neurodata4ml", "report"],
        ["neurodata4ml", "verify"],
        ["neurodata4ml", "diff"],
    ]
    assert first.startswith("# save the study file below as study.toml in the folder of this page, beside my recording")
    assert "/srv/me" not in first
    assert "beside" not in how_to_run(Results({"source": "demo"}, {}, {}))


def test_a_file_with_a_line_end_in_its_name_cannot_add_a_command():
    assert len(how_to_run(Results({"source": "a\nrm -r b.nwb"}, {}, {})).splitlines()) == 4


@pytest.mark.parametrize("source", ["demo", "recording.nwb"])
def test_the_study_file_is_read_back_as_the_same_study(tmp_path, source):
    spec = read_spec(
        source, by="type", window=(-1.2, 0.6), networks=("digits",), order=("V1", "LM", "AL"), seed=3, out="elsewhere"
    )
    written = study_file(Results(spec.to_dict(), {}, {}))
    (tmp_path / source).touch()
    (tmp_path / "study.toml").write_text(written, encoding="utf-8")
    again = read_spec(tmp_path / "study.toml")
    assert dataclasses.replace(again, source=source, out="elsewhere") == spec
    assert "out" not in tomllib.loads(written)


def test_the_study_file_holds_every_choice_and_table(tmp_path):
    spec = Spec(
        "demo",
        sessions=("0", "1"),
        units="isi_violations < 0.5",
        areas=("late",),
        layers=("conv1", "logits"),
        analyses=("decode", "compare"),
        networks=("digits",),
        where="frame < 20",
        options={"decode": {"decoder": "svm", "n_folds": 4}, "compare": {"over": ["stimulus", "unit"]}},
    )
    (tmp_path / "study.toml").write_text(study_file(Results(spec.to_dict(), {}, {})), encoding="utf-8")
    assert read_spec(tmp_path / "study.toml") == spec


def test_the_study_file_writes_short_lists_as_people_do():
    listed = {"a": ["],", "[", "x = [", "#"], "b": [1, 2], "c": [[1], [2]], "long": ["word"] * 40}
    spec = Spec("demo", window=(-0.5, 1.0), options={"decode": listed})
    written = study_file(Results(spec.to_dict(), {}, {}))
    assert "window = [-0.5, 1.0]\n" in written
    assert tomllib.loads(written)["decode"] == listed
    assert max(map(len, written.splitlines())) <= 110


def test_several_files_are_named_in_the_study_file_by_their_names(tmp_path):
    for name in ("a.nwb", "b.nwb"):
        (tmp_path / name).touch()
    files = tuple(str(tmp_path / name) for name in ("a.nwb", "b.nwb"))
    written = study_file(Results(Spec(files[0], files=files).to_dict(), {}, {}))
    assert str(tmp_path) not in written
    (tmp_path / "study.toml").write_text(written, encoding="utf-8")
    assert read_spec(tmp_path / "study.toml").files == files


def test_candidates_within_the_interval_of_the_best_encoder_are_named():
    array = RESULTS.arrays["encoding"]
    best, second = (str(name) for name in array["candidate"].values[:2])
    others = dict.fromkeys(array["candidate"].values[2:], 0.1)
    middle = np.array([0.6, 0.55, *others.values()])
    said = all_text(changed("encoding", median=middle, median_low=middle - 0.1, median_high=middle + 0.1), "encoding")
    assert f"predicted best from {best}" in said
    assert f"Within that interval lies {second} (0.55) as well." in said
    clear = all_text(changed("encoding", median=middle, median_low=middle - 0.01), "encoding")
    assert "Within that interval" not in clear


def test_the_width_of_the_bins_of_a_course_is_told_where_its_times_are():
    one = changed("decoding")
    one.arrays["decoding"].attrs["bin_width"] = 0.2
    said = all_text(one, "decoding")
    captions = [shown.caption for shown in SECTIONS["decoding"](one).figures]
    assert any("from each time bin of 200\u00a0ms, drawn at its middle," in caption for caption in captions)
    assert "A time is the middle of a bin of 200\u00a0ms." in said
    assert "; over time, in bins of 200\u00a0ms" in all_text(one, "methods")


def test_the_citation_is_bibtex_with_a_bare_doi():
    assert "  doi = {10.1234/demo}," in citations(
        factory.make_results(only=(), data={"doi": "https://doi.org/10.1234/demo"})
    )


def test_a_hostile_title_stays_within_its_entry_and_the_software_is_cited_as_in_its_own_file():
    hostile = "a_b & 50% } @misc{x, \\input{/etc/passwd}"
    said = citations(Results({}, {"title": hostile}, {}, software={"neurodata4ml": "0.1.0"}))
    assert said.count("@misc{") == 2
    assert said.count("{") == said.count("}")
    assert r"title = {{a\_b \& 50\% \textbraceright{} @misc\textbraceleft{}x, \textbackslash{}input" in said
    facts = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for name in ("author", "title"):
        (own,) = re.findall(rf"{name} = {{{{(neurodata4ml: .*|the .*)}}}}", said)
        assert f'"{own}"' in facts


def test_references_are_those_of_the_methods_that_were_used():
    for author in ("Murphy", "Güçlü", "Nichols"):
        assert any(author in line for line in references(RESULTS))
    assert not any("Horn" in line for line in references(RESULTS))
    bare = references(factory.make_results(only=()))
    assert [line.split()[0] for line in bare] == ["Hoyer", "Rübel"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.8234, "0.82"),
        (0.0996, "0.10"),
        (12.34, "12.3"),
        (34057, "34,057"),
        (-0.0312, "−0.031"),
        (2.5e-7, "2.5e−07"),
        (0, "0"),
        (np.nan, "not available"),
        (None, "not available"),
        ("x", "not available"),
    ],
)
def test_numbers_read_like_numbers(value, said):
    assert number(value) == said


def test_words_for_small_things():
    assert interval(0.5, 0.4, 0.6, units="Hz") == "0.50\u00a0Hz (95\u00a0% interval 0.40 to 0.60)"
    assert interval(0.5, np.nan, 0.6) == "0.50"
    assert count(1, "stimulus", "stimuli") == "1\u00a0stimulus"
    assert count(None, "trial") == "an unknown number of trials"
    assert listing(["a", "b", "c", "d", "e"], 4) == "a, b, c and 2 more"
    assert listing([]) == ""
    assert compact(-0.1) == "−0.1"
    assert p_value(np.nan) == "p not available"
    assert sentence("why not?") == "Why not?"
    assert len(named("a" * 10_000)) <= 56


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\u202eb\u0000c\nd", "a b c d"),
        ("see https://doi.org/10.1/x", "see doi:10.1/x"),
        ("http://a.example/b", "a.example/b"),
        ("data: licence", "data: licence"),
        ("95\u00a0%", "95\u00a0%"),
    ],
)
def test_plain_text_cannot_steer_a_page(text, said):
    assert plain(text) == said


def test_a_page_says_that_parts_of_a_file_were_read_and_that_a_table_was_repaired():
    of = {"excerpt": "units, natural_scenes", "not_in_excerpt": "38 of 60 units", "repaired": "blanks came back"}
    text = all_text(factory.make_results(data=of), "overview") + all_text(factory.make_results(data=of), "methods")
    assert "units, natural_scenes; left out: 38 of 60 units" in text
    assert "blanks came back" in text
    assert "SHA-256, of the excerpt" in text
    assert "by its ETag" not in text
    proven = all_text(factory.make_results(data={**of, "source_sha256": "ab" * 32}), "overview")
    assert "SHA-256, of the whole file, by its ETag" in proven
    assert "ab" * 32 in proven
    assert "excerpt" not in all_text(RESULTS, "overview") + all_text(RESULTS, "methods")


def with_attrs(name: str, **attrs: object) -> Results:
    """Return the demo's results with other attributes of one array."""
    array = RESULTS.arrays[name].assign_attrs(attrs)
    return dataclasses.replace(RESULTS, arrays={**RESULTS.arrays, name: array})


@pytest.mark.parametrize(
    ("name", "attrs", "author"),
    [
        ("decoding", {"decoder": "svm"}, "Cortes"),
        ("latents", {"method": "gpfa"}, "Yu BM"),
        ("dimensionality", {"method": "parallel"}, "Horn"),
        ("reliability", {"method": "split_half"}, "Brown W"),
        ("rdms", {"distance_brain": "crossnobis"}, "Walther"),
        ("encoding", {"encoder": "banded"}, "Nunez-Elizalde"),
        ("similarity", {"correction": "fdr"}, "Benjamini"),
    ],
)
def test_a_method_is_cited_where_it_was_chosen_and_only_there(name, attrs, author):
    assert any(line.startswith(author) for line in references(with_attrs(name, **attrs)))
    assert not any(line.startswith(author) for line in references(RESULTS))


def test_the_methods_say_what_was_used_with_the_papers_behind_it():
    said = " ".join(SECTIONS["methods"](RESULTS).reading)
    assert "60\u00a0units" not in said.split(".")[0]
    assert "1,978\u00a0trials were analysed" in said
    assert "decoded by linear discriminant analysis, scored by balanced accuracy" in said
    assert "Ledoit & Wolf 2004" in said
    assert "10\u00a0candidates by unbiased linear CKA" in said
    assert "Options chosen" not in said


def test_options_of_the_study_stand_in_the_methods():
    spec = {**RESULTS.spec, "options": {"decode": {"decoder": "svm"}}, "units": "snr > 2"}
    said = " ".join(SECTIONS["methods"](dataclasses.replace(RESULTS, spec=spec)).reading)
    assert "Options chosen by the study: decoder = svm (decode)" in said
    assert "units where snr > 2" in said


def test_controls_say_what_was_seen_without_and_what_follows():
    rows = {row[0]: row for row in SECTIONS["controls"](RESULTS).tables[0].rows}
    read = rows["the stimulus can be read"]
    assert read[1] == "99\u00a0shuffles of the labels, within blocks"
    assert "early: chance 0.050, p\u00a0=\u00a00.010" in read[2]
    assert read[3] == "better than chance"
    twin = rows["training makes features that predict units better (digits)"]
    assert twin[3] == "the trained network predicts better in late; what training adds is not shown in early"


def test_a_claim_that_its_control_does_not_bear_out_is_told_so():
    fallen = changed("decoding", p_window=np.array([0.01, 0.4]), p_value_corrected=0.6)
    rows = SECTIONS["controls"](fallen).tables[0].rows
    assert rows[0][3] == "better than chance in early; not told from chance in late"
    assert rows[1][3] == "in no bin told from chance"


def test_too_few_shuffles_are_not_taken_for_a_claim_that_fell():
    few = changed("decoding", p_window=0.05, p_value_corrected=0.05)
    few.arrays["decoding"].attrs["n_shuffles"] = 19
    rows = SECTIONS["controls"](few).tables[0].rows
    assert rows[0][3] == "19\u00a0shuffles cannot give p < 0.05: ask for more"


def test_an_untrained_candidate_among_the_best_is_a_control_that_did_not_hold():
    rows = SECTIONS["controls"](changed("similarity", among_best=True)).tables[0].rows
    found = next(row for row in rows if row[0].startswith("the best candidate fits better than what was never"))
    assert "digits-untrained/conv1" in found[2]
    assert found[3] == "at least one fits as well"


def test_without_claims_there_are_no_controls():
    section = SECTIONS["controls"](factory.make_results(only=("psth", "latents")))
    assert section.missing == "This study makes no claim for which a control is known."


def test_descriptions_are_named_as_what_no_control_was_run_for():
    assert "No control was run for firing rates" in SECTIONS["controls"](RESULTS).reading[0]


def test_units_are_predicted_beside_their_ceiling_and_the_twin():
    section = SECTIONS["encoding"](RESULTS)
    assert section.answer[0].startswith("The 60\u00a0units of early are predicted best from gabor: median correlation")
    assert "where a perfect model would reach 0.90" in section.answer[0]
    assert (
        "above the highest of the untrained twin: digits by 0.010 (95\u00a0% interval \u22120.020 to 0.040) in early"
        in section.answer[-1]
    )
    assert section.tables[0].caption == "Units of early predicted from every candidate; ceiling 0.90"


def test_what_the_numbers_are_is_said_in_words_for_readers():
    said = SECTIONS["encoding"](RESULTS).explained
    assert said[0] == ("What is estimated", "How well unbiased linear CKA reads.")
    assert said[-1] == ("What would break it", "Frames of a movie.")
