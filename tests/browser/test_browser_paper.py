"""Without scripts, and on paper, all of the page is there."""

from __future__ import annotations

import re
from pathlib import Path

import factory
import pytest

from neurodata4ml.report.page import render
from neurodata4ml.report.sections.sections import SECTIONS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

A4 = 688
"""Width of what is printed on A4 between margins of 14 mm, in CSS pixels."""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("paper") / "index.html"
    long = {f"a network with a long name/and its layer number {k}": "network" for k in range(12)}
    path.write_text(render(factory.make_results(n_stimuli=30, n_conditions=4, candidates=long)), encoding="utf-8")
    return path


def test_without_scripts_every_word_and_figure_is_there(open_page, file):
    without = open_page(file, java_script_enabled=False).page
    with_it = open_page(file).page
    assert without.locator("h2").all_inner_texts() == with_it.locator("h2").all_inner_texts()
    assert without.locator("h2").count() == len(SECTIONS)
    for what in ("figure svg", "table", "tbody tr", "caption", "figcaption", ".square"):
        assert without.locator(f"{what}:visible").count() == with_it.locator(f"{what}:visible").count() > 0
    assert without.locator("button, select, [role=status], [role=application]").count() == 0
    cells = "tbody td, tbody th"
    assert without.locator(cells).all_inner_texts() == with_it.locator(cells).all_inner_texts()


def test_a_scroller_can_be_scrolled_by_the_keyboard_without_scripts(open_page, file):
    page = open_page(file, width=390, java_script_enabled=False).page
    assert page.locator(".scroll").count() == page.locator(".scroll[tabindex='0']").count() > 0


def test_a_pdf_holds_every_section(open_page, file):
    """The outline of a PDF that Chromium prints is made of the headings that are on its pages."""
    page = open_page(file).page
    pdf = page.pdf(format="A4", tagged=True, outline=True)
    outline = [text.decode("latin-1") for text in re.findall(rb"/Title \((.*?)\)\s", pdf)]
    assert [title for title in outline if title in page.locator("h2").all_inner_texts()] == [
        *page.locator("h2").all_inner_texts()
    ]
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5


def test_on_paper_nothing_is_cut(open_page, file):
    page = open_page(file, width=A4).page
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= A4
    cut = page.evaluate(
        """width => [...document.querySelectorAll('figure svg, table, pre, figcaption, h2, p:not(.unseen)')]
          .map(e => [e.tagName, e.getBoundingClientRect(), e.textContent.slice(0, 60)])
          .filter(([tag, box]) => box.right > width + 1 || box.left < -1)
          .map(([tag, box, text]) => [tag, box.right, text])""",
        A4,
    )
    assert cut == []
    broken = page.evaluate(
        """() => [...document.querySelectorAll('td:not(.w)')].filter(cell => {
          if (!/^[^ /-]+$/.test(cell.textContent)) return false;
          const text = document.createRange(); text.selectNodeContents(cell); return text.getClientRects().length > 1
        }).map(cell => cell.textContent)"""
    )
    assert broken == []  # no word or number is split over two lines
    tall = page.evaluate("[...document.querySelectorAll('figure svg')].map(e => e.getBoundingClientRect().height)")
    assert max(tall) < 1000  # of the 1001 px that an A4 page holds
    assert page.locator("section:visible").count() == len(SECTIONS)
    assert page.locator("figure:visible").count() == page.locator("figure").count()


def test_paper_is_white_whatever_the_screen_was(open_page, file):
    page = open_page(file, color_scheme="dark").page
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print")
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert dark == "rgb(20, 24, 29)"
    assert ink == "rgb(17, 18, 19)"
    assert paper == "rgb(254, 253, 252)"


def test_paper_shows_no_control(open_page, file):
    page = open_page(file).page
    page.emulate_media(media="print")
    assert page.locator("nav:visible, select:visible, .reading:visible, .skip:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.sort'), '::after').content") in ("none", "normal")
