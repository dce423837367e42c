"""Align spikes to events: from spike times to counts (trial, time, unit)."""

from __future__ import annotations

from typing import Any

import xarray as xr

from neurodata4ml.data.align.counting import count
from neurodata4ml.data.align.labelled import coords_of_trials, coords_on, describe, series_names
from neurodata4ml.data.align.lazily import Chunks, count_lazily
from neurodata4ml.data.align.observed import keep_observed
from neurodata4ml.data.align.recording import choose_recording, clock_of, warn_of_silence
from neurodata4ml.data.align.sparse_counts import count_sparsely, without_trials
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.align.windows import choose_windows
from neurodata4ml.errors import DesignError, DimensionError


def bin_spikes(
    session: xr.Dataset,
    *,
    align: str | None = "start_time",
    window: tuple[float, float] | None = None,
    bin_width: float | None = 0.01,
    chunks: Chunks | None = None,
    sparse: bool = False,
) -> xr.DataArray:
    """Count the spikes of every unit in bins around an event of every trial, or through the whole recording.

    A bin is half-open: a spike on its left edge counts, a spike on its right edge belongs to the next bin. Each
    trial is counted on its own, so that windows may overlap, events need no order, and an event that occurs twice
    is counted twice. Blanks stay (analysis drops them by rule). All rules, one by one: docs/align.md.

    Counts are small integers, of one byte where they fit: sums and means of them are right, but products, squares,
    sums of two arrays and ``@`` stay in that byte and **wrap around in silence** (``counts * 100``). Turn them into
    rates with ``firing_rate(counts)``, or type ``counts.astype(float)`` first.

    Parameters
    ----------
    session : Dataset
        From ``open_session``; units may be selected before.
    align : str or None
        A column of times on ``trial`` (seconds): zero of the new ``time``. Trials whose event is NaN are dropped.
        None: no trials, the recording itself, and ``time`` is in seconds of the session.
    window : (float, float), optional
        Seconds from the event. When left out: ``session.attrs["window"]``, else from the event to the earlier of
        the end of the trial and the next onset, in the shortest trial, as many whole bins as fit. With
        ``align=None``, seconds of the session; when left out, all multiples of ``bin_width`` between the first
        spike and the last.
    bin_width : float or None
        Seconds; must divide the window. 10 ms resolves the onset of a sensory response. None: one bin, the window.
    chunks : int or dict, optional
        The counts are then lazy (dask, int16), and spikes are read when they are computed: units per chunk, or
        ``{"unit": 100, "trial": 500}`` (``"time"`` in place of ``"trial"`` with ``align=None``).
    sparse : bool
        Keep only the bins that hold spikes, as ``sparse.COO`` (int32): 10 bytes for each of them, and nothing for the
        others. ``counts.as_numpy()`` makes them dense.

    Returns
    -------
    DataArray, dims (trial, time, unit) or, with ``align=None``, (time, unit): int8, wider where a count overflows
        Coordinates of trials and units are carried over. ``attrs`` count the trials left out:
        ``bin_spikes_dropped_nan`` (no event), ``bin_spikes_dropped_invalid`` (``valid`` is False, or the window
        touches an invalid interval; to keep them, ``session.drop_vars(["valid", "invalid_interval"])``) and
        ``bin_spikes_dropped_unobserved`` (a unit was not observed, by ``obs_intervals``). With ``align=None``, bins
        that touch such a time stay, and the coordinate ``valid`` on ``time`` is False there.

    Raises
    ------
    DimensionError
        No spikes, no trials, or ``align`` is not a time on ``trial``.
    DesignError
        The window does not hold whole bins, no trial is left, or a lazy count exceeds int16.
    LayoutError
        The spikes of a unit are not sorted, or the file lost some of them.

    Warns
    -----
    UserWarning
        A window reaches into the next stimulus, lies before the first or after the last spike (counted as zero), or
        was not observed.

    Examples
    --------
    >>> counts = bin_spikes(session, window=(0, 0.25))
    >>> counts.dims
    ('trial', 'time', 'unit')
    >>> bin_spikes(session, align=None, window=(0, 900), bin_width=0.25).dims
    ('time', 'unit')
    """
    _require_spikes(session)
    _require_one_form(chunks, is_sparse=sparse)
    dims: tuple[str, ...]
    spikes = read_spikes(session) if chunks is None and align is None else None
    if align is None:
        windows = choose_recording(session, spikes, window, bin_width)
        coords, dims = clock_of(session, windows), ("time", "unit")
    else:
        windows = choose_windows(session, align=align, window=window, bin_width=bin_width, step="bin_spikes")
        windows = keep_observed(session, windows)
        coords, dims = coords_of_trials(session, windows, align), ("trial", "time", "unit")
    counts: Any
    if chunks is not None:
        counts = count_lazily(session, windows, chunks, along=dims[0])
    else:
        times, offsets = spikes or read_spikes(session)
        warn_of_silence(times, offsets, windows, has_trials=align is not None)
        counts = (count_sparsely if sparse else count)(times, offsets, windows)
    if align is None:
        counts = without_trials(counts) if sparse else counts[0]
    coords |= coords_on(session, "unit")
    result = xr.DataArray(counts, dims=dims, coords=coords, name="spike_count")
    parameters = {"align": align, "window": windows.span, "bin_width": windows.bin_width}
    return describe(result, session, windows, step="bin_spikes", units="1", **parameters)


def _require_spikes(session: xr.Dataset) -> None:
    missing = [name for name in ("spike_times", "spike_start", "spike_stop") if name not in session.variables]
    if missing:
        series = ", ".join(series_names(session)) or "none"
        message = (
            f"bin_spikes needs spikes, and this session has no {missing[0]!r}. "
            f"For a continuous series (here: {series}) type align_series(session, NAME, window=..., bin_width=...)."
        )
        raise DimensionError(message)
    if not session.sizes.get("unit"):
        message = "bin_spikes needs at least one unit; the session, or what was selected of it, has none."
        raise DimensionError(message)


def _require_one_form(chunks: Chunks | None, *, is_sparse: bool) -> None:
    if chunks is not None and is_sparse:
        message = (
            f"bin_spikes counts either lazily or sparsely; got chunks={chunks} and sparse=True. Sparse counts are "
            "small: leave chunks= out."
        )
        raise DesignError(message)
