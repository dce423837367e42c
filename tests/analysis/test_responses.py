"""Rates are counts per second, and a mean response is the mean of the trials that share a label."""

import json

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.responses import average_by, firing_rate
from neurodata4ml.dims import presented
from neurodata4ml.errors import DesignError, DimensionError


def counts(n_trials=12, seed=0, **coords):
    rng = np.random.default_rng(seed)
    return xr.DataArray(
        rng.poisson(2.0, (n_trials, 5, 3)).astype(np.int8),
        dims=("trial", "time", "unit"),
        coords={
            "trial": np.arange(n_trials),
            "time": np.arange(5) * 0.02 + 0.01,
            "unit": [4, 8, 15],
            "area": ("unit", np.array(["V1", "V1", "LM"], dtype=object)),
            **{name: ("trial", values) for name, values in coords.items()},
        },
        attrs={"bin_width": 0.02, "units": "1", "citation": "nobody", "steps": '[{"step": "bin_spikes"}]'},
    )


def test_ten_spikes_in_a_tenth_of_a_second_are_a_hundred_hertz():
    x = xr.DataArray(np.full((1, 5, 1), 2, dtype=np.int8), dims=("trial", "time", "unit"), attrs={"bin_width": 0.02})
    assert firing_rate(x).values.tolist() == [[pytest.approx(100.0)]]


def test_a_rate_over_the_window_is_the_mean_of_the_rates_of_its_bins():
    x = counts()
    every = firing_rate(x, over=None)
    assert every.dims == ("trial", "time", "unit")
    assert every.attrs["bin_width"] == 0.02
    np.testing.assert_allclose(every.mean("time"), firing_rate(x))
    np.testing.assert_allclose(firing_rate(x), x.sum("time") / 0.1)


def test_rates_do_not_overflow_where_counts_are_small_integers():
    x = xr.DataArray(np.full((1, 1000, 1), 127, dtype=np.int8), dims=("trial", "time", "unit"), attrs={"bin_width": 1})
    assert firing_rate(x).item() == 127


def test_rates_keep_labels_units_and_provenance_and_laziness():
    x = counts()
    rate = firing_rate(x.copy(data=da.from_array(x.values, chunks=(12, 5, 1))))
    assert rate.chunks is not None
    assert rate.area.values.tolist() == ["V1", "V1", "LM"]
    assert rate.attrs["units"] == "Hz"
    assert rate.attrs["citation"] == "nobody"
    assert [step["step"] for step in json.loads(rate.attrs["steps"])] == ["bin_spikes", "firing_rate"]
    assert "bin_width" not in rate.attrs


def test_rates_need_counts_with_a_bin_width():
    with pytest.raises(DimensionError, match=r"needs counts per bin.*bin_width None\. Start from bin_spikes"):
        firing_rate(xr.DataArray(np.ones((2, 2)), dims=("time", "unit")))
    with pytest.raises(DimensionError, match="got units 'Hz'"):
        firing_rate(firing_rate(counts(), over=None))
    with pytest.raises(DimensionError, match=r'firing_rate needs a "time" dim; got \(trial, unit\)'):
        firing_rate(counts().sum("time"))


def test_the_mean_response_is_the_mean_over_the_trials_of_each_stimulus():
    stimulus = [3, 1, 3, 1, 1, 3, 9, 9, 3, 1, 9, 9]
    x = counts(stimulus=stimulus)
    mean = average_by(x)
    assert mean.dims == ("stimulus", "time", "unit")
    assert mean.stimulus.values.tolist() == [1, 3, 9]
    assert mean.stimulus.dtype.kind == "i"
    assert mean.n_trials.values.tolist() == [4, 4, 4]
    np.testing.assert_allclose(mean.sel(stimulus=3), x.values[np.array(stimulus) == 3].mean(axis=0))
    assert mean.attrs["bin_width"] == 0.02


def test_averaging_does_not_depend_on_the_order_of_trials_nor_of_dims():
    x = counts(stimulus=[3, 1, 3, 1, 1, 3, 9, 9, 3, 1, 9, 9])
    again = average_by(x.isel(trial=np.random.default_rng(0).permutation(12)).transpose("unit", "trial", "time"))
    np.testing.assert_allclose(again.transpose(*average_by(x).dims), average_by(x))


