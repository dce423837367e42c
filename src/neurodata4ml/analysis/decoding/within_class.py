"""A population without noise correlations: each unit's trials exchanged within each class, on its own."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.trials import is_continuous
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, feature_dim, presented, require_array, require_dims
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def shuffle_within_class(x: xr.DataArray, target: str, *, folds: Folds | None = None, seed: int = 0) -> xr.DataArray:
    """Exchange each unit's trials within each class, on its own: noise correlations vanish, all else stays.

    What decoding gains or loses by it is what noise correlations took or gave (Averbeck, Latham & Pouget 2006, Nat.
    Rev. Neurosci. 7:358): compare ``decode(x, target, folds=f)`` with
    ``decode(shuffle_within_class(x, target, folds=f), target, folds=f)``.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit)
        A unit's time course within a trial stays together. Blank and invalid trials stay as they are.
    target : str
        The coordinate on ``trial``.
    folds : Folds, optional
        Of ``x``. Trials are exchanged within folds only, so that no response moves between training and test. Where
        labels were not dealt trial by trial (blocks, stimuli) scores without it are flattered, and p is NaN.
    seed : int

    Returns
    -------
    DataArray, dims (trial, [time,] unit)
    """
    require_array(x, step="shuffle_within_class")
    require_dims(x, "trial", step="shuffle_within_class")
    require_whole(seed, "seed", least=0)
    if folds is not None and (not isinstance(folds, Folds) or len(folds.fold) != x.sizes["trial"]):
        message = "shuffle_within_class takes folds of this very array: folds=splits(x, target=...)."
        raise DesignError(message)
    units = feature_dim(x, step="shuffle_within_class")
    x = x.transpose("trial", ..., units)
    position, fold = np.arange(x.sizes["trial"]), np.zeros(x.sizes["trial"]) if folds is None else folds.fold
    shown = presented(x.assign_coords(_position=("trial", position)), step="shuffle_within_class")
    where, labels = shown["_position"].values, trial_labels(shown, target, step="shuffle_within_class")
    if is_continuous(labels):
        message = (
            f"shuffle_within_class exchanges trials of one class, and {target!r} is continuous: no two trials share a "
            f"value. Cut it into bins: x.assign_coords({target}_bin=('trial', np.digitize(x.{target}, edges)))."
        )
        raise DesignError(message)
    values = np.array(x.data)
    flat = values.reshape(len(values), -1, x.sizes[units])
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        for k in np.unique(fold[fold >= 0]):
            inside = where[(labels == label) & (fold[where] == k)]
            partner = rng.permuted(np.tile(inside, (flat.shape[2], 1)), axis=1).T
            flat[inside] = flat[partner[:, None, :], np.arange(flat.shape[1])[:, None], np.arange(flat.shape[2])]
    out = x.copy(data=values)
    out.attrs = {**x.attrs, "shuffled": f"each unit's trials exchanged within {target}: no noise correlations"}
    return add_step(out, "shuffle_within_class", target=target, seed=seed)
