"""CEBRA's embeddings hold the behaviour they were taught, and one seed teaches one embedding."""

import sys
import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.latents.latents import latents
from neurodata4ml.errors import DesignError, DimensionError


def track(n_samples=800, n_units=12):
    """Place cells on a track walked up and down (time, unit), with the position."""
    position = 1 + np.sin(np.linspace(0, 24 * np.pi, n_samples))
    rate = 4 * np.exp(-((position[:, None] - np.linspace(0, 2, n_units)) ** 2) / 0.1)
    coords = {"position": ("time", position), "side": ("time", np.where(position > 1, "right", "left"))}
    return xr.DataArray(np.random.default_rng(0).poisson(rate), dims=("time", "unit"), coords=coords)


def cebra(x, **options):
    pytest.importorskip("cebra")
    options = {"max_iterations": 40, "batch_size": 128, "learning_rate": 3e-3, **options}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        return latents(x, method="cebra", **options)


def test_position_is_read_from_the_embedding_it_shaped_in_time_left_out():
    x = track()
    result = cebra(x, labels="position")
    assert result.loss[-5:].mean() < result.loss[:5].mean()
    assert "loadings" not in result
    assert result.attrs["labels"] == "position"
    design, train = np.c_[result.latents.values, np.ones(800)], np.arange(800) < 600
    weights = np.linalg.lstsq(design[train], x.position.values[train], rcond=None)[0]
    assert np.corrcoef(design[~train] @ weights, x.position.values[~train])[0, 1] > 0.8


@pytest.mark.parametrize("labels", [None, "position", "side"])
def test_one_seed_is_one_embedding_and_another_is_another(labels):
    torch = pytest.importorskip("torch")
    x = track(300)
    torch.manual_seed(5)
    one, again, other = (cebra(x, labels=labels, seed=seed, max_iterations=3) for seed in (0, 0, 1))
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert drawn == torch.rand(1)
    np.testing.assert_array_equal(one.latents, again.latents)
    np.testing.assert_array_equal(one.loss, again.loss)
    assert np.abs(one.latents - other.latents).max() > 0.01


def test_trials_are_joined_and_labels_of_trials_hold_for_their_bins():
    x = xr.DataArray(
        track(300).values.reshape(20, 15, 12),
        dims=("trial", "time", "unit"),
        coords={"choice": ("trial", np.arange(20) % 2)},
    )
    result = cebra(x, labels="choice", max_iterations=2)
    assert result.latents.dims == ("trial", "time", "component")
    flat = x.stack(bin=("trial", "time")).transpose("bin", "unit").drop_vars(("bin", "trial", "time"))
    flat = flat.rename(bin="time").assign_coords(choice=("time", np.repeat(np.arange(20) % 2, 15)))
    np.testing.assert_array_equal(
        cebra(flat, labels="choice", max_iterations=2).latents, result.latents.values.reshape(300, 3)
    )


def test_each_refusal_of_embeddings_says_what_to_do(monkeypatch):
    x = track(100)
    lost = x.assign_coords(position=x.position.where(np.arange(100) != 3))
    for kind, sentence, array, labels in [
        (DimensionError, "needs the coordinate 'positon' on 'time'.*Did you mean 'position'", x, "positon"),
        (DesignError, "1 of 100 samples have no 'position'", lost, "position"),
        (DimensionError, r"takes \(trial, time, unit\); got \(stimulus, unit\)", x.rename(time="stimulus"), None),
    ]:  # fmt: skip
        with pytest.raises(kind, match=sentence):
            latents(array, method="cebra", labels=labels)
    monkeypatch.setitem(sys.modules, "cebra", None)
    with pytest.raises(DesignError, match=r"needs (cebra|torch), which is not installed.*\"neurodata4ml\[cebra\]\""):
        latents(x, method="cebra")