def test_a_blank_sweep_is_not_a_stimulus_and_an_invalid_trial_is_not_data():
    stimulus = [-1, 0, 1] * 4
    x = counts(stimulus=stimulus, blank=np.array(stimulus) == -1, valid=np.arange(12) != 1)
    mean = average_by(x)
    assert mean.stimulus.values.tolist() == [0, 1]
    assert mean.n_trials.values.tolist() == [3, 4]
    assert mean.attrs["average_by_dropped_blank"] == 4
    assert mean.attrs["average_by_dropped_invalid"] == 1


def test_labels_may_be_strings_and_the_dim_is_named_after_them():
    x = counts(type=np.array(["lick right", "lick left"] * 6, dtype=object)).mean("time")
    mean = average_by(x, "type")
    assert mean.dims == ("type", "unit")
    assert mean.type.values.tolist() == ["lick left", "lick right"]
    assert average_by(x.mean("unit"), "type").dims == ("type",)


def test_what_is_the_same_in_all_trials_of_a_stimulus_stays_with_it():
    mean = average_by(counts(stimulus=[0, 1, 2] * 4, digit=[7, 8, 7] * 4, speed=np.arange(12.0)))
    assert mean.digit.dims == ("stimulus",)
    assert mean.digit.values.tolist() == [7, 8, 7]
    assert "speed" not in mean.coords


def test_a_nan_is_not_hidden_by_the_mean():
    x = counts(stimulus=[0, 1] * 6).astype(float)
    x[0, 0, 0] = np.nan
    assert np.isnan(average_by(x)).sum() == 1


def test_a_misspelt_coordinate_is_suggested():
    x = counts(stimulus=[0, 1] * 6)
    with pytest.raises(DimensionError, match=r"'stimlus' on 'trial'.*Did you mean 'stimulus'\?"):
        average_by(x, "stimlus")
    with pytest.raises(DimensionError, match=r"needs the coordinate 'area' on 'trial'.*There are: stimulus, trial"):
        average_by(x, "area")


def test_trials_without_a_label_are_named_not_guessed():
    x = counts(choice=np.array(["left", None, "right"] * 4, dtype=object))
    with pytest.raises(DesignError, match=r"4 of 12 trials have no 'choice' \(NaN\)\. Leave them out") as error:
        average_by(x, "choice")
    remedy = str(error.value).split("Leave them out: ")[1].rstrip(".")
    assert average_by(eval(remedy, {"x": x}), "choice").n_trials.values.tolist() == [4, 4]


def test_an_empty_name_is_no_label():
    x = counts(choice=np.array(["left", "", "right"] * 4))
    with pytest.raises(DesignError, match=r"4 of 12 trials have no 'choice' \(NaN or \"\"\)\. Leave them out") as error:
        average_by(x, "choice")
    remedy = str(error.value).split("Leave them out: ")[1].rstrip(".")
    assert average_by(eval(remedy, {"x": x}), "choice").choice.values.tolist() == ["left", "right"]


def test_averages_are_not_averaged_again():
    with pytest.raises(DimensionError, match=r'average_by needs a "trial" dim.*averaged already'):
        average_by(average_by(counts(stimulus=[0, 1] * 6)))


def test_sparse_counts_average_as_dense_ones():
    sparse = pytest.importorskip("sparse")
    x = counts(stimulus=[0, 1] * 6)
    few = x.copy(data=sparse.COO.from_numpy(x.values))
    np.testing.assert_array_equal(average_by(few).values, average_by(x).values)


def test_bins_that_are_not_valid_are_no_data_in_a_recording_without_trials():
    x = counts(n_trials=1).isel(trial=0, drop=True).assign_coords(valid=("time", [True, False, True, True, False]))
    kept = presented(x, step="average")
    np.testing.assert_array_equal(kept.values, x.values[[0, 2, 3]])
    assert kept.attrs["average_dropped_invalid"] == 2
    assert "average_dropped_blank" not in kept.attrs
    of_trials = counts(valid=np.arange(12) > 0)  # there the trial is what is valid or not
    assert presented(of_trials, step="average").sizes == {"trial": 11, "time": 5, "unit": 3}
