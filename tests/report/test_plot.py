"""plot(result) draws every result of the public functions, on the reader's axes and paper, and says what it cannot."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import every_result
import factory
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from every_result import EVERY, result_of
from matplotlib.colors import to_hex
from matplotlib.text import Text

import neurodata4ml as nd
from conftest import ROOT
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.report.figures.canvas import AREA_COLOURS
from neurodata4ml.report.plots.plot import PLOTS, kind_of, plot
from neurodata4ml.studies.across.across import over_recordings

SLOW = (
    "brain_vs_network",
    "latents gpfa",
    "encode banded",
    "rdm over time",
    "smooth",
    "baseline",
    "zscore",
    "decode_by",
)
"""What costs the most, or is drawn as its neighbour is."""

MADE_ELSEWHERE = {"from_mne", "from_pynapple", "from_rsatoolbox", "from_torch", "from_torchlens", "open_activations"}
"""They return arrays such as ``activations`` or ``bin_spikes`` do."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_text()]


def lines(ax: Any) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata(), dtype=float) for line in ax.lines]


def returns_labelled(name: str) -> bool:
    function = getattr(nd, name)
    made = str(inspect.signature(function).return_annotation) if inspect.isfunction(function) else ""
    return "DataArray" in made or "Dataset" in made


def test_every_public_function_that_returns_a_labelled_array_is_among_them() -> None:
    public = {name for name in nd.__all__ if returns_labelled(name)}
    assert public - MADE_ELSEWHERE <= {name.split()[0] for name in EVERY}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in EVERY])
def test_every_result_is_drawn_with_names_on_its_axes(name: str) -> None:
    settings = dict(mpl.rcParams)
    axes = np.ravel(np.asarray(plot(result_of(name)), dtype=object))
    assert dict(mpl.rcParams) == settings
    assert all(ax.has_data() for ax in axes)
    if name != "stimulus_images":
        assert all(ax.get_xlabel() for ax in axes)


def test_the_page_names_every_kind_and_the_registry_no_other() -> None:
    page = (ROOT / "docs" / "plot.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \| ([^|]+?) \|$", page, re.MULTILINE)[1:]
    assert [(kind.name, kind.shows) for kind in PLOTS] == [row for row in rows if not row[0].startswith("---")]


def test_no_kind_takes_what_belongs_to_another() -> None:
    taken = {kind_of(result_of(name)).name for name in ("decode", "compare", "rdm", "latents", "bin_spikes")}
    assert taken == {"decoding", "a comparison", "distances", "latents", "responses around an event"}


# what is drawn


def test_the_mean_over_trials_and_units_is_what_the_curve_shows() -> None:
    counts = every_result.counts()
    ax = plot(counts)
    expected = counts.isel(unit=counts.area.values == "V1").mean(["trial", "unit"]) / 0.05
    drawn = next(line for line in ax.lines if line.get_label() == "V1")
    np.testing.assert_allclose(drawn.get_ydata(), expected)
    assert ax.get_ylabel() == "firing rate (Hz)"
    assert ax.get_xlabel() == "time from onset (s)"


def test_a_decoding_shows_score_interval_chance_and_p() -> None:
    found = result_of("decode")
    ax = plot(found)
    (interval,) = [c for c in ax.collections if len(c.get_paths()) == 1 and c.get_paths()[0].vertices.shape == (2, 2)]
    np.testing.assert_allclose(interval.get_paths()[0].vertices[:, 0], [found.low, found.high])
    drawn = np.concatenate([line[:, 0] for line in lines(ax)])
    assert float(found.score) in drawn
    assert float(found.chance) in drawn
    assert "0.050, the smallest that 19 shuffles allow" in ax.get_xlabel()


def test_bars_stand_where_corrected_p_is_small() -> None:
    found = result_of("decode over time").copy()
    found["p_value_corrected"] = ("time", [1, 1, 0.01, 0.01, 1, 1])
    ax = plot(found)
    bars = [p.get_extents().x0 for c in ax.collections for p in c.get_paths() if p.get_extents().height < 0.02]
    np.testing.assert_allclose(sorted(bars), found.time.values[2:4] - 0.025)


def test_clusters_are_outlined() -> None:
    found = result_of("generalize").copy(deep=True)
    found["p_value_corrected"][:] = 1.0
    bare = len(plot(found).lines)
    found["p_value_corrected"][2, 3] = 0.01
    assert len(plot(found).lines) == bare + 4  # one cell has four edges


def test_the_square_of_an_rdm_has_its_distances_units_and_a_blank_diagonal() -> None:
    x = result_of("rdm crossnobis")
    ax = plot(x)
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    off = ~np.eye(len(shown), dtype=bool)
    np.testing.assert_allclose(shown[off], x.values[off])
    assert np.isnan(np.diag(shown)).all()
    assert "crossnobis distance per unit (Hz²)" in texts(ax)


def test_squares_of_several_areas_share_their_shades() -> None:
    axes = plot(result_of("rdm by area"))
    assert [ax.get_title(loc="left") for ax in axes] == ["LM", "V1"]
    assert len({ax.images[0].get_clim() for ax in axes}) == 1


