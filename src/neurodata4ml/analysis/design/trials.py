"""What labels and coordinates of samples say: their order in time, their blocks, and whether they are classes."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import sample_dim, trial_labels
from neurodata4ml.errors import DesignError

CLASSES = 20
"""A measured number (float) with more distinct values than this is continuous; with fewer it names classes."""


def block_labels(x: xr.DataArray) -> np.ndarray | None:
    """Return the block of every sample, or None where there are no blocks, or only one, or one per sample.

    Where there are several sessions, block 1 of one is not block 1 of another: blocks are then numbered anew.
    """
    if "block" not in x.coords or x.coords["block"].dims != (sample_dim(x, step="splits"),):
        return None
    blocks, session = trial_labels(x, "block", step="splits"), session_labels(x)
    if session is not None:
        within = np.unique(blocks, return_inverse=True)[1]
        blocks = np.unique(session, return_inverse=True)[1] * (within.max() + 1) + within
    return blocks if 1 < len(np.unique(blocks)) < len(blocks) else None


def session_labels(x: xr.DataArray) -> np.ndarray | None:
    """Return the session of every sample, or None where there is only one."""
    if "session" not in x.coords or x.coords["session"].dims != (sample_dim(x, step="splits"),):
        return None
    sessions = trial_labels(x, "session", step="splits")
    return sessions if len(np.unique(sessions)) > 1 else None


def labels_follow_blocks(y: np.ndarray, blocks: np.ndarray) -> bool:
    """Return whether no block holds two different labels (blocks of one trial each say nothing, and do not count)."""
    size = np.unique(blocks, return_counts=True)[1]
    return bool(size.max() > 1 and constant_within(y, blocks))


def constant_within(y: np.ndarray, groups: np.ndarray) -> bool:
    """Return whether ``y`` never differs between two samples of one group."""
    first, code = np.unique(groups, return_index=True, return_inverse=True)[1:]
    return bool(np.all(y == y[first][code]))


def is_continuous(labels: np.ndarray) -> bool:
    """Return whether labels are measured numbers, not names of classes.

    They are where they are floats with more than 20 distinct values (or, if there are few samples, more distinct
    values than half of them), and these have fractions or hardly recur (fewer than 5 samples each): whole numbers
    that recur, as the 118 images of a set, are names. Integers always are.
    """
    if labels.dtype.kind != "f":
        return False
    n_distinct = len(np.unique(labels))
    fractions = bool(np.any(labels != np.round(labels)))
    many = n_distinct > CLASSES or (fractions and n_distinct > max(2, len(labels) / 2))
    return many and (fractions or len(labels) < 5 * n_distinct)


def time_order(x: xr.DataArray) -> np.ndarray:
    """Return the positions of the samples, earliest first, session after session.

    Trials go by ``start_time``, bins of a continuous recording by ``time``; by their own order where there is none.
    """
    dim = sample_dim(x, step="splits")
    clock = "start_time" if dim == "trial" else "time"
    known = clock in x.coords and x.coords[clock].dims == (dim,)
    when = x.coords[clock].values if known else np.arange(x.sizes[dim])
    if np.asarray(when).dtype.kind in "US":
        message = (
            f"{clock!r} holds text ({str(when[0])!r}), which does not sort as times do. Make it seconds: "
            f"x.assign_coords({clock}=({dim!r}, x.{clock}.values.astype(float)))."
        )
        raise DesignError(message)
    session = session_labels(x)
    if session is None:
        return np.argsort(when, kind="stable")
    return np.lexsort((when, np.unique(session, return_inverse=True)[1]))
