"""plot() draws on the reader's own axes and paper, light or dark, and names are text on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import every_result
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from every_result import result_of
from matplotlib.colors import same_color, to_hex
from matplotlib.text import Text

import neurodata4ml as nd
from neurodata4ml.report.figures.canvas import COLOURS, INK
from neurodata4ml.report.plots.kind import area_colours
from neurodata4ml.report.plots.plot import plot

NAME = "$\\frac{a}</svg><script>x</script>"
"""A name that is no formula and no tag."""

pytestmark = pytest.mark.usefixtures("_closed")


@pytest.fixture
def _closed() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def test_it_draws_on_the_axes_that_it_is_given_and_returns_them() -> None:
    _, ax = plt.subplots()
    ax.plot([0, 1], [7, 7], color="#123456", label="mine")
    assert plot(every_result.counts(), ax=ax) is ax
    assert ax.lines[0].get_color() == "#123456"
    figure, two = plt.subplots(1, 2)
    assert list(plot(every_result.compared(), ax=two)) == list(two)
    assert plt.gcf() is figure


def test_on_dark_paper_ink_is_light_and_areas_have_their_dark_colours() -> None:
    with plt.style.context("dark_background"):
        ax = plot(every_result.counts())
    assert same_color(ax.xaxis.label.get_color(), COLOURS["ink"][1])
    assert to_hex(ax.lines[0].get_color()) in {pair[1] for pair in COLOURS.values()}
    assert same_color(ax.figure.get_facecolor(), "black")


def test_on_transparent_paper_the_colour_of_text_tells() -> None:
    clear: Any = {"figure.facecolor": "none", "axes.facecolor": "none"}
    for text, ink in (("black", INK), ("white", COLOURS["ink"][1])):
        with mpl.rc_context({**clear, "text.color": text}):
            assert same_color(plot(every_result.counts()).xaxis.label.get_color(), ink)


def test_hollow_dots_are_filled_with_the_paper() -> None:
    figure, axes = plt.subplots(1, 2, facecolor="#223344", subplot_kw={"facecolor": "none"})
    plot(every_result.compared(), ax=axes)
    faces = {to_hex(line.get_markerfacecolor()) for ax in axes for line in ax.lines if line.get_marker() == "o"}
    assert "#223344" in faces
    assert COLOURS["paper"][0] not in faces
    figure.draw_without_rendering()


def test_the_same_areas_have_the_same_colours_in_every_plot() -> None:
    colours = area_colours(["V1", "LM"])
    for name in ("bin_spikes", "decode_by over time"):
        ax = plot(result_of(name))
        drawn = {line.get_label(): to_hex(line.get_color()) for line in ax.lines if line.get_label() in colours}
        assert drawn == colours


def test_a_title_of_the_readers_own_stays_a_formula() -> None:
    _, ax = plt.subplots()
    ax.set_title("$\\alpha$")
    plot(every_result.counts(), ax=ax)
    assert ax.title.get_parse_math()


def test_names_are_text_and_never_formulas() -> None:
    counts = every_result.counts()
    named = counts.assign_coords(
        area=("unit", [NAME if a == "V1" else "LM" for a in counts.area.values]),
        stimulus=("trial", [f"{NAME}{i}" for i in counts.stimulus.values]),
    )
    rates = nd.firing_rate(named)
    layers = {NAME: every_result.layers()["conv1"], "$x": every_result.layers()["conv2"]}
    for result in (
        named,
        rates,
        nd.rdm(nd.average_by(rates)),
        nd.latents(nd.average_by(named)),
        nd.shape_distances(layers),
    ):
        _, own = plt.subplots()
        axes = plot(result) if isinstance(result, xr.Dataset) else plot(result, ax=own)
        figure = np.ravel(np.asarray(axes))[0].figure
        figure.draw_without_rendering()
        shown = [text for text in figure.findobj(Text) if "$" in text.get_text()]
        assert shown
        assert not any(text.get_parse_math() for text in shown)


def test_five_hundred_units_of_twelve_areas_have_a_panel_for_each_area() -> None:
    rng = np.random.default_rng(0)
    area = np.array([f"area {i % 12:02}" for i in range(500)])
    x = xr.DataArray(rng.poisson(3, (6, 4, 500)), dims=("trial", "time", "unit"), coords={"area": ("unit", area)})
    assert [ax.get_title(loc="left") for ax in plot(x)] == sorted(set(area))
