"""A report that is as it was verifies; whatever was done to it, its data or its lock is found, and named."""

import hashlib
import json
import os
import platform
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

import crowds
import twins
from neurodata4ml.errors import NeuroDataError, NotCachedError
from neurodata4ml.record import study_lock
from neurodata4ml.record.environment import environment
from neurodata4ml.record.netcdf import save_netcdf
from neurodata4ml.report.folder import write_report
from neurodata4ml.report.page import render
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies.run import run_study
from neurodata4ml.verification import again
from neurodata4ml.verification.difference import difference
from neurodata4ml.verification.verify import _spec, verify
from several import own_entry
from zarr_samples import unpacked_sample

QUESTION = {
    "trials": "natural_scenes_presentations",
    "by": "frame",
    "align": "start_time",
    "window": (0.0, 0.25),
    "bin_width": 0.05,
    "n_shuffles": 9,
    "areas": ("VISp",),
    "analyses": ("rates", "latents", "reliability"),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return a folder that holds a recording and its report."""
    home = tmp_path_factory.mktemp("verified")
    recording = twins.allen_twin(home / "mouse.nwb", n_units=24, n_blocks=6)
    write_report(run_study(Spec(source=str(recording), **QUESTION)), home / "report")
    return home


@pytest.fixture
def home(made, tmp_path):
    """Return a copy of it, to be spoilt."""
    return shutil.copytree(made, tmp_path / "home")


@pytest.fixture
def run_before(made, monkeypatch):
    """Let the run again give what the first one gave: what is tested has nothing to do with it."""
    results = Results.load(made / "report" / "results.json")
    monkeypatch.setattr(again, "run_study", lambda spec, **options: results)


def change(folder, edit):
    path = folder / "results.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    edit(raw)
    path.write_text(json.dumps(raw, indent=1), encoding="utf-8")


def places(found, verdict):
    return {(check.section, check.variable): check.note for check in found.checks if check.verdict == verdict}


# as it was


def test_a_report_as_it_was_written_is_identical(home):
    before = {path: path.read_bytes() for path in (home / "report").rglob("*") if path.is_file()}
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("identical", 0)
    assert not found.reasons
    assert {check.section for check in found.checks} >= {"psth", "latents", "reliability", "data"}
    assert "all 3 sections" in str(found)
    assert before == {path: path.read_bytes() for path in (home / "report").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_report_moves_with_its_data(home, tmp_path):
    moved = shutil.move(home, tmp_path / "elsewhere")
    assert verify(moved / "report", quick=True).verdict == "identical"


@pytest.mark.parametrize("section", ["psth", "latents", "reliability"])
def test_what_a_section_says_does_not_depend_on_which_others_are_asked_for(made, section):
    stored = Results.load(made / "report" / "results.json")
    alone = run_study(Spec(source=str(made / "mouse.nwb"), **{**QUESTION, "analyses": (again.ANALYSIS_OF[section],)}))
    assert stored.arrays[section].identical(alone.arrays[section])


def test_a_report_beside_itself_differs_in_nothing(home, tmp_path):
    shutil.copytree(home / "report", home / "copy")
    page = difference(home / "report", home / "copy", tmp_path / "beside").read_text(encoding="utf-8")
    assert "that both have are equal" in page
    assert "every version, and the processor, are equal" in page


# a tenth


@pytest.mark.slow
def test_quick_runs_a_tenth_and_the_seed_says_which(home):
    found = verify(home / "report", quick=True, seed=3)
    assert found.verdict == "identical"
    assert found.scope.startswith("1 of 3 sections, chosen by --seed 3: ")
    assert found.scope == verify(home / "report", quick=True, seed=3).scope


def test_a_tenth_is_one_in_ten_and_at_least_one_and_all_are_chosen_at_times():
    pairs = [("", f"section {i}") for i in range(40)]
    assert len(again.a_tenth(pairs, 0)) == 4
    assert len(again.a_tenth(pairs[:3], 0)) == 1
    assert {pair for seed in range(200) for pair in again.a_tenth(pairs, seed)} == set(pairs)


# tampered


def test_a_flipped_number_is_found_and_the_right_one_is_told(home):
    values = ("arrays", "reliability", "data_vars", "reliability", "data")

    def flip(raw):
        for name in values[:-1]:
            raw = raw[name]
        raw["data"][3] = 0.777

    truth = Results.load(home / "report" / "results.json").arrays["reliability"]["reliability"]
    change(home / "report", flip)
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("tampered", 4)
    assert set(places(found, "tampered")) == {("results.json", ""), ("reliability", "")}
    (note,) = places(found, "different").values()
    assert f"unit={truth['unit'].values[3]}: 0.777 in the report, {truth.values[3].item()!r} in a new run" in note


def test_a_changed_seed_is_named_wherever_it_was_changed(home, run_before):
    change(home / "report", lambda raw: raw["spec"].update(seed=7))
    found = verify(home / "report")
    assert found.exit_code == 4
    said = "7 in results.json, 0 in study.lock; it was changed in results.json"
    assert places(found, "tampered")[("study", "seed")] == said
    assert not places(found, "different")  # run with the seed of the lock


def test_a_changed_seed_in_the_lock_is_named_and_not_believed(home, monkeypatch):
    asked = []
    monkeypatch.setattr(again, "run_study", lambda spec, **options: asked.append(spec.seed) or run_study(spec))
    lock = home / "report" / study_lock.NAME
    text = lock.read_text(encoding="utf-8")
    assert text.count("seed = 0") >= 1
    lock.write_text(text.replace("seed = 0", "seed = 7"), encoding="utf-8")
    found = verify(home / "report")
    assert found.exit_code == 4
    assert "it was changed in study.lock" in places(found, "tampered")[("study", "seed")]
    assert "its own digest" in places(found, "tampered")[("study.lock", "")]
    assert asked == [0]


@pytest.mark.parametrize(
    ("spoil", "where", "says"),
    [
        (lambda raw: raw["arrays"].pop("psth"), "psth", "it was taken out"),
        (lambda raw: raw["arrays"].update(rdms=raw["arrays"]["latents"]), "rdms", "it was added"),
        (lambda raw: raw["data"].update(n_trials=1), "data", "not what the lock has the digest of"),
    ],
)
def test_a_section_that_was_taken_out_or_added_is_named(home, run_before, spoil, where, says):
    change(home / "report", spoil)
    found = verify(home / "report")
    assert found.exit_code == 4
    assert says in places(found, "tampered")[(where, "")]


@pytest.mark.parametrize("name", ["index.html", "results.nc"])
def test_a_deleted_file_is_named(home, run_before, name):
    (home / "report" / name).unlink()
    found = verify(home / "report")
    assert found.exit_code == 4
    assert places(found, "tampered") == {(name, ""): "the file is in the lock, and not in the folder"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema": "neurodata4ml/results/1"}', "\xff"])
def test_results_that_cannot_be_read_are_tampered_and_nothing_breaks(home, text):
    (home / "report" / "results.json").write_text(text, encoding="latin-1")
    found = verify(home / "report")
    assert found.exit_code == 4
    assert "it cannot be read" in found.checks[-1].note


def test_what_was_tampered_with_is_told_even_where_the_data_are_gone(home):
    (home / "mouse.nwb").unlink()
    (home / "report" / "index.html").write_text("nothing", encoding="utf-8")
    found = verify(home / "report")
    assert found.exit_code == 4
    assert found.scope.startswith("nothing was run again: the recording mouse.nwb")


# data


def test_a_swapped_recording_is_named_with_both_digests(home):
    right = given_sha(home)
    twins.allen_twin(home / "mouse.nwb", n_units=24, n_blocks=6, seed=1)
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("different", 1)
    (note,) = places(found, "different").values()
    assert right in note
    assert given_sha(home) in note
    assert found.reasons[0].what == "data"


def given_sha(home):
    import hashlib

    return hashlib.sha256((home / "mouse.nwb").read_bytes()).hexdigest()


def test_data_that_are_nowhere_say_what_to_type(home):
    (home / "mouse.nwb").unlink()
    with pytest.raises(NotCachedError, match=r"mouse\.nwb \(sha256 .*neurodata4ml verify .* --data FILE_OR_FOLDER"):
        verify(home / "report")


@pytest.mark.slow
@pytest.mark.parametrize("named", ["file", "folder"])
def test_data_that_moved_are_found_by_name_or_by_digest(home, tmp_path, named):
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(home / "mouse.nwb", other / "renamed.nwb")
    (other / "another.nwb").write_bytes(b"no recording")
    data = other / "renamed.nwb" if named == "file" else other
    assert verify(home / "report", data=data, quick=True).verdict == "identical"


def test_of_two_files_of_one_name_the_one_with_the_bytes_is_taken(home, tmp_path):
    other = tmp_path / "other"
    (other / "below").mkdir(parents=True)
    shutil.move(home / "mouse.nwb", other / "below" / "mouse.nwb")
    (other / "mouse.nwb").write_bytes(b"another recording")
    assert verify(home / "report", data=other, quick=True).verdict == "identical"


def forge(home, before, after):
    """Change the lock, and its own digest with it."""
    path = home / "report" / study_lock.NAME
    body, _, _ = path.read_text(encoding="utf-8").rpartition("\n[self]\n")
    assert before in body
    body = body.replace(before, after)
    own = hashlib.sha256(body.encode()).hexdigest()
    path.write_text(f'{body}\n[self]\nsha256 = "{own}"\n', encoding="utf-8")
    assert study_lock.read(home / "report").is_whole


def test_a_seed_that_only_the_lock_has_is_named(home, run_before):
    forge(home, "[seeds]\nstudy = 0", "[seeds]\nstudy = 5")
    found = verify(home / "report")
    assert places(found, "tampered")[("study.lock: seeds", "study")] == "0 by results.json, 5 in study.lock"


def test_a_file_that_the_lock_no_longer_lists_is_named(home, run_before):
    digest = study_lock.read(home / "report").pages["index.html"]
    forge(home, f'"index.html" = "{digest}"\n', "")
    (home / "report" / "index.html").write_text("another page", encoding="utf-8")
    assert "it was taken out" in places(verify(home / "report"), "tampered")[("study.lock: pages", "index.html")]


# environment


def with_environment(home, **changed):
    """Rewrite the lock as one that was made elsewhere: everything in it holds together."""
    folder = home / "report"
    results = replace(Results.load(folder / "results.json"), places={"": str(home / "mouse.nwb")})
    results.software.update({name: version for name, version in changed.items() if name in results.software})
    results.save(folder / "results.json")
    save_netcdf(results, folder / "results.nc")
    (folder / "index.html").write_text(render(results), encoding="utf-8")
    under(home, **changed)


def under(home, **changed):
    """Write a lock that holds together with whatever lies in the folder, of another environment."""
    folder, own = home / "report", environment()
    results = replace(Results.load(folder / "results.json"), places={"": str(home / "mouse.nwb")})
    study_lock.write(results, folder, replace(own, packages={**own.packages, **changed}), "2026-01-01T00:00:00Z", 1.0)


def signed(home, edit=lambda results: None):
    """Change the results, and write a lock that holds together with whatever lies in the folder."""
    folder = home / "report"
    results = replace(Results.load(folder / "results.json"), places={"": str(home / "mouse.nwb")})
    edit(results)
    results.save(folder / "results.json")
    study_lock.write(results, folder, environment(), "2026-01-01T00:00:00Z", 1.0)


def signed_anew(home, edit):
    """The same, with the page and the arrays that follow from the changed results."""
    folder = home / "report"
    results = Results.load(folder / "results.json")
    edit(results)
    results.save(folder / "results.json")
    stored = Results.load(folder / "results.json")
    save_netcdf(stored, folder / "results.nc")
    (folder / "index.html").write_text(render(stored), encoding="utf-8")
    signed(home)


@pytest.mark.slow
@pytest.mark.parametrize("forged", [b"<h1>The brain is a network</h1>", b"", b"\xff"])
def test_a_forged_page_is_found_though_the_lock_was_made_to_fit(home, run_before, forged):
    (home / "report" / "index.html").write_bytes(forged)
    signed(home)
    assert list(places(verify(home / "report"), "tampered")) == [("index.html", "")]


def test_a_forged_page_is_found_though_the_lock_speaks_of_another_environment(home, run_before):
    page = home / "report" / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</h1>", " and a network is a brain</h1>"))
    under(home, jinja2="2.0")
    assert list(places(verify(home / "report"), "tampered")) == [("index.html", "")]


def test_what_draws_nothing_is_no_reason_for_another_drawing(home, run_before):
    page = home / "report" / "index.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("</svg>", "<text>r = 0.99</text></svg>", 1), encoding="utf-8")
    under(home, certifi="1.0")
    assert list(places(verify(home / "report"), "tampered")) == [("index.html", "")]


def test_results_of_which_no_page_can_be_made_are_tampered(home, run_before):
    signed(home, lambda results: results.data.update(n_trials="x"))
    (note,) = places(verify(home / "report"), "tampered").values()
    assert "no page can be made of results.json (ValueError: " in note


@pytest.mark.slow
def test_an_invented_reason_why_a_section_is_missing_is_different(home, run_before):
    said = "Decoding reached 99 percent correct in every area, as the authors of this study had expected."
    signed_anew(home, lambda results: results.missing.update(decoding=said))
    found = verify(home / "report")
    assert list(places(found, "different")) == [("decoding", "words")]


def test_an_invented_package_of_the_results_is_tampered(home, run_before):
    signed_anew(home, lambda results: results.software.update(MATLAB="R2030a", python="9.9"))
    found = places(verify(home / "report"), "tampered")
    assert found == {
        ("study.lock: software", "MATLAB"): "R2030a by results.json, none in study.lock",
        ("study.lock: software", "python"): f"9.9 by results.json, {platform.python_version()} in study.lock",
    }


@pytest.mark.slow
def test_a_study_that_nobody_can_ask_is_different_and_no_mistake_of_who_verifies(home):
    signed_anew(home, lambda results: results.spec.update(bin_width=-1))
    found = verify(home / "report")
    assert found.exit_code == 1
    assert "a new run ends with: " in places(found, "different")["study", ""]


@pytest.mark.parametrize("name", ["/somewhere/else", "../pwned", "", "no/such/dir", "x" * 5000])
def test_a_report_links_nothing_outside_of_a_folder_of_its_own(home, name):
    lock = home / "report" / study_lock.NAME
    text = lock.read_text(encoding="utf-8")
    assert 'name = "mouse.nwb"' in text
    lock.write_text(text.replace('name = "mouse.nwb"', f'name = "{name}"'), encoding="utf-8")
    found = verify(home / "report")
    assert list(places(found, "tampered")) == [("study.lock", "")]
    assert "of a [[file]]" in found.checks[0].note


def test_a_path_that_is_too_long_is_data_that_are_nowhere(home):
    forge(home, 'path = "../mouse.nwb"', f'path = "{"x" * 5000}"')
    with pytest.raises(NotCachedError, match=r"the recording mouse\.nwb .* is not at "):
        verify(home / "report")


@pytest.mark.slow
def test_another_version_may_draw_otherwise_and_says_nothing_else(home, run_before):
    with_environment(home, matplotlib="2.0")
    page = home / "report" / "index.html"
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") > 1
    drawn = re.compile(r"<svg\b[^>]*>(?P<drawing>.*?)</svg>", re.DOTALL)
    first = drawn.search(text)
    assert first
    begin, end = first.span("drawing")
    page.write_text(f"{text[:begin]}<path d='M 0 0 L 1 1'/>{text[end:]}", encoding="utf-8")
    under(home, matplotlib="2.0")
    found = verify(home / "report")
    assert found.verdict == "identical"
    assert "the drawings on the page were not compared, since other versions draw otherwise" in str(found)
    for forged in (
        text[:begin] + "<foreignObject><h2>Forged</h2></foreignObject>" + text[begin:],
        text.replace('aria-label="Kept and dropped', 'aria-label="Nothing was dropped'),
        text.replace("</h1>", "</h1><svg aria-label='x'><text>r = 0.99</text></svg>"),
        text.replace("</h1>", "</h1> data: r = 0.99 (forged)"),
    ):
        assert forged != text
        page.write_text(forged, encoding="utf-8")
        under(home, matplotlib="2.0")
        assert list(places(verify(home / "report"), "tampered")) == [("index.html", "")]
    page.write_text(text.replace("</h1>", " and a network is a brain</h1>"), encoding="utf-8")
    under(home, matplotlib="2.0")
    assert list(places(verify(home / "report"), "tampered")) == [("index.html", "")]


def test_the_page_of_another_version_of_this_package_is_not_compared_and_that_is_said(home, run_before):
    with_environment(home, neurodata4ml="0.0.1")
    (home / "report" / "index.html").write_text("a page as they were then", encoding="utf-8")
    under(home, neurodata4ml="0.0.1")
    found = verify(home / "report")
    assert found.verdict == "identical"
    assert "the page was not compared, since another version of neurodata4ml wrote it" in str(found)


@pytest.mark.slow
def test_another_draw_is_different_where_nothing_differs_that_would_lead_to_it(home, monkeypatch):
    study = Spec(source=str(home / "mouse.nwb"), **{**QUESTION, "analyses": ("decode",)})
    write_report(run_study(study), home / "report", force=True)
    moved = Results.load(home / "report" / "results.json")
    p = moved.arrays["decoding"]["p_value"].values
    p.flat[0] = p.flat[0] + 0.1 if p.flat[0] < 0.5 else p.flat[0] - 0.1
    monkeypatch.setattr(again, "run_study", lambda spec, **options: moved)
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("different", 1)
    assert (
        "nothing in the lock differs here that would lead to another draw"
        in places(found, "different")["decoding", "p_value"]
    )
    under(home, jinja2="2.0")
    assert verify(home / "report").verdict == "different"
    under(home, numpy="1.26.4")
    with_environment(home, numpy="1.26.4")
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("within tolerance", 0)
    assert "no more than another draw" in places(found, "within tolerance")["decoding", "p_value"]


@pytest.mark.slow
def test_a_number_beside_none_is_no_rounding(home, run_before, monkeypatch):
    moved = Results.load(home / "report" / "results.json")
    name = next(name for name, value in moved.arrays["psth"].attrs.items() if isinstance(value, int))
    moved.arrays["psth"].attrs[name] = ""
    monkeypatch.setattr(again, "run_study", lambda spec, **options: moved)
    with_environment(home, numpy="1.26.4")
    assert list(places(verify(home / "report"), "different")) == [("psth", "attributes")]


@pytest.mark.slow
def test_forged_arrays_are_found_though_the_lock_was_made_to_fit(home, run_before):
    (home / "report" / "results.nc").write_bytes(b"nothing at all")
    signed(home)
    assert list(places(verify(home / "report"), "tampered")) == [("results.nc", "")]
    arrays = Results.load(home / "report" / "results.json")
    arrays.arrays["psth"]["rate"].values[0, 0] += 1
    save_netcdf(arrays, home / "report" / "results.nc")
    signed(home)
    assert list(places(verify(home / "report"), "tampered")) == [("results.nc", "psth")]


def test_a_lock_that_was_made_to_fit_what_was_not_changed_is_identical(home, run_before):
    signed(home)
    assert verify(home / "report").verdict == "identical"


def rename(results):
    results.data["title"] = "Recorded in ten humans, all of them awake, willing and well paid"


def rescale(results):
    results.arrays["psth"]["rate"].attrs["units"] = "kHz"


@pytest.mark.slow
@pytest.mark.parametrize(("edit", "where"), [(rename, ("data", "words")), (rescale, ("psth", "attributes"))])
def test_other_words_of_the_data_and_other_units_are_different(home, run_before, edit, where):
    signed_anew(home, edit)
    found = verify(home / "report")
    assert (list(places(found, "different")), found.exit_code) == ([where], 1)


def test_versions_that_the_lock_does_not_have_are_tampered(home, run_before):
    signed_anew(home, lambda results: None)
    folder = home / "report"
    text = (folder / "results.json").read_text(encoding="utf-8")
    (folder / "results.json").write_text(text.replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"'))
    assert ("study.lock: software", "numpy") in places(verify(folder), "tampered")


SPOILT = {
    "seed": ('"seed": 0', '"seed": "abc"'),
    "no seed": ('"seed": 0', '"seed": null'),
    "missing": ('"missing": {', '"missing": ["a"], "_": {'),
    "warnings": ('"warnings": [', '"warnings": 5, "_": ['),
    "data": ('"data": {', '"data": [1], "_": {'),
    "nested": ('"schema"', "[" * 100_000 + '"schema"'),
}


def test_a_setting_that_only_the_lock_has_as_a_date_is_tampered(home, run_before):
    forge(home, "[study]\n", "[study]\nday = 2020-01-01\n")
    assert ("study", "day") in places(verify(home / "report"), "tampered")


@pytest.mark.parametrize("how", SPOILT)
def test_results_that_parse_and_are_none_are_tampered_and_nothing_breaks(home, how):
    path = home / "report" / "results.json"
    text = path.read_text(encoding="utf-8")
    before, after = SPOILT[how]
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("tampered", 4)


def test_a_number_without_end_is_tampered(home):
    path = home / "report" / "results.json"
    text = path.read_text(encoding="utf-8")
    at = text.index('"raster_trial"')
    digit = re.compile(r"\d+(?=[,\]])").search(text, text.index('"data"', at))
    path.write_text(text[: digit.start()] + str(10**30) + text[digit.end() :], encoding="utf-8")
    assert verify(home / "report").exit_code == 4


def test_a_report_says_not_where_anything_is_written(home):
    stored = Results.load(home / "report" / "results.json")
    study = {**stored.spec, "options": {"activations": {"store": str(home / "there.zarr"), "batch_size": 8}}}
    assert _spec(study, stored).options["activations"] == {"batch_size": 8}


def test_a_lock_whose_study_names_no_source_says_so(home):
    stored = Results.load(home / "report" / "results.json")
    with pytest.raises(NeuroDataError, match=r"the study in study\.lock names no source"):
        _spec({"seed": 0}, stored)


@pytest.mark.slow
def test_a_newer_package_that_changes_nothing_is_named_and_the_verdict_stays(home, run_before):
    with_environment(home, numpy="1.26.4", jinja2="2.0")
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("identical", 0)
    assert [(reason.what, reason.then) for reason in found.reasons] == [("numpy", "1.26.4"), ("jinja2", "2.0")]
    assert "numpy: 1.26.4 in the report, " in str(found)
    assert "here (newer)" in str(found)


@pytest.mark.slow
def test_a_newer_package_may_explain_what_deviates(home, run_before, monkeypatch):
    with_environment(home, numpy="1.26.4", jinja2="2.0")
    moved = Results.load(home / "report" / "results.json")
    moved.arrays["psth"]["rate"].values[0, 0] *= 1 + 1e-10
    monkeypatch.setattr(again, "run_study", lambda spec, **options: moved)
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("within tolerance", 0)
    assert "(newer); may explain a deviation" in str(found)
    assert "takes no part in the numbers" in str(found)
    assert str(found).index("numpy: 1.26.4") < str(found).index("jinja2: 2.0")


def test_other_code_under_the_same_version_is_named(home, run_before):
    folder, own = home / "report", environment()
    assert len(own.code) == 16
    results = replace(Results.load(folder / "results.json"), places={"": str(home / "mouse.nwb")})
    study_lock.write(results, folder, replace(own, code="0" * 16), "2026-01-01T00:00:00Z", 1.0)
    found = verify(folder)
    assert [(reason.what, reason.then, reason.now) for reason in found.reasons] == [
        ("code of neurodata4ml", "0" * 16, own.code)
    ]
    assert "the page was not compared" in str(found)


# a lock that is none


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[: len(text) // 2] + "[",
        lambda text: "",
        lambda text: text.replace("[pages]", "[other]"),
        lambda text: text.replace('"index.html" =', '"../index.html" ='),
        lambda text: "a = " + "[" * 100_000,
        lambda text: "a = " + "9" * 5000,
        lambda text: re.sub("took_s = .*", f"took_s = {'9' * 400}", text),
    ],
)
def test_a_lock_that_was_damaged_is_tampered(home, edit):
    lock = home / "report" / study_lock.NAME
    lock.write_text(edit(lock.read_text(encoding="utf-8")), encoding="utf-8")
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("tampered", 4)
    assert list(places(found, "tampered")) == [("study.lock", "")]
    assert found.scope == "nothing was run again"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name here")
def test_a_pipe_in_the_place_of_the_results_is_not_waited_for(home):
    (home / "report" / "results.json").unlink()
    os.mkfifo(home / "report" / "results.json")
    found = verify(home / "report")
    assert found.exit_code == 4
    assert "results.json is no file" in found.checks[-1].note


# two reports


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: change(folder, lambda raw: raw["spec"].update(seed=7)), "7 in results.json, 0 in study.lock"),
        (lambda folder: (folder / study_lock.NAME).write_text("a = [", encoding="utf-8"), "study.lock cannot be read"),
        (lambda folder: (folder / study_lock.NAME).unlink(), "no study.lock"),
    ],
)
def test_a_report_that_is_not_as_it_was_written_is_named_where_two_are_compared(home, tmp_path, spoil, says):
    shutil.copytree(home / "report", home / "copy")
    spoil(home / "copy")
    page = difference(home / "report", home / "copy", tmp_path / "beside").read_text(encoding="utf-8")
    assert "B should be verified before it is believed" in page
    assert says in page
    assert "A should be verified" not in page


# a store


@pytest.fixture
def of_a_store(tmp_path):
    """Return a folder that holds a recording in a Zarr store, and its report."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.move(unpacked_sample(tmp_path / "sample") / "session.nwb.zarr", home / "mouse.nwb.zarr")
    write_report(run_study(Spec(source=str(home / "mouse.nwb.zarr"), analyses=("rates",))), home / "report")
    return home


@pytest.mark.slow
def test_a_store_is_found_by_its_digest_and_one_changed_chunk_is_named(of_a_store, tmp_path):
    home = of_a_store
    (file,) = study_lock.read(home / "report").files
    assert (file.path, file.name) == ("../mouse.nwb.zarr", "mouse.nwb.zarr")
    assert file.size == sum(path.stat().st_size for path in (home / "mouse.nwb.zarr").rglob("*") if path.is_file())
    assert verify(home / "report").verdict == "identical"
    moved = shutil.move(home / "mouse.nwb.zarr", tmp_path / "renamed.zarr")
    with pytest.raises(NotCachedError, match=r"mouse\.nwb\.zarr \(sha256 .*--data FILE_OR_FOLDER"):
        verify(home / "report")
    assert verify(home / "report", data=moved).verdict == "identical"
    assert verify(home / "report", data=tmp_path).verdict == "identical"
    largest = max((path for path in moved.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[::-1])
    found = verify(home / "report", data=moved)
    assert (found.verdict, found.exit_code) == ("different", 1)
    assert file.sha256 in places(found, "different")["data", "mouse.nwb.zarr"]


# no report


@pytest.mark.parametrize(
    ("name", "says"),
    [("nowhere", "there is no folder .*nowhere. Type the folder of a report"), ("", "has no study.lock, which says")],
)
def test_what_is_no_report_says_what_to_type(tmp_path, name, says):
    with pytest.raises(NeuroDataError, match=says):
        verify(tmp_path / name)


# told


def test_the_verdict_is_json_and_a_table_that_no_name_can_break(home, run_before):
    change(home / "report", lambda raw: raw["spec"].update(title="<script>alert(1)</script>"))
    found = verify(home / "report")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["exit_code"] == 4
    html = found._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert '<th scope="col">tolerance</th>' in html


# the catalog, and many recordings


@pytest.fixture
def of_catalog(tmp_path, monkeypatch):
    """Return a report of a session of the user's own catalog, which names a file on this machine, and that file."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(catalog))
    recording = twins.allen_twin(tmp_path / "mouse.nwb", n_units=24, n_blocks=6)
    own_entry(catalog, "local", f'path = "{recording.as_posix()}"')
    question = {**QUESTION, "trials": "natural_scenes", "by": None, "analyses": ("reliability",)}
    write_report(run_study(Spec(source="mine", **question)), tmp_path / "report")
    return tmp_path / "report", recording


def test_a_session_of_the_catalog_is_found_by_its_digest_and_a_swapped_one_is_named(of_catalog):
    report, recording = of_catalog
    (asset,) = study_lock.read(report).assets
    before = dict(os.environ)
    assert verify(report).verdict == "identical"
    twins.allen_twin(recording, n_units=24, n_blocks=6, seed=1)
    found = verify(report)
    assert (found.verdict, found.exit_code) == ("different", 1)
    (note,) = places(found, "different").values()
    assert asset.sha256 in note
    assert dict(os.environ) == before


@pytest.fixture(scope="module")
def of_many(tmp_path_factory):
    """Return a folder with the report of two recordings in it."""
    home = tmp_path_factory.mktemp("many")
    write_report(run_study(crowds.many_files(home / "data", n=2)), home / "report")
    return home


@pytest.mark.slow
def test_many_recordings_are_identical_also_where_one_of_them_was_renamed(of_many, tmp_path):
    home = shutil.copytree(of_many, tmp_path / "home")
    found = verify(home / "report", quick=True, seed=0)
    assert found.verdict == "identical", str(found)
    assert {check.recording for check in found.checks} >= {"", "mouse-0"} or "mouse-1" in found.scope
    shutil.move(home / "data" / "mouse-1.nwb", home / "renamed.nwb")
    shutil.move(home / "data" / "mouse-0.nwb", home / "mouse-0.nwb")
    assert verify(home / "report", data=home).verdict == "identical"


@pytest.mark.slow
def test_a_recording_that_is_said_to_have_failed_and_a_study_of_one_of_many_are_compared(
    of_many, tmp_path, monkeypatch
):
    home = shutil.copytree(of_many, tmp_path / "home")
    made = Results.load(home / "report" / "results.json")
    monkeypatch.setattr(again, "run_study", lambda spec, **options: made)
    held = Results.load(home / "report" / "results.json")
    held.missing["sessions/mouse-9"] = "It was left out, since its similarity of 0.99 was too good to be true."
    held.sessions["mouse-1"].spec["bin_width"] = 7.0
    for name, write in (("results.json", held.save), ("results.nc", lambda path: save_netcdf(held, path))):
        write(home / "report" / name)
    stored = Results.load(home / "report" / "results.json")
    (home / "report" / "index.html").write_text(render(stored), encoding="utf-8")
    places_of = {key: str(home / "data" / f"{key}.nwb") for key in stored.sessions}
    study_lock.write(replace(stored, places=places_of), home / "report", environment(), "2026-01-01T00:00:00Z", 1.0)
    found = verify(home / "report")
    assert set(places(found, "different")) == {("sessions/mouse-9", "words"), ("study", "bin_width")}
    assert not places(found, "tampered")


@pytest.mark.slow
def test_a_number_of_one_recording_of_many_is_named_with_its_recording(of_many, tmp_path):
    home = shutil.copytree(of_many, tmp_path / "home")
    path = home / "report" / "sessions" / "mouse-1.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["arrays"]["psth"]["data_vars"]["rate"]["data"][0][0] += 1.0
    path.write_text(json.dumps(raw, indent=1), encoding="utf-8")
    found = verify(home / "report")
    assert found.exit_code == 4
    assert ("mouse-1", "psth") in {
        (check.recording, check.section) for check in found.checks if check.verdict == "tampered"
    }
    assert "mouse-1: psth: rate: deviates by 1 of at most " in str(found)
    assert "psth_sessions" in {check.section for check in found.checks if check.verdict == "different"}
