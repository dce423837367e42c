"""Small sessions in memory, laid out as ``open_session`` does, for the tests of alignment."""

import numpy as np
import xarray as xr


def make_session(spikes, start, stop=None, **columns):
    """A session in memory, laid out as ``open_session`` does: spikes (a list per unit) end to end."""
    stops = np.cumsum([len(s) for s in spikes])
    start = np.asarray(start, dtype=float)
    trial = {"start_time": start, **columns}
    if stop is not None:
        trial["stop_time"] = np.asarray(stop, dtype=float)
    return xr.Dataset(
        {
            "spike_times": ("spike", np.concatenate([np.sort(s) for s in spikes])),
            "spike_start": ("unit", np.r_[0, stops[:-1]].astype(np.int64)),
            "spike_stop": ("unit", stops.astype(np.int64)),
        },
        coords={
            "unit": 10 + np.arange(len(spikes)),
            "area": ("unit", np.array(["V1", "LM"] * len(spikes), dtype=object)[: len(spikes)]),
            "trial": np.arange(len(start)),
            **{name: ("trial", values) for name, values in trial.items()},
        },
        attrs={"dataset": "by hand", "citation": "nobody"},
    )


def random_session(seed=0, n_units=5, n_trials=30, n_spikes=2000):
    rng = np.random.default_rng(seed)
    spikes = [rng.uniform(0, 100, rng.integers(n_spikes // 2, n_spikes)) for _ in range(n_units)]
    # no order, and far enough apart that no window of one second reaches into the next stimulus
    return make_session(spikes, rng.permutation(1 + 3.2 * np.arange(n_trials)) + rng.uniform(0, 1, n_trials))


def edges_of(window, bin_width):
    n_bins = round((window[1] - window[0]) / bin_width)
    return np.round(window[0] + np.arange(n_bins + 1) * bin_width, 12)
