"""One page that holds everything it shows, asks nothing of the network, and is the same each time."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import factory
import numpy as np
import pytest
import xarray as xr

from neurodata4ml.report.figures.squares import squares
from neurodata4ml.report.folder import write_report
from neurodata4ml.report.page import render, title_of
from neurodata4ml.report.sections.sections import SECTIONS
from neurodata4ml.results import Results

HOSTILE = "<script>alert('x')</script>"
BESIDE = ("results.json", "results.nc", "study.lock")
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Page(HTMLParser):
    """What a browser would see: tags in order, with their attributes, and the text outside them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def named(self, *names: str) -> list[tuple[str, dict[str, str | None]]]:
        return [(tag, attrs) for tag, attrs in self.tags if tag in names]


@pytest.fixture(scope="module")
def results() -> Results:
    return factory.make_results(n_stimuli=30, n_conditions=4)


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory) -> Path:
    return write_report(results, tmp_path_factory.mktemp("report") / "new" / "demo").parent


@pytest.fixture(scope="module")
def page(folder) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(page) -> Page:
    return Page(page)


def test_the_folder_holds_the_page_and_its_numbers_and_nothing_else(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted(["index.html", *BESIDE])


def test_the_page_holds_everything_and_asks_the_network_nothing(page, seen):
    assert "://" not in page
    assert "javascript:" not in page
    assert not seen.named("link", "iframe", "object", "base", "form")
    for _, attrs in seen.tags:
        assert not any(name.startswith("on") for name in attrs)
        for name in ("href", "src"):
            address = attrs.get(name) or "#"
            assert address.startswith(("#", "data:image/png;base64,")) or address in BESIDE


def test_one_script_may_run_and_the_policy_knows_it_by_its_digest(page, seen):
    assert seen.named("script") == [("script", {"type": "application/json", "class": "distances"}), ("script", {})]
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(script.encode()) < 8000
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-binary"], input=script.encode(), capture_output=True, check=True
    )
    (policy,) = [a["content"] for _, a in seen.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{base64.b64encode(digest.stdout).decode()}'; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_what_lies_beside_the_page_is_linked(seen):
    assert [attrs["href"] for _, attrs in seen.named("a") if not attrs["href"].startswith("#")] == list(BESIDE)


def test_the_distances_within_the_page_are_those_of_the_results(page, results):
    (text,) = re.findall(r'<script type="application/json" class="distances">(.*?)</script>', page, flags=re.DOTALL)
    assert not re.search("[<>&\u2028\u2029]", text)
    found, array = json.loads(text), results.arrays["rdms"]
    assert found["names"] == list(array["representation"].values)
    groups = [name.split(" (")[1] for name in found["stimuli"]]
    assert groups == sorted(groups)
    order = [int(re.match(r"stimulus (\d+)", name).group(1)) for name in found["stimuli"]]
    upper = np.triu_indices(len(order), 1)
    for told, square in zip(found["distances"], array["rdm"].values, strict=True):
        np.testing.assert_allclose(told, square[np.ix_(order, order)][upper], rtol=0.005, atol=1e-12)


def test_a_square_says_how_far_apart_its_groups_stand():
    group = np.array(list("aaaabbbb"))
    array = xr.Dataset(
        {"rdm": (("representation", "stimulus", "stimulus2"), np.where(group[:, None] == group, 1.0, 2.0)[None])},
        coords={"representation": ["V1"], "kind": ("representation", ["brain"]), "group": ("stimulus", group)},
    )
    alt = re.search(r'<svg role="img" aria-label="([^"]*)"', squares(array).svg).group(1)
    # 12 pairs within groups are the nearest of 28, 16 between them the farthest: mid-ranks 6 and 20 of 28
    assert alt == (
        "Distances of 8 stimuli in V1 (brain): 1.00 to 2.00; mean rank 22 % within groups, 72 % between them."
    )


@pytest.mark.slow
@pytest.mark.parametrize(("n", "kept"), [(90, "distances"), (150, "ranks"), (320, "names")])
def test_sixty_squares_of_many_stimuli_stay_within_the_page(n, kept):
    rng = np.random.default_rng(0)
    square = rng.uniform(size=(60, n, n))
    array = xr.Dataset({"rdm": (("representation", "stimulus", "stimulus2"), square + square.swapaxes(1, 2))})
    svg = squares(array).svg
    assert len(svg) < 3_500_000
    assert f'"{kept}":' in svg
    assert ("distances" in kept) == ('"distances":' in svg)
    assert ("ranks" in kept) == ('"ranks":' in svg)


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes_also_when_saved_and_loaded(folder, page):
    assert render(Results.load(folder / "results.json")) == page


def test_every_tag_is_closed_and_every_id_is_used_once(seen):
    assert seen.open == []
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {attrs["href"][1:] for _, attrs in seen.named("a", "use") if attrs["href"] not in BESIDE}
    assert targets <= set(ids)


def test_a_screen_reader_finds_its_way(seen):
    assert seen.tags[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag, _ in seen.named("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert {attrs.get("scope") for _, attrs in seen.named("th")} == {"col", "row"}
    assert len(seen.named("caption")) == len(seen.named("table"))
    assert ("a", {"class": "skip", "href": "#content"}) in seen.tags
    figures = [attrs for tag, attrs in seen.named("svg") if attrs.get("aria-hidden") != "true"]
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in figures)
    scrolls = [attrs for _, attrs in seen.named("div") if attrs.get("class") == "scroll"]
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in scrolls)


def test_every_section_stands_on_the_page_with_a_figure(page):
    for name in SECTIONS:
        (part,) = re.findall(rf'<section id="{name}".*?</section>', page, flags=re.DOTALL)
        assert ("<svg" in part) == (name != "controls")  # which is one table


def test_simulated_data_say_so_before_anything_else(page, results):
    assert "(simulated data)</title>" in page
    assert "(simulated data)</h1>" in page
    assert title_of(dataclasses.replace(results, data={**results.data, "simulated": False})) == results.spec["title"]


def test_light_dark_and_paper_are_all_provided_for(page):
    assert page.count("prefers-color-scheme:dark") >= 2
    assert "@media print" in page


@pytest.mark.slow
def test_hostile_names_change_nothing_but_text():
    areas = (HOSTILE, "\u202e\u0000 </svg><img src=x onerror=alert(1)>")
    hostile = factory.make_results(
        areas,
        n_stimuli=5,
        n_conditions=2,
        candidates={f"net/{HOSTILE}": "network", "a" * 10_000: "baseline", "https://evil.example/x": HOSTILE},
        data={
            "dataset": HOSTILE,
            "doi": f"https://doi.org/{HOSTILE}",
            "caveats": [HOSTILE],
            "trials_dropped": {HOSTILE: 3},
        },
        spec={"title": HOSTILE, "by": HOSTILE, "where": HOSTILE, "networks": [HOSTILE]},
        missing={"similarity": HOSTILE},
    )
    hostile = dataclasses.replace(hostile, warnings=[HOSTILE], software={HOSTILE: HOSTILE})
    page = render(hostile)
    seen = Page(page)
    assert len(seen.named("script")) == 2
    assert not seen.named("img")
    assert HOSTILE in seen.text
    assert "://" not in page
    assert "\u202e" not in page
    assert "\u0000" not in page
    assert len(page) < 5_000_000


@pytest.mark.slow
def test_numbers_that_are_all_missing_still_make_a_page(results):
    arrays = {
        name: array.map(lambda v: v * np.nan if v.dtype.kind == "f" else v, keep_attrs=True)
        for name, array in results.arrays.items()
    }
    assert "is not available" in Page(render(dataclasses.replace(results, arrays=arrays))).text


@pytest.mark.slow
def test_one_area_one_condition_one_candidate_make_a_page():
    one = factory.make_results(("V1",), n_stimuli=4, n_conditions=1, candidates={"pixels": "baseline"})
    assert "There is no other candidate to compare with." in render(one)


def test_no_results_at_all_make_a_page_of_what_is_missing():
    text = Page(render(Results({}, {}, {}))).text
    assert "This study made no result that can be summed up." in text


@pytest.mark.slow
def test_forty_areas_stay_under_five_megabytes():
    many = factory.make_results(tuple(f"area {i}" for i in range(40)), n_stimuli=118, n_conditions=12)
    assert len(render(many)) < 5_000_000


def test_a_report_that_cannot_be_made_leaves_the_old_one_whole(tmp_path):
    path = write_report(factory.make_results(only=()), tmp_path)
    before = path.read_bytes()
    broken = factory.make_results(only=())
    broken.arrays["psth"] = xr.Dataset({"rate": ("elsewhere", [1.0])})
    with pytest.raises(KeyError, match="area"):
        write_report(broken, tmp_path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["index.html", *BESIDE])
