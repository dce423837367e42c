"""Who points at a cell, or walks there with the arrow keys, reads two stimuli and the distance that was computed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import factory
import numpy as np
import pytest

from neurodata4ml.report.page import render
from neurodata4ml.results import Results

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N = 12
READING = re.compile(r"(.+): stimulus (\d+) \(.*\) and stimulus (\d+) \(.*\): (.*)\.")


def shuffled() -> Results:
    """Return results whose groups do not lie in a row, with one distance that is missing."""
    results = factory.make_results(n_stimuli=N, n_conditions=3, only=("rdms", "similarity"))
    array = results.arrays["rdms"]
    order = np.random.default_rng(5).permutation(N)
    array = array.isel(stimulus=order, stimulus2=order)
    array["rdm"][0, 2, 7] = array["rdm"][0, 7, 2] = np.nan
    results.arrays["rdms"] = array
    return results


def written(results: Results, folder: Path) -> Path:
    (folder / "index.html").write_text(render(results), encoding="utf-8")
    results.save(folder / "results.json")
    return folder / "index.html"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return written(shuffled(), tmp_path_factory.mktemp("squares"))


@pytest.fixture(scope="module")
def rdms(file) -> dict:
    return json.loads((file.parent / "results.json").read_text(encoding="utf-8"))["arrays"]["rdms"]


def stored(rdms: dict, name: str, one: str, other: str) -> float | None:
    """Return the distance that results.json has, by the names that the page says."""
    which = rdms["coords"]["representation"]["data"].index(name)
    row, column = (rdms["coords"]["stimulus"]["data"].index(int(label)) for label in (one, other))
    return rdms["data_vars"]["rdm"]["data"][which][row][column]


def said(page) -> tuple[str, str, str, str]:
    found = READING.fullmatch(page.locator(".reading").inner_text())
    assert found, page.locator(".reading").inner_text()
    return found.groups()


def told(value: float | None) -> str:
    return "not available" if value is None else f"distance {float(f'{value:.3g}'):g}".replace("-", "−")


def point(page, square: int, row: int, column: int) -> None:
    cells = page.locator(".square .cells").nth(square)
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    page.mouse.move(box["x"] + (column + 0.5) / N * box["width"], box["y"] + (row + 0.5) / N * box["height"])


@pytest.mark.parametrize("width", [1280, 390])
def test_pointing_at_a_cell_says_its_stimuli_and_its_distance(open_page, file, rdms, width):
    page = open_page(file, width=width).page
    names = rdms["coords"]["representation"]["data"]
    pairs = set()
    for square in (0, 1, len(names) - 1):
        for row, column in ((0, 1), (1, 0), (3, 9), (9, 3), (N - 1, 0), (0, N - 1)):
            point(page, square, row, column)
            name, one, other, value = said(page)
            assert name == names[square]
            assert value.split(", rank")[0] == told(stored(rdms, name, one, other))
            pairs.add((square, one, other))
    assert len(pairs) == 18


def test_the_diagonal_and_a_missing_distance_are_said_to_be_none(open_page, file, rdms):
    page = open_page(file).page
    point(page, 0, 4, 4)
    assert said(page)[3] == "no distance to itself"
    values = {}
    for row in range(N):
        for column in range(row):
            point(page, 0, row, column)
            _, one, other, values[row, column] = said(page)
            assert values[row, column].split(", rank")[0] == told(stored(rdms, "early", one, other))
    assert list(values.values()).count("not available") == 1


def test_the_rank_counts_the_pairs_that_are_nearer(open_page, file, rdms):
    page = open_page(file).page
    point(page, 1, 2, 8)
    name, one, other, value = said(page)
    square = np.array(rdms["data_vars"]["rdm"]["data"][1], dtype=float)
    pairs = square[np.triu_indices(N, 1)]
    below = (pairs < stored(rdms, name, one, other)).mean()
    assert int(re.search(r"rank (\d+) %", value).group(1)) == pytest.approx(100 * below + 50 / len(pairs), abs=1)


def test_arrow_keys_move_from_pair_to_pair_and_are_said_aloud(open_page, file, rdms):
    page = open_page(file).page
    page.locator(".square .cells").nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    name, one, other, value = said(page)
    assert name == "late"
    assert value.split(", rank")[0] == told(stored(rdms, name, one, other))
    loud = page.locator(".squares ~ [role=status]")
    assert loud.inner_text() == page.locator(".reading").inner_text()
    assert one != other
    page.keyboard.press("End")
    last = said(page)[2]
    page.keyboard.press("ArrowRight")
    assert said(page)[2] == last
    page.keyboard.press("ArrowLeft")
    assert said(page)[2] != last
    assert said(page)[1] == one


def test_the_same_pair_is_kept_and_marked_in_every_square(open_page, file):
    page = open_page(file).page
    page.keyboard.press("Tab")  # so that what has the focus is known to have it by the keyboard
    page.locator(".square .cells").nth(0).focus()
    page.keyboard.press("ArrowRight")
    _, one, other, _ = said(page)
    page.keyboard.press("Tab")
    assert said(page)[:3] == ("late", one, other)
    crosses = page.evaluate("[...document.querySelectorAll('.here')].map(p => p.getAttribute('d'))")
    assert len(crosses) == 2 * page.locator(".square").count()
    assert len(set(crosses)) == 1


def test_a_finger_reads_a_cell_too(open_page, file, rdms):
    page = open_page(file, width=390, has_touch=True).page
    cells = page.locator(".square .cells").nth(0)
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.1)
    name, one, other, value = said(page)
    assert value.split(", rank")[0] == told(stored(rdms, name, one, other))


@pytest.mark.parametrize(
    ("most", "expected"), [("MOST_DISTANCES", r"rank [\d.]+ %"), ("MOST_RANKS", "its distance is in")]
)
def test_of_many_stimuli_the_rank_or_the_names_alone_are_said(open_page, tmp_path, monkeypatch, most, expected):
    from neurodata4ml.report.figures import squares

    monkeypatch.setattr(squares, "MOST_DISTANCES", 10)
    monkeypatch.setattr(squares, most, 10)
    results = shuffled()
    page = open_page(written(results, tmp_path)).page
    point(page, 1, 3, 9)
    name, one, other, value = said(page)
    assert re.match(expected, value)
    if most == "MOST_DISTANCES":
        square = results.arrays["rdms"]["rdm"].sel(representation=name)
        pairs = square.values[np.triu_indices(N, 1)]
        below = (pairs < float(square.sel(stimulus=int(one), stimulus2=int(other)))).mean()
        assert float(value.split()[1]) == pytest.approx(100 * below, abs=2.5)


def test_following_a_layer_keeps_its_square_beside_the_areas_and_marks_its_rows(open_page, file):
    page = open_page(file).page
    shown = "[...document.querySelectorAll('.square .name')].filter(e => e.offsetWidth).map(e => e.textContent)"
    everything = page.evaluate(shown)
    choices = page.locator(".choice select")
    assert choices.count() == 2
    choices.first.select_option("digits/fc1")
    assert page.evaluate(shown) == ["early", "late", "digits/fc1"]
    rows = page.evaluate("[...document.querySelectorAll('tr.chosen')].map(r => r.cells[0].textContent)")
    assert rows == ["digits/fc1"] * page.locator("#similarity tbody tr th:text-is('digits/fc1')").count()
    assert len(rows) >= 2
    assert choices.nth(1).input_value() == "digits/fc1"
    bands = page.evaluate(
        """() => [...document.querySelectorAll('#similarity svg.similarity [data-row].chosen path')].map(p => {
          const box = p.getBoundingClientRect(), label = [...p.closest('svg').querySelectorAll('text')]
            .find(t => t.textContent === 'digits/fc1').getBoundingClientRect();
          const meets = box.top < label.bottom && label.top < box.bottom;
          return [getComputedStyle(p).opacity > 0, meets, box.height > 5] })"""
    )
    assert bands == [[True, True, True]] * 2
    choices.nth(1).select_option("")
    assert page.evaluate(shown) == everything
    assert page.locator("tr.chosen, [data-row].chosen").count() == 0


def test_a_layer_without_a_square_leaves_all_squares_and_marks_its_rows(open_page, tmp_path):
    results = shuffled()
    results.arrays["rdms"] = results.arrays["rdms"].isel(representation=slice(0, 4))
    page = open_page(written(results, tmp_path)).page
    page.locator(".choice select").first.select_option("gabor")
    assert page.locator(".square.away").count() == 0
    assert page.locator("tr.chosen").count() >= 2


def test_paper_shows_all_squares_whatever_is_followed(open_page, file):
    page = open_page(file).page
    page.locator(".choice select").first.select_option("digits/fc1")
    page.emulate_media(media="print")
    assert page.locator(".square:visible").count() == page.locator(".square").count()
