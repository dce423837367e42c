"""The design of an experiment, read from the coordinates of its samples: when, in which block, what was shown."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.analysis.design.trials import (
    block_labels,
    constant_within,
    is_continuous,
    labels_follow_blocks,
    session_labels,
    time_order,
)
from neurodata4ml.analysis.responses import sample_dim, trial_labels


@dataclass(frozen=True)
class Design:
    """What the coordinates tell of ``n_samples`` samples; every array has one entry for each.

    Attributes
    ----------
    dim : "trial" or "time"
        What a sample is: a trial, or a bin of a continuous recording.
    order : ndarray of int
        Positions, earliest first, session after session.
    start, stop : ndarray, s, or None
        The window that each sample's responses were taken from, in the time of its session; None without times.
        Where only the onset is known, ``stop`` equals ``start``.
    block, stimulus, session : ndarray, or None where they say nothing (one block, one session, no such coordinate)
    labels : ndarray or None
        The target.
    target : str
        Its name; "" without.
    continuous : bool
        The target is a measured number, not a class.
    follows_blocks, follows_sessions : bool
        The target is constant within every block, or session.
    of_stimulus : bool
        The target is a property of the stimulus: constant within every stimulus, some of which recur, and shared
        by several.
    """

    dim: str
    order: np.ndarray
    start: np.ndarray | None
    stop: np.ndarray | None
    block: np.ndarray | None
    stimulus: np.ndarray | None
    session: np.ndarray | None
    labels: np.ndarray | None
    target: str
    continuous: bool
    follows_blocks: bool
    follows_sessions: bool
    of_stimulus: bool

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return len(self.order)

    @property
    def classes(self) -> np.ndarray | None:
        """The labels where they are classes; None where they are measured numbers, or there is no target."""
        return None if self.continuous else self.labels


def read_design(x: xr.DataArray, target: str | None = None) -> Design:
    """Read the design of the samples of ``x`` (all of them: drop blanks first, with ``presented``).

    Raises
    ------
    DimensionError
        No samples, or no coordinate ``target`` on them.
    DesignError
        Some samples have no target, or no block where there are blocks.
    """
    dim = sample_dim(x, step="splits", hint="Folds are made of trials.")
    labels = None if target is None else trial_labels(x, target, step="splits")
    start, stop = sample_windows(x)
    block, stimulus, session = block_labels(x), _stimuli(x, dim), session_labels(x)
    return Design(
        dim=dim,
        order=time_order(x),
        start=start,
        stop=stop,
        block=block,
        stimulus=stimulus,
        session=session,
        labels=labels,
        target=target or "",
        continuous=labels is not None and is_continuous(labels),
        follows_blocks=labels is not None and block is not None and labels_follow_blocks(labels, block),
        follows_sessions=labels is not None and session is not None and labels_follow_blocks(labels, session),
        of_stimulus=labels is not None and stimulus is not None and _shared_by_stimuli(labels, stimulus),
    )


def sample_windows(x: xr.DataArray) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Return start and stop of each sample's window, in seconds of its session; (None, None) without times.

    A bin of a continuous recording reaches half a ``bin_width`` to both sides (without times, bins follow each other;
    without a width, one lasts 1 s). For a trial, zero is the column that
    ``bin_spikes`` or ``align_series`` aligned to, and the window is what ``time`` still spans, else what the step
    recorded; where the column is gone the onset (``start_time``) stands for both ends.
    """
    if "trial" not in x.dims:
        half = (bin_width(x) or 1.0) / 2
        counted = (np.arange(x.sizes["time"]) + 0.5) * 2 * half
        centre = seconds(x.coords["time"].values) if "time" in x.coords else counted
        return centre - half, centre + half
    align, window = _aligned(x)
    known = align in x.coords and x.coords[align].dims == ("trial",)
    zero = align if known else "start_time"
    if zero not in x.coords or x.coords[zero].dims != ("trial",):
        return None, None
    event = seconds(x.coords[zero].values)
    first, last = window if known else (0.0, 0.0)
    return event + first, event + last


def seconds(times: np.ndarray) -> np.ndarray:
    """Return times as float seconds, dates and durations too."""
    if times.dtype.kind in "mM":
        whole = times.astype(f"{times.dtype.kind}8[ns]")
        return np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e9)
    return np.asarray(times, dtype=np.float64)


def bin_width(x: xr.DataArray) -> float:
    """Return the width of the bins of ``time`` in s: as recorded, else the usual distance between them (0 for one)."""
    if "bin_width" in x.attrs:
        return float(x.attrs["bin_width"])
    if "time" not in x.coords or x.sizes["time"] < 2:
        return 0.0
    return float(np.median(np.abs(np.diff(seconds(x.coords["time"].values)))))


def _aligned(x: xr.DataArray) -> tuple[str, tuple[float, float]]:
    """Return the column that trials were aligned to, and their window in seconds from it."""
    align, window = "start_time", (0.0, 0.0)
    for step in json.loads(x.attrs.get("steps", "[]")):
        if step.get("step") in ("bin_spikes", "align_series") and step.get("align") and step.get("window"):
            align, window = str(step["align"]), (float(step["window"][0]), float(step["window"][1]))
    if "time" in x.dims and "time" in x.coords and x.sizes["time"]:
        time, half = seconds(x.coords["time"].values), bin_width(x) / 2
        window = (float(time.min()) - half, float(time.max()) + half)
    return align, window


def _stimuli(x: xr.DataArray, dim: str) -> np.ndarray | None:
    """Return the stimulus of every sample; None where some have none (who needs stimuli, refuses by name)."""
    if "stimulus" not in x.coords or x.coords["stimulus"].dims != (dim,):
        return None
    stimulus = np.asarray(x.coords["stimulus"].values)
    missing = pd.isnull(stimulus) | ((stimulus == "") if stimulus.dtype.kind in "OUST" else False)
    return None if missing.any() else trial_labels(x, "stimulus", step="splits")


def _shared_by_stimuli(labels: np.ndarray, stimulus: np.ndarray) -> bool:
    n_stimuli = len(np.unique(stimulus))
    several = len(np.unique(labels)) < n_stimuli or is_continuous(labels)
    return n_stimuli < len(stimulus) and several and constant_within(labels, stimulus)