def test_a_comparison_shows_ceiling_null_and_the_set() -> None:
    found = every_result.compared()
    axes = plot(found)
    assert [ax.get_title(loc="left") for ax in axes] == ["V1", "LM"]
    said = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert {"ceiling of the raw value", "unrelated data (null)", "in the set", "not in the set"} <= set(said)
    assert any(np.allclose(line[:, 0], found.ceiling[0]) for line in lines(axes[0]))


def test_layers_with_depth_are_drawn_along_it() -> None:
    axes = plot(result_of("brain_vs_network"))
    assert len(axes) == 4  # two metrics, two areas
    assert {ax.get_xlabel().split(";")[0] for ax in axes} == {"depth of the layer (0 first, 1 last)"}


def test_a_power_law_is_drawn_where_there_is_one() -> None:
    at = np.arange(1, 201)
    variance = ("component", at**-1.0)
    found = xr.Dataset({"signal_variance": variance, "naive_variance": variance, "exponent": 1.0})
    ax = plot(found.assign_attrs(ranks=[11, 150]))
    law = next(line for line in ax.lines if "power law, exponent 1" in line.get_label())
    np.testing.assert_allclose(law.get_ydata(), law.get_xdata() ** -1.0 / np.sum(1 / at))


def test_of_a_hundred_panels_some_are_shown_at_even_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurodata4ml.report.plots.plot.MOST_PANELS", 4)
    x = xr.DataArray(np.ones((100, 3, 3)), dims=("time", "stimulus", "stimulus2"), coords={"time": np.arange(100) / 10})
    with pytest.warns(UserWarning, match="plot shows 4 of 100 panels, at even steps. Select"):
        axes = plot(x)
    assert [ax.get_title(loc="left") for ax in axes] == ["0 s", "3.3 s", "6.6 s", "9.9 s"]


def test_samples_without_a_label_are_not_averaged() -> None:
    x = xr.DataArray(np.random.default_rng(0).normal(size=(5, 4, 6)), dims=("stimulus", "time", "unit"))
    plane, _ = plot(nd.latents(x))
    assert len(plane.get_legend().get_texts()) == 5


@pytest.mark.parametrize("name", ["bin_spikes", "firing_rate", "decode", "compare", "rdm", "reliability"])
def test_a_result_of_nothing_but_nan_says_so(name: str) -> None:
    result = result_of(name)
    if isinstance(result, xr.Dataset):
        empty = result.map(lambda v: v * np.nan if v.dtype.kind == "f" else v, keep_attrs=True)
    else:
        empty = (result * np.nan).assign_attrs(result.attrs)
    axes = np.ravel(np.asarray(plot(empty), dtype=object))
    assert any("not available" in text for text in texts(axes[0]))


def test_a_raster_shows_the_spikes_of_the_stretch_that_is_asked_for() -> None:
    times = np.array([0.5, 1.1, 1.9, 2.5, 1.2, 1.3])
    spikes = {"spike_times": ("spike", times), "spike_start": ("unit", [0, 4]), "spike_stop": ("unit", [4, 6])}
    ax = plot(xr.Dataset(spikes), start=1, seconds=1)
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1.1, 1.9], [1.2, 1.3]]


def test_folds_are_drawn_where_they_test() -> None:
    folds = result_of("splits")
    blue = [c for c in plot(folds).collections if to_hex(c.get_facecolor()) == AREA_COLOURS[0]]
    drawn = [int(sum(path.get_extents().width for path in c.get_paths())) for c in blue]
    assert drawn == [len(test) for _, test in folds.split()]


def test_an_encoding_takes_the_ceiling_of_units_as_a_band() -> None:
    ceiling = result_of("reliability")
    ax = np.ravel(plot(result_of("encode"), ceiling=ceiling))[0]
    low, high = np.quantile(ceiling, [0.25, 0.75])
    assert any(np.allclose(patch.get_extents().intervalx, [low, high]) for patch in map(in_data, ax.patches))


def in_data(patch: Any) -> Any:
    return patch.get_path().transformed(patch.get_patch_transform())


# reports


@pytest.mark.parametrize("name", ["raster", "rdms", "latents", "similarity"])
def test_a_figure_of_the_report_is_drawn_by_its_name(name: str) -> None:
    axes = np.ravel(np.asarray(plot(factory.make_results(n_stimuli=12, n_conditions=3), name), dtype=object))
    assert plt.gcf() is axes[0].figure


def test_a_study_of_many_has_figures_of_its_own() -> None:
    each = {key: factory.make_results(n_stimuli=12, n_conditions=3, seed=i) for i, key in enumerate("abc")}
    many = replace(each["a"], arrays=over_recordings(each), sessions=each)
    assert len(np.ravel(plot(many, "decoding_of_recordings"))) >= 1
    with pytest.raises(DesignError, match=r"the figures recording_sizes, rates_of_recordings.*; got 'rate'"):
        plot(many, "rate")


