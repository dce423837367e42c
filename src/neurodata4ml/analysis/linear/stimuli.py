"""The shared linear algebra of stimuli: sums per stimulus and fold, and Gram matrices free of noise bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.sparse import csr_array

from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.errors import DesignError

_CHUNK = 2_000_000
"""Numbers held at once when the products inside folds are summed (16 MB)."""


@dataclass(frozen=True)
class Cells:
    """Sums of trials per cell; a cell is one stimulus in one fold, and only cells that have trials are kept.

    Attributes
    ----------
    stimuli : ndarray (n_stimuli,)
        Sorted labels.
    stimulus, fold : ndarray of int (n_cells,)
        Where each cell lies; ``fold`` counts the distinct folds from 0.
    sums : ndarray (n_cells, n_units)
    counts : ndarray (n_cells,)
        Trials per cell.
    of_trial : ndarray of int (n_trials,)
        The cell of each trial.
    """

    stimuli: np.ndarray
    stimulus: np.ndarray
    fold: np.ndarray
    sums: np.ndarray
    counts: np.ndarray
    of_trial: np.ndarray


def cross_gram(values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Inner products of mean responses from pairs of trials in different folds only.

    With ``s_ik`` the sum of the ``n_ik`` trials of stimulus i in fold k::

        G_ij = sum_{k != l} s_ik . s_jl / sum_{k != l} n_ik n_jl

    Noise that is independent between folds never meets itself, so that ``E[G_ij] = m_i . m_j``, the diagonal too.
    Unequal counts and missing cells are allowed. With G, ``G_ii + G_jj - 2 G_ij`` is the crossnobis distance
    (Walther et al. 2016, NeuroImage 137:188, eq. 13, before division by the number of units).

    Parameters
    ----------
    values : ndarray (n_trials, n_units)
        Responses, e.g. in Hz.
    labels : ndarray (n_trials,)
        The stimulus of each trial.
    folds : ndarray (n_trials,)
        The fold of each trial; see ``fold_labels``.

    Returns
    -------
    ndarray (n_stimuli, n_stimuli), in the squared units of ``values``, stimuli in sorted order

    Raises
    ------
    DesignError
        A stimulus lies in fewer than two folds, so it has no product across folds.
    """
    cells = sum_cells(values, labels, folds)
    n_stimuli = len(cells.stimuli)
    folds_of_stimulus = np.bincount(cells.stimulus, minlength=n_stimuli)
    if n_stimuli == 0 or folds_of_stimulus.min() < 2:
        raise DesignError(_too_few_folds(cells.stimuli[folds_of_stimulus < 2]))
    total = sum_rows(cells.sums, cells.stimulus, n_stimuli)
    count = np.bincount(cells.stimulus, cells.counts, n_stimuli)
    pairs = np.outer(count, count) - _within_folds(cells, cells.counts[:, None])
    return np.asarray((total @ total.T - _within_folds(cells, cells.sums)) / pairs)


def fold_labels(x: xr.DataArray, *, step: str = "fold_labels") -> tuple[np.ndarray, str]:
    """Return the folds for cross-validated quantities, and what they are.

    Folds are the blocks when every stimulus lies in at least two of them: noise that is shared inside a block
    (drift, arousal) then never meets itself. Otherwise each trial is its own fold, which assumes that noise is
    independent between trials.

    Parameters
    ----------
    x : DataArray with dim ``trial`` and the coordinate ``stimulus``, and perhaps ``block``
    step : str
        The public function on whose behalf this is asked, for error messages.

    Returns
    -------
    (ndarray (n_trials,), "block" or "trial")

    Raises
    ------
    DimensionError
        No trials, or no such coordinate on them.
    DesignError
        Some trials have no label.
    """
    stimulus = np.unique(trial_labels(x, "stimulus", step=step), return_inverse=True)[1]
    if "block" in x.coords:
        blocks = np.unique(trial_labels(x, "block", step=step), return_inverse=True)[1]
        cells = np.unique(np.stack([stimulus, blocks]), axis=1)
        if cells.size and np.bincount(cells[0]).min() >= 2:
            return blocks, "block"
    return np.arange(x.sizes["trial"]), "trial"


def stimulus_means(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted labels, and the mean of the trials of each: (n_stimuli,), (n_stimuli, n_units)."""
    stimuli, stimulus, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return stimuli, sum_rows(np.asarray(values, dtype=np.float64), stimulus, len(stimuli)) / counts[:, None]


def sum_cells(values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Cells:
    """Sum the trials of every (stimulus, fold) cell that has any."""
    stimuli, stimulus = np.unique(labels, return_inverse=True)
    fold_names, fold = np.unique(folds, return_inverse=True)
    codes, cell = np.unique(stimulus * len(fold_names) + fold, return_inverse=True)
    return Cells(
        stimuli=stimuli,
        stimulus=codes // max(len(fold_names), 1),
        fold=codes % max(len(fold_names), 1),
        sums=sum_rows(np.asarray(values, dtype=np.float64), cell, len(codes)),
        counts=np.bincount(cell, minlength=len(codes)).astype(np.float64),
        of_trial=cell,
    )


def sum_rows(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the sum of the rows of each group, shape (n_groups, n_columns)."""
    n_rows = len(values)
    member = csr_array((np.ones(n_rows), (group, np.arange(n_rows))), shape=(n_groups, n_rows))
    return np.asarray(member @ values)


def _within_folds(cells: Cells, sums: np.ndarray) -> np.ndarray:
    """Return sum_k s_ik . s_jk, shape (n_stimuli, n_stimuli): the products that share a fold."""
    n_stimuli, n_columns = len(cells.stimuli), sums.shape[1]
    alone = np.bincount(cells.fold)[cells.fold] == 1
    # a fold of one stimulus touches the diagonal only; where each trial is a fold, all do
    squares = np.einsum("cu,cu->c", sums[alone], sums[alone])
    inside = np.diag(np.bincount(cells.stimulus[alone], squares, n_stimuli).astype(np.float64))
    shared = np.flatnonzero(~alone)
    shared_folds, fold = np.unique(cells.fold[shared], return_inverse=True)
    step = max(1, _CHUNK // max(1, n_stimuli * n_columns))
    for first in range(0, len(shared_folds), step):
        here = (fold >= first) & (fold < first + step)
        width = min(step, len(shared_folds) - first)
        dense = np.zeros((n_stimuli, width, n_columns))
        dense[cells.stimulus[shared[here]], fold[here] - first] = sums[shared[here]]
        flat = dense.reshape(n_stimuli, -1)
        inside += flat @ flat.T
    return inside


def _too_few_folds(labels: np.ndarray) -> str:
    names = ", ".join(str(label) for label in labels[:5]) + (" ..." if len(labels) > 5 else "")
    return (
        f"A cross-validated quantity needs every stimulus in at least 2 folds (blocks, or trials where blocks are "
        f"too few); {len(labels)} stimuli lie in fewer: {names or 'there are no trials'}. "
        f"Drop them: x.isel(trial=~x.stimulus.isin([...]).values)."
    )
