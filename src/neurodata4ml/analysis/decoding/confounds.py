"""Confounds such as running speed: their linear trace is taken out of the responses, learnt from training samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.errors import DesignError


def confound_values(x: xr.DataArray, names: str | Sequence[str] | None, *, target: str, step: str) -> np.ndarray | None:
    """Return the confounds (n_samples, n_confounds), or None where none is named.

    Raises
    ------
    DimensionError
        A name is no coordinate of the samples.
    DesignError
        A confound is the target itself, has missing values, or is no number.
    """
    if names is None:
        return None
    if not isinstance(names, str | list | tuple):
        message = f"{step}: confounds takes names of coordinates, such as ['speed']; got {names!r}."
        raise DesignError(message)
    wanted = [names] if isinstance(names, str) else list(names)
    columns = []
    for name in wanted:
        if name == target:
            message = f"{step}: {name!r} is the target, and cannot be a confound too. Leave it out of confounds."
            raise DesignError(message)
        values = trial_labels(x, name, step=step)
        if values.dtype.kind not in "biuf":
            message = (
                f"{step}: the confound {name!r} holds {str(values[0])!r}, and confounds are numbers. Give one "
                f"column of 0 and 1 for each of its values: "
                f"x.assign_coords({name}_is=(x.{name}.dims, x.{name}.values == ...))."
            )
            raise DesignError(message)
        columns.append(values.astype(np.float64))
    return np.stack(columns, axis=1) if columns else None


def without_confounds(x: np.ndarray, confounds: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return responses less what the confounds predict of them, by least squares with an intercept.

    The coefficients are learnt from the training samples alone and applied to all, so that a test sample has no say in
    what is taken from it (Snoek et al. 2019, NeuroImage 184:741); labels are not looked at.

    Parameters
    ----------
    x : ndarray (n_times, n_samples, n_units)
    confounds : ndarray (n_samples, n_confounds)
    train : ndarray of int
        Positions of the training samples.

    Returns
    -------
    ndarray, float64, of the shape of ``x``; the training mean of each unit is kept
    """
    centred = confounds - confounds[train].mean(axis=0)
    x = np.asarray(x, dtype=np.float64)
    # one pseudo-inverse serves all units and times; a constant or repeated confound takes nothing twice
    solve = np.linalg.pinv(centred[train])
    learnt = x[:, train] - x[:, train].mean(axis=1, keepdims=True)
    return np.asarray(x - centred @ (solve @ learnt))
