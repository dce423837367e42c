"""In a real browser: nothing is asked, nothing complained of, everything is seen, and no barrier is found."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import factory
import pytest
from looks import contrast

import factory_many
from neurodata4ml.report.page import render

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = "a name that goes on and on, with_an_unbroken_part_of_seventy_characters_" + "x" * 70
PAGES = {
    "demo": lambda: factory.make_results(n_stimuli=30, n_conditions=4),
    "one": lambda: factory.make_results(
        (LONG,),
        n_stimuli=4,
        n_conditions=1,
        candidates={f"{LONG}/{k}": "network" for k in range(3)},
        data={"title": LONG, "n_trials": 1, "n_trials_total": 1, "trials_dropped": {}, "note": LONG},
        spec={"title": LONG},
    ),
    "twelve": lambda: factory.make_results(tuple(f"VIS{letter}" for letter in "abcdefghijkl"), n_stimuli=60),
    "many": lambda: factory_many.make_many(5, partial=True, missing={"sessions/rec-005": "the file ends too early"}),
    "nothing": lambda: factory.make_results(only=(), missing={"rdms": "an RDM needs at least 4 conditions"}),
}
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIGURES = """() => [...document.querySelectorAll('main figure svg')].map(svg => {
  const box = svg.getBoundingClientRect(), scroller = svg.closest('.scroll');
  const room = (scroller ?? document.body).getBoundingClientRect();
  return {width: box.width, height: box.height, left: box.left, right: scroller ? room.right : box.right,
          name: svg.getAttribute('class'), reach: scroller ? scroller.scrollWidth - (box.right - room.left) : 0};
})"""


@pytest.fixture(scope="module", params=PAGES)
def file(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "index.html"
    path.write_text(render(PAGES[request.param]()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "index.html"
    path.write_text(render(PAGES["demo"]()), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), list(itertools.product([1280, 390, 320], ["light", "dark"])))
def test_the_page_asks_nothing_complains_of_nothing_and_shows_every_figure(open_page, file, width, scheme):
    tab = open_page(file, width=width, color_scheme=scheme)
    assert tab.asked == [file.as_uri()]
    assert tab.told == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    figures = tab.page.evaluate(FIGURES)
    assert len(figures) >= 1
    for figure in figures:
        assert figure["width"] >= 60, figure
        assert figure["height"] >= 5, figure
        assert figure["left"] >= 0, figure
        assert figure["right"] <= width, figure
        assert figure["reach"] >= -1, figure  # its scroller leads to its right end


def test_every_picture_within_a_figure_can_be_read(open_page, file):
    tab = open_page(file)
    sizes = tab.page.evaluate(
        """() => Promise.all([...document.querySelectorAll('svg image')].map(async found => {
          const picture = new Image(); picture.src = found.getAttribute('href'); await picture.decode();
          return Math.min(picture.naturalWidth, picture.naturalHeight); }))"""
    )
    assert all(size >= 1 for size in sizes)
    assert tab.told == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_no_barrier(open_page, axe, file, width, scheme):
    # the page's own policy keeps every other script out, so axe comes in with the policy lifted
    tab = open_page(file, width=width, color_scheme=scheme, bypass_csp=True)
    tab.page.evaluate(axe)
    found = tab.page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", AXE_RULES)
    assert [(v["impact"], v["id"], v["nodes"][0]["html"][:200]) for v in found["violations"]] == []


@pytest.mark.parametrize("options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"contrast": "more"}])
def test_text_in_figures_stands_out_from_the_paper(open_page, demo, options):
    tab = open_page(demo, **options)
    paper = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    fills = tab.page.evaluate(
        "() => [...new Set([...document.querySelectorAll('svg text')].map(t => getComputedStyle(t).fill))]"
    )
    assert fills
    for fill in fills:
        assert contrast(fill, paper) >= 4.5, fill


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_of_figures_stand_out_from_the_paper(open_page, demo, scheme):
    """The frames and the lines of data; the rules of a table and grids are decoration."""
    tab = open_page(demo, color_scheme=scheme)
    paper = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    rule = tab.page.evaluate(
        "() => { const p = document.createElement('p'); p.style.color = 'var(--rule)'; document.body.append(p);"
        "return getComputedStyle(p).color }"
    )
    strokes = tab.page.evaluate(
        """() => [...new Set([...document.querySelectorAll('main figure .scroll svg path, main figure .scroll svg use')]
          .filter(e => !e.closest('defs')).map(e => getComputedStyle(e).stroke))].filter(s => s !== 'none')"""
    )
    faint = [stroke for stroke in strokes if stroke not in (rule, paper) and contrast(stroke, paper) < 3]
    assert faint == []


def test_who_has_chosen_their_own_colours_gets_them_in_the_figures_too(open_page, demo):
    tab = open_page(demo, forced_colors="active")
    fills = tab.page.evaluate("() => [...document.querySelectorAll('svg text')].map(t => getComputedStyle(t).fill)")
    system = tab.page.evaluate(
        "() => { const p = document.createElement('p'); p.style.color = 'CanvasText'; document.body.append(p);"
        "return getComputedStyle(p).color }"
    )
    assert set(fills) == {system}


def test_who_wants_no_motion_gets_none(open_page, demo):
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert open_page(demo, reduced_motion="reduce").page.evaluate(behaviour) == "auto"
    assert open_page(demo, reduced_motion="no-preference").page.evaluate(behaviour) == "smooth"


def test_the_first_stop_of_the_tab_key_skips_to_the_report(open_page, demo):
    page = open_page(demo).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"


def test_every_stop_of_the_tab_key_is_seen_to_have_the_focus(open_page, demo):
    page = open_page(demo, width=390).page
    unseen, seen = [], set()
    for _ in range(400):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
              return e === document.body ? null
                : {what: e.outerHTML.slice(0, 120), style: s.outlineStyle, width: s.outlineWidth} }"""
        )
        if stop is None:
            break
        seen.add(stop["what"])
        if stop["style"] == "none" or float(re.sub("px", "", stop["width"])) < 1.5:
            unseen.append(stop["what"])
    assert len(seen) > 20
    assert unseen == []
