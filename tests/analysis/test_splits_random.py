"""Whatever the design, folds are refused, or share the samples out and do not leak."""

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.dims import add_step
from neurodata4ml.errors import DesignError, DimensionError


def random_design(rng):
    """Any number of trials or bins with any coordinates, and any question about them."""
    n, dim = int(rng.integers(2, 80)), str(rng.choice(["trial", "trial", "time"]))
    block, stimulus = np.sort(rng.integers(0, rng.integers(1, 12), n)), rng.integers(0, rng.integers(1, 20), n)
    coords = {"block": block, "stimulus": stimulus, "session": np.sort(rng.integers(0, rng.integers(1, 5), n))}
    coords = {name: values for name, values in coords.items() if rng.random() < 0.5}
    clock = np.arange(n) * 0.1 if dim == "time" else np.cumsum(rng.uniform(0.4, 2, n))
    coords["time" if dim == "time" else "start_time"] = clock
    coords["y"] = [rng.integers(0, 2, n), stimulus // 3, block % 2, rng.normal(size=n)][rng.integers(4)]
    coords = {name: (dim, values) for name, values in coords.items()}
    x = xr.DataArray(rng.normal(size=(n, 3)), dims=(dim, "unit"), coords=coords, attrs={"bin_width": 0.1})
    if dim == "trial":
        add_step(x, "bin_spikes", align="start_time", window=(0, 0.5))
    over = [None, None, None, "trial", "block", "stimulus", "session", "time"][rng.integers(8)]
    options = {"over": over, "n_folds": int(rng.integers(2, 7)), "target": "y", "encoding": bool(rng.random() < 0.2)}
    return x, options | {"purge": [None, None, 0, 0.3][rng.integers(4)]}


def constant(labels, groups):
    sizes = [len(labels[groups == name]) for name in np.unique(groups)]
    return max(sizes) > 1 and all(len(np.unique(labels[groups == name])) == 1 for name in np.unique(groups))


def test_whatever_the_design_folds_are_refused_or_share_the_samples_out_without_a_leak():
    made = 0
    for seed in range(500):
        x, options = random_design(np.random.default_rng(seed))
        n, y = x.shape[0], x.y.values
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                folds = splits(x, **options)
            except (DesignError, DimensionError):
                continue
        made += 1
        groups = {name: x[name].values for name in ("block", "session", "stimulus") if name in x.coords}
        if "session" in groups and "block" in groups:
            groups["block"] = groups["block"] * 100 + groups["session"]
        apart = [name for name, group in groups.items() if 1 < len(np.unique(group)) < n and constant(y, group)]
        if "stimulus" in apart and len(np.unique(y)) == len(np.unique(groups["stimulus"])):
            apart.remove("stimulus")  # each class is one stimulus: there is no other to ask about
        if options["encoding"] and "stimulus" in groups:
            apart.append("stimulus")
        clock = x[x.dims[0]].values if x.dims[0] == "time" else x.start_time.values
        session = groups.get("session", np.zeros(n))
        tested = []
        for train, test in folds.split():
            tested.extend(test.tolist())
            assert len(np.setdiff1d(train, test)) == len(train) > 0
            for name in apart:
                assert not np.intersect1d(groups[name][train], groups[name][test]).size
            near = np.abs(clock[train][:, None] - clock[test]) < (0.15 if x.dims[0] == "time" else 0.499)
            assert not (near & (session[train][:, None] == session[test])).any()
        assert sorted(tested) == list(range(n))
    assert made > 100
