"""What pooling left of the design: the folds of a pseudo-population, and the labels that it could have had."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.null import Null
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import require_coords, require_dims


def folds_of(x: xr.DataArray) -> Folds:
    """Return the folds of a pseudo-population, in which its real trials were dealt before they were combined."""
    require_coords(x, "fold", step="folds_of", hint="It takes what pseudo_population gives.")
    why = "The trials of each session were dealt to folds before they were combined."
    return Folds(np.asarray(x.coords["fold"].values, dtype=np.int64), "given", why)


def pseudo_null(x: xr.DataArray, target: str, *, n_shuffles: int = 99, seed: int = 0) -> Null:
    """Shuffle the labels of pseudo-trials within folds: the null of a pseudo-population.

    Where each real trial is used once, and labels were randomised from trial to trial in every session, whatever the
    block and the stimulus, the labels of the pseudo-trials of a fold are exchangeable: which trials meet was drawn by
    chance. Else ``no_p`` says why not.

    Parameters
    ----------
    x : DataArray
        From ``pseudo_population``.
    target : str
    n_shuffles : int
    seed : int

    Returns
    -------
    Null with the scheme "within blocks" (the folds being the blocks)
    """
    require_dims(x, "trial", step="pseudo_null")
    labels, fold = trial_labels(x, target, step="pseudo_null"), folds_of(x).fold
    rng = np.random.default_rng(seed)
    rows = np.repeat(labels[None], n_shuffles, axis=0)
    for k in np.unique(fold):
        inside = np.flatnonzero(fold == k)
        rows[:, inside] = rng.permuted(rows[:, inside], axis=1)
    why = "Trials of one fold met by chance, so that the labels of its pseudo-trials could have been dealt otherwise."
    return Null(rows, np.arange(len(labels)), labels, "within blocks", why, no_p=str(x.attrs.get("no_p", "")) or "")
