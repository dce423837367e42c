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


def test_position_drifts_so_that_it_is_shifted_and_too_few_shifts_say_how_many_are_needed(running) -> None:
    result = decode(running, "x", decoder="bayes", scoring="median_error", n_shuffles=19)
    assert result.attrs["null_scheme"] == "linear shift"
    assert np.isnan(result.p_value)
    assert "9 shifts each way cannot give p below 0.1" in result.attrs["no_p"]
    assert "n_shuffles=38" in result.attrs["no_p"]