def test_the_layers_of_a_dict_have_a_panel_each() -> None:
    layers = every_result.layers()
    assert [ax.get_title(loc="left") for ax in plot(layers)] == list(layers)


# errors


def test_what_cannot_be_drawn_is_told_what_can() -> None:
    with pytest.raises(
        DimensionError, match=r"how to draw a Dataset \(no dims\) with x. It draws: .*decoding over time"
    ):
        plot(xr.Dataset({"x": 1.0}))
    with pytest.raises(DimensionError, match="how to draw a str"):
        plot("allen-vc")


def test_an_unknown_option_is_told_the_known_ones() -> None:
    with pytest.raises(DesignError, match=r"plot of decoding takes the options colours; got 'colour'. Did you mean"):
        plot(result_of("decode"), colour="red")


def test_too_few_axes_are_told_how_many() -> None:
    _, ax = plt.subplots()
    with pytest.raises(DesignError, match=r"in 2 panels; ax holds 1 axes. .*ax = plt.subplots\(1, 2"):
        plot(every_result.compared(), ax=ax)


def test_an_unknown_figure_of_a_report_is_told_the_known_ones() -> None:
    results = factory.make_results(n_stimuli=12, n_conditions=3, only=("psth",))
    with pytest.raises(DesignError, match=r"figures raster, rate and rate_by_condition; got 'rat'. Did you"):
        plot(results, "rat")
    with pytest.raises(DesignError, match="lays out its own panels"):
        plot(results, "rate", ax=plt.gca())
    with pytest.raises(DesignError, match="takes a name with Results alone"):
        plot(every_result.counts(), "rate")


def test_figures_that_a_report_does_not_hold_are_not_offered() -> None:
    results = factory.make_results(n_stimuli=12, n_conditions=3, only=("psth", "decoding"))
    del results.arrays["psth"]["rate_by_condition"]
    del results.arrays["decoding"]["accuracy_window"]
    for name in ("rate_by_condition", "decoding_whole_window"):
        with pytest.raises(DesignError, match=rf"the figures raster, rate and decoding_over_time; got '{name}'"):
            plot(results, name)


@pytest.mark.parametrize("ax", ["x", 3, object()])
def test_what_are_no_axes_is_refused(ax: Any) -> None:
    with pytest.raises(DesignError, match=r"axes with an x and a y; ax holds a .*Type figure, ax = plt.subplots"):
        plot(result_of("decode"), ax=ax)


def test_a_figure_and_axes_of_another_geometry_are_refused() -> None:
    with pytest.raises(DesignError, match="ax holds a Figure"):
        plot(result_of("decode"), ax=plt.figure())
    for projection, kind in (("polar", "polar"), ("3d", "3d")):
        with pytest.raises(DesignError, match=f"ax holds {kind} axes"):
            plot(result_of("decode"), ax=plt.figure().add_subplot(projection=projection))


@pytest.mark.parametrize("colours", ["red", ["red"], {"early": "no colour"}])
def test_colours_that_are_no_dict_of_colours_are_refused(colours: Any) -> None:
    with pytest.raises(DesignError, match="takes as colours a dict from area to colour; got"):
        plot(result_of("decode"), colours=colours)


@pytest.mark.parametrize(
    "stretch", [{"start": "a"}, {"start": np.nan}, {"seconds": np.inf}, {"seconds": -1}, {"seconds": 0}]
)
def test_a_stretch_that_is_none_is_refused(stretch: dict[str, Any]) -> None:
    spikes = {"spike_times": ("spike", [0.5, 1.1]), "spike_start": ("unit", [0]), "spike_stop": ("unit", [2])}
    (name,) = stretch
    with pytest.raises(DesignError, match=rf"plot of a session takes as {name} .*; got {name}="):
        plot(xr.Dataset(spikes), **stretch)


def test_a_stretch_without_spikes_says_so() -> None:
    spikes = {"spike_times": ("spike", [0.5, 1.1]), "spike_start": ("unit", [0]), "spike_stop": ("unit", [2])}
    assert "no spike from 100 to 105 s" in texts(plot(xr.Dataset(spikes), start=100))


@pytest.mark.parametrize("ceiling", ["hi", [0.5, 0.6], {"a": 1}])
def test_a_ceiling_that_is_not_of_these_units_is_refused(ceiling: Any) -> None:
    with pytest.raises(DesignError, match=r"takes as ceiling one number for each of its \d+ units"):
        plot(result_of("encode"), ceiling=ceiling)


def test_one_component_without_time_stands_against_the_trials_in_their_order() -> None:
    plane, _ = plot(nd.latents(result_of("latents of trials").latents.rename(component="unit"), n_components=1))
    assert plane.get_xlabel() == "trial, in order"


def test_latents_by_an_unknown_coordinate_are_told_the_known_ones() -> None:
    with pytest.raises(DimensionError, match=r"groups by a coordinate of trial: .*speed.*; got by='hue'"):
        plot(result_of("latents of trials"), by="hue")
