"""The place of a rat is read from its hippocampus: real spikes, an error in pixels, and a null that fits."""

from __future__ import annotations

import numpy as np
import pytest

from neurodata4ml.analysis.decoding.decode import decode
from recordings import linear_track


@pytest.fixture(scope="module")
def running():
    x = linear_track()
    assert x.sizes == {"time": 3600, "unit": 31}
    return x.isel(time=(x.speed > 50).values)


def test_the_place_of_a_running_rat_is_read_within_19_pixels(running) -> None:
    with pytest.warns(UserWarning, match="the design says"):
        result = decode(running, "x", decoder="bayes", scoring="median_error", null="circular shift", n_shuffles=19)
    assert result.attrs["n_folds"] == 5
    assert result.attrs["folds"] == "contiguous"
    assert float(result.score) <= 19
    error = np.abs(result.prediction.values - running.x.values)
    assert float(result.score) == pytest.approx(np.median(error))
    assert float(result.chance) > 60
    assert float(result.null.min()) > 2 * float(result.score)
    assert result.score.attrs["units"] == ""


def test_by_itself_the_track_allows_no_p_and_the_result_says_why(running) -> None:
    result = decode(running, "x", decoder="bayes", scoring="median_error", n_shuffles=19)
    assert np.isnan(result.p_value)
    assert "circular shift needs 50" in result.attrs["no_p"]
