"""Units that stop, or begin late: their silence is a lost unit more often than an answer."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

SHARE = 0.1
"""Of the trials: a shorter silence at the beginning or the end is not told."""

CHANCE = 1e-9
"""Above it, the trials in which a unit fires may all lie on one side of its silence by chance."""

MOST_NAMED = 8


def warn_of_silence(totals: xr.DataArray) -> None:
    """Warn of units that fire in none of the first, or of the last, trials, more often than chance allows.

    A trial lies outside a silence of s in n trials with probability 1 - s/n, so k trials with a spike all do with
    (1 - s/n)^k at most, if they are spread evenly.

    Parameters
    ----------
    totals : DataArray, dims (trial, unit)
        Spikes of every trial; in the order of time, or with the coordinate ``start_time`` (trial) in s.
    """
    counts = np.asarray(totals.transpose("trial", "unit").values, dtype=float)
    n_trials = len(counts)
    if "start_time" in totals.coords:
        counts = counts[np.argsort(totals["start_time"].values, kind="stable")]
    fires = counts > 0
    ever = fires.any(axis=0)
    before = np.where(ever, fires.argmax(axis=0), 0)
    after = np.where(ever, fires[::-1].argmax(axis=0), 0)
    for silent, which in ((after, "last"), (before, "first")):
        lost = np.flatnonzero((silent >= SHARE * n_trials) & ((1 - silent / n_trials) ** fires.sum(axis=0) <= CHANCE))
        if lost.size:
            lost = lost[np.argsort(-silent[lost], kind="stable")]
            said = [f"{totals['unit'].values[i]} in {silent[i]:,}" for i in lost[:MOST_NAMED]]
            more = f" and {lost.size - MOST_NAMED} units more" if lost.size > MOST_NAMED else ""
            message = (
                f"{lost.size} of {counts.shape[1]} units fire no spike in the {which} of the {n_trials:,} trials: unit "
                f"{', '.join(said)}{more}. A unit that {'stops' if which == 'last' else 'begins late'} may have been "
                "lost, or answers only to what was shown elsewhere; here its silence counts as an answer. Keep trials "
                "in which all were held (--where), or other units (--units)."
            )
            warnings.warn(message, UserWarning, stacklevel=2)
