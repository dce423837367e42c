"""Frames of a movie get their times, whatever order they come in."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import neurodata4ml as nd
from neurodata4ml.errors import DesignError, DimensionError


def frames(label: object) -> xr.DataArray:
    label = np.asarray(label)
    return xr.DataArray(
        np.arange(label.size * 2.0).reshape(-1, 2), dims=("stimulus", "unit"), coords={"stimulus": label}
    )


def test_each_frame_keeps_its_values_and_gets_its_time() -> None:
    x = frames([4, 0, 1])
    found = nd.in_time(x, rate=30)
    np.testing.assert_allclose(found.time, [0, 1 / 30, 4 / 30])
    np.testing.assert_array_equal(found.values, x.sel(stimulus=[0, 1, 4]).values)
    assert found.dims == ("time", "unit")
    assert found.attrs["bin_width"] == 1 / 30


def test_responses_to_a_movie_and_its_frames_meet_at_every_lag() -> None:
    session = nd.open_session("demo", trials="natural_movie_one")
    counts = nd.bin_spikes(session, window=(0, 1 / 30), bin_width=1 / 30).squeeze("time")
    responses = nd.in_time(nd.average_by(counts), rate=30)
    design = nd.lagged(nd.in_time(nd.stimulus_images(session).stack(feature=["y", "x"]), rate=30), [0, 1 / 30])
    assert design.sizes["time"] == responses.sizes["time"] - 1 == 899
    assert responses.sel(time=design.time).sizes["time"] == 899


@pytest.mark.parametrize(
    ("x", "rate", "error", "said"),
    [
        (np.zeros(3), 30, DimensionError, "in_time takes an xarray DataArray"),
        (frames([0, 1]).rename(stimulus="trial"), 30, DimensionError, 'in_time needs a "stimulus" dim'),
        (frames([0, 1]), 0, DesignError, "rate takes frames per second, above 0; got 0"),
        (frames([0, 1]), np.nan, DesignError, "rate takes frames per second"),
        (frames(["a", "b"]), 30, DesignError, r"numbers of frames as labels of stimulus, each once; got \['a', 'b'\]"),
        (frames([0, 0]), 30, DesignError, "each once; got"),
        (frames([0, 0.5]), 30, DesignError, "each once; got"),
        (frames([-1, 0]), 30, DesignError, "each once; got"),
    ],
)
def test_what_is_no_movie_is_refused(x: xr.DataArray, rate: float, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        nd.in_time(x, rate=rate)
