"""A recording and an entry whose every name is markup change nothing on the page but its text."""

from __future__ import annotations

import collections
import json
import tomllib
from pathlib import Path

import factory
import hostile
import pytest

from neurodata4ml.report.page import render
from neurodata4ml.results import Results

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KINDS = """() => [...document.querySelectorAll('*')].map(e => [e.ownerSVGElement ? 'figure:' : '', e.localName,
  ...[...e.attributes].map(a => a.name).filter(name => !['tabindex', 'class'].includes(name)).sort()].join(' '))"""
"""Elements with their attributes, but for what tells long cells from short ones, and what overflows."""


@pytest.fixture(scope="module", params=["entry", "file"])
def reports(request, tmp_path_factory) -> dict[bool, Path]:
    """Return the folders of two reports, harmless and hostile, whose numbers are the same."""
    from neurodata4ml import write_report
    from neurodata4ml.spec import read_spec
    from neurodata4ml.studies.run import run_study

    made = {}
    for is_hostile in (False, True):
        folder = tmp_path_factory.mktemp("hostile" if is_hostile else "harmless")
        target = str(hostile.recording(folder / "own.nwb", hostile=is_hostile))
        asked = {"trials": "trials", "by": "kind", "window": (0.0, 0.5)}
        with pytest.MonkeyPatch.context() as patch:
            (folder / "catalog").mkdir()
            patch.setenv("NEURODATA4ML_CATALOG", str(folder / "catalog"))
            patch.setenv("NEURODATA4ML_LOCK", str(folder / "lock"))
            if request.param == "entry":
                target, asked = hostile.entry(folder / "catalog", Path(target), hostile=is_hostile), {}
            results = run_study(read_spec(target, n_shuffles=19, title=hostile.Names(is_hostile)("title"), **asked))
        made[is_hostile] = write_report(results, folder / "report").parent
    return made


def kinds(page) -> collections.Counter[str]:
    """Count elements of every kind; those within a figure once, as long names leave room for other ticks."""
    found = collections.Counter(page.evaluate(KINDS))
    return collections.Counter({kind: 1 if kind.startswith("figure:") else n for kind, n in found.items()})


def assert_only_text(tabs: dict) -> None:
    assert kinds(tabs[True].page) == kinds(tabs[False].page)
    for tab in tabs.values():
        assert tab.told == []
        assert len(tab.asked) == 1
        assert tab.page.evaluate("document.title") == tab.page.locator("h1").inner_text().replace("\n", " ")


@pytest.mark.parametrize("width", [1280, 320])
def test_a_hostile_recording_changes_nothing_but_text(open_page, reports, width):
    tabs = {which: open_page(folder / "index.html", width=width) for which, folder in reports.items()}
    assert_only_text(tabs)
    page = tabs[True].page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    text = page.evaluate("document.documentElement.textContent")
    for mark in "\u202e\u2067\u200f\x01\x1b\x7f\u2028\u2029":
        assert mark not in text
    assert "<script>alert(1)</script>" in text


def test_what_a_pointer_reads_of_a_hostile_recording_is_text_too(open_page, reports):
    tabs = {which: open_page(folder / "index.html") for which, folder in reports.items()}
    for tab in tabs.values():
        cells = tab.page.locator(".square .cells").first
        cells.focus()
        for key in ("ArrowRight", "ArrowDown", "ArrowDown", "End", "Home"):
            tab.page.keyboard.press(key)
        for button in tab.page.locator(".sort").all()[:6]:
            button.click()
    assert_only_text(tabs)


def test_the_files_beside_the_page_hold_the_names_as_text(reports):
    for folder in reports.values():
        read = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert read["spec"]["title"]
        if (folder / "study.lock").exists():
            assert tomllib.loads((folder / "study.lock").read_text(encoding="utf-8"))


def pictured(is_hostile: bool) -> Results:
    """Return results in which areas, candidates, kinds, stimuli, groups and the method's names are hostile."""
    name = hostile.Names(is_hostile)
    areas, candidates = (name("area"), name("area")), {name("net/layer"): "network" for _ in range(7)}
    results = factory.make_results(areas, n_stimuli=6, n_conditions=3, candidates=candidates)
    rdms = results.arrays["rdms"]
    named = rdms.assign_coords(
        stimulus=[name("stimulus") for _ in range(6)], group=("stimulus", [name("a"), *["b"] * 2, *[name("c")] * 3])
    )
    results.arrays["rdms"] = named.assign_attrs(distance=name("distance"))
    similarity = results.arrays["similarity"]
    results.arrays["similarity"] = similarity.assign_attrs(metric=name("metric"), assumed=name("assumed"))
    results.data.update({"title": name("title"), "note": name("note"), "trials_dropped": {name("reason"): 3}})
    results.warnings.append(name("warning"))
    return results


def test_hostile_names_in_every_figure_change_nothing_but_text(open_page, tmp_path):
    tabs = {}
    for is_hostile in (False, True):
        path = tmp_path / f"{is_hostile}.html"
        path.write_text(render(pictured(is_hostile)), encoding="utf-8")
        assert path.stat().st_size < 5_000_000
        tabs[is_hostile] = open_page(path)
    assert_only_text(tabs)
    for tab in tabs.values():
        choice = tab.page.locator(".choice select").first
        choice.select_option(index=3)
        assert tab.page.locator("tr.chosen").count() >= 2
        assert tab.page.locator("[data-row].chosen").count() == 2
        assert tab.page.locator(".square.away").count() == 6
    assert_only_text(tabs)


def test_the_browser_would_have_run_a_script_that_got_in(open_page, tmp_path):
    """The control: without its policy and its escapes the same page does what these names ask for."""
    path = tmp_path / "open.html"
    path.write_text("<!doctype html><title>x</title>" + "".join(hostile.NAMES), encoding="utf-8")
    assert any(told.startswith("dialog") for told in open_page(path).told)


def test_the_policy_stops_a_script_that_got_in(open_page, tmp_path):
    text = render(factory.make_results(only=()))
    path = tmp_path / "policy.html"
    path.write_text(text.replace("</main>", "<script>alert(1)</script><img src=x onerror=alert(2)></main>"), "utf-8")
    tab = open_page(path)
    assert not any(told.startswith("dialog") for told in tab.told)
    assert any("script-src" in told for told in tab.told)  # the browser says what it refused
    assert any("img-src" in told for told in tab.told)
