"""Every figure is text, scales, says what it shows, and reads on light and on dark paper."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import factory
import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from neurodata4ml.report.figures import activity as figures_activity
from neurodata4ml.report.figures import comparison as figures_comparison
from neurodata4ml.report.figures import ranks
from neurodata4ml.report.figures import study as figures_study
from neurodata4ml.report.figures.canvas import AREA_COLOURS, COLOURS, Picture
from neurodata4ml.report.figures.figures import FIGURES

RESULTS = factory.make_results(n_stimuli=20, n_conditions=4)


def draw(name: str, arrays: dict[str, xr.Dataset] | None = None) -> Picture:
    key, function = FIGURES[name]
    return function((arrays or RESULTS.arrays)[key])


def without_numbers(array: xr.Dataset) -> xr.Dataset:
    return array.map(lambda v: v * np.nan if v.dtype.kind == "f" else v, keep_attrs=True)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2 between two colours."""

    def luminance(colour: str) -> float:
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_inline_svg_that_says_what_it_shows(name):
    svg = str(draw(name).svg)
    root = ElementTree.fromstring(f"<figure>{svg}</figure>")
    pictures = root.findall("svg") or root.findall(".//div[@class='square']/svg")
    assert pictures
    for picture in pictures:
        assert picture.get("role") == "img"
        assert re.search(r"\d", picture.get("aria-label"))
    assert any(part.text for part in root.iter() if part.tag in ("text", "p"))
    assert "://" not in svg
    assert "<metadata" not in svg


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_nothing_but_missing_numbers_is_still_a_figure(name):
    arrays = {key: without_numbers(array) for key, array in RESULTS.arrays.items()}
    assert "<svg" in draw(name, arrays).svg


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rate", "rdms", "estimate_beside_truth"])
def test_the_same_result_gives_the_same_bytes(name):
    assert draw(name) == draw(name)


def test_the_readers_matplotlib_settings_neither_enter_nor_change():
    before = draw("rate")
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30, "lines.linewidth": 9}):
        settings = dict(mpl.rcParams)
        assert draw("rate") == before
        assert dict(mpl.rcParams) == settings


def spikes(n: int) -> xr.Dataset:
    return xr.Dataset(
        {
            "raster_time": ("mark", np.linspace(0, 1, n)),
            "raster_trial": ("mark", np.arange(n) % 100),
            "raster_unit": ("mark", np.full(n, 7)),
        }
    )


def test_two_thousand_spikes_are_marks_and_one_more_makes_them_a_picture():
    few, many = (str(figures_activity.raster(spikes(n)).svg) for n in (2000, 2001))
    assert few.count("<use") >= 2000
    assert "<image" not in few
    assert many.count("<use") < 100
    assert "data:image/png;base64," in many


def test_a_raster_names_its_conditions_and_parts_them():
    found = spikes(300).assign(
        raster_condition=("raster_block", ["$left", "right"]), raster_begins=("raster_block", [0, 70])
    )
    found.attrs["raster_trials"] = 100
    drawn = figures_activity.raster(found)
    assert "100 trials, sorted by condition" in drawn.alt
    for name in ("$left", "right", "trial, by condition"):
        assert name in str(drawn.svg)


def test_an_rdm_shows_ranks_and_leaves_the_diagonal_blank():
    square = np.array([[0, 1, 5], [1, 0, np.nan], [5, np.nan, 0]])
    steps, low, high = ranks.percentiles(square)
    assert (low, high) == (1, 5)
    assert np.isnan(np.diag(steps)).all()
    assert steps[0, 1] < steps[0, 2]
    assert np.isnan(steps[1, 2])


def test_names_are_text_and_never_formulas_or_tags():
    name = "$\\frac{a}</svg><script>x</script>"
    picture = figures_activity.rate(factory.make_results((name,), n_stimuli=4).arrays["psth"])
    assert "<script" not in picture.svg
    assert "$\\frac{a}&lt;" in picture.svg


def test_two_hundred_rows_become_shades():
    forty = factory.make_results(tuple(f"area {i}" for i in range(40)), n_stimuli=4, only=("similarity",))
    assert "<image" in figures_comparison.similarity(forty.arrays["similarity"]).svg


def test_a_study_without_a_window_still_shows_its_way():
    assert "window" not in figures_study.provenance((("recording", "a"), ("page", "b")), None, None).alt


def test_ids_carry_the_name_of_their_figure():
    ids = re.findall(r' id="([^"]+)"', draw("rate").svg)
    assert ids
    assert all(one.startswith("rate-") for one in ids)


@pytest.mark.parametrize("paper", [0, 1], ids=["light", "dark"])
def test_every_colour_stands_out_from_its_paper(paper):
    background = COLOURS["paper"][paper]
    assert contrast(COLOURS["ink"][paper], background) > 7
    assert contrast(COLOURS["muted"][paper], background) > 4.5
    for i in range(len(AREA_COLOURS)):
        assert contrast(COLOURS[f"area-{i}"][paper], background) > 3
    # pixels cannot follow the page to dark paper, so the light colours must do on both
    assert all(contrast(colour, background) > 3 for colour in AREA_COLOURS)


def test_no_ink_is_black_on_dark_paper():
    svg = str(draw("decoding_over_time").svg)
    outside = re.sub(r"var\(--[a-z0-9-]+,#[0-9a-f]{6}\)", "", svg)
    assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r'(href="|url\()#[^")]+', "", outside))
    assert all(f"var(--{name}," in svg for name in ("ink", "muted", "area-0", "area-1"))
