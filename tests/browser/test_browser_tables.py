"""A click on a heading sorts a table: numbers as numbers, what is missing last, equals as they stood."""

from __future__ import annotations

import pytest

from neurodata4ml.report import page as pages
from neurodata4ml.report.sections.section import Section, Table
from neurodata4ml.results import Results

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NBSP, THIN = "\u00a0", "\u2009"
COLUMNS = {
    "name": ["b10", "b2", "a", "É", "c", "d"],
    "number": ["0.5", "−0.031", f"−1{NBSP}Hz", "not available", "2.5e−07", "12"],
    "interval": ["0.78 to 0.86", "−0.20 to 0.80", "not available", "0.050 to 0.15", "12.3 to 14.0", "0.049 to 1"],
    "count": ["34,057 spikes", "1 trial", "999", "1,000", "", "7"],
    "share": [f"95{NBSP}%", f"5{THIN}%", f"100{NBSP}%", f"p{NBSP}={NBSP}0.010", f"7.5{NBSP}%", "p not available"],
    "words": ["yes", "no", "no claim", "no", "yes", "no"],
    "digest": ["2026-01-02", "10-01", "9-x", "9-a", "2025-12-31", "a9"],
}
ROWS = tuple(zip(*COLUMNS.values(), strict=True))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    tables = (Table("Of all kinds", tuple(COLUMNS), ROWS), Table("Single", ("a", "b"), (("x", "1"),)))
    section = Section("Tables", question="How?", tables=tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "SECTIONS", {"tables": lambda _: section})
        path = tmp_path_factory.mktemp("tables") / "index.html"
        path.write_text(pages.render(Results({}, {}, {})), encoding="utf-8")
        return path


def sorted_by(page, column: str, clicks: int = 1) -> list[int]:
    """Return the rows as they now stand, by their first positions."""
    for _ in range(clicks):
        page.get_by_role("button", name=column, exact=True).click()
    names = page.locator("table").first.locator("tbody th").all_inner_texts()
    return [COLUMNS["name"].index(name) for name in names]


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [
        ("name", [2, 1, 0, 4, 5, 3], [3, 5, 4, 0, 1, 2]),
        ("number", [2, 1, 4, 0, 5, 3], [5, 0, 4, 1, 2, 3]),
        ("interval", [1, 5, 3, 0, 4, 2], [4, 0, 3, 5, 1, 2]),
        ("count", [1, 5, 2, 3, 0, 4], [0, 3, 2, 5, 1, 4]),
        ("share", [3, 1, 4, 0, 2, 5], [2, 0, 4, 1, 3, 5]),
        ("words", [1, 3, 5, 2, 0, 4], [0, 4, 2, 1, 3, 5]),
        ("digest", [3, 2, 1, 4, 0, 5], [5, 0, 4, 1, 2, 3]),
    ],
)
def test_a_click_sorts_up_and_another_one_down(open_page, file, column, up, down):
    tab = open_page(file)
    heading = tab.page.locator("table").first.locator("thead th").nth(list(COLUMNS).index(column))
    assert heading.get_attribute("aria-sort") is None
    assert sorted_by(tab.page, column) == up
    assert heading.get_attribute("aria-sort") == "ascending"
    assert sorted_by(tab.page, column) == down
    assert heading.get_attribute("aria-sort") == "descending"
    assert tab.told == []


def test_only_one_heading_at_a_time_says_that_it_sorts(open_page, file):
    page = open_page(file).page
    sorted_by(page, "number")
    sorted_by(page, "words", 2)
    assert page.locator("th[aria-sort]").all_inner_texts() == ["words"]


def test_rows_that_are_equal_stay_in_the_order_of_the_sort_before(open_page, file):
    page = open_page(file).page
    sorted_by(page, "number")
    assert sorted_by(page, "words") == [1, 5, 3, 2, 4, 0]


def test_the_keyboard_sorts_too(open_page, file):
    page = open_page(file).page
    page.get_by_role("button", name="count", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert page.locator("tbody th").first.inner_text() == "b10"
    assert page.locator("th[aria-sort=descending]").count() == 1


def test_a_table_of_one_row_offers_nothing(open_page, file):
    assert open_page(file).page.locator("table").nth(1).locator("button").count() == 0
