"""Around each event a window of whole bins: which trials take part, and where their bins begin and end."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.dims import require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess

TOLERANCE = 1e-3
"""Seconds by which a window may pass the next onset: displays jitter by less than a millisecond."""

LONGEST = 1e15
"""Seconds from an event at most: thirty million years. Beyond, edges to a picosecond pass what a float can hold."""

MOST_BINS = 100_000_000
"""Bins of one window at most: a day in milliseconds. More is a mistake, and would fill any memory."""


@dataclass(frozen=True)
class Windows:
    """Where to look: bin ``k`` of trial ``i`` is ``[event[i] + edges[k], event[i] + edges[k + 1])``.

    Attributes
    ----------
    kept : ndarray of int (n_trials,)
        Positions, in the session, of the trials that take part.
    event : ndarray (n_trials,), s
        Time of the event in the session.
    edges : ndarray (n_bins + 1,), s from the event
    bin_width : float, s
    dropped : dict
        ``nan``: trials whose event has no time; ``invalid``: trials, or windows, inside an invalid interval.
    """

    kept: np.ndarray
    event: np.ndarray
    edges: np.ndarray
    bin_width: float
    dropped: dict[str, int]

    @property
    def n_bins(self) -> int:
        """Number of bins in one window."""
        return len(self.edges) - 1

    @property
    def span(self) -> tuple[float, float]:
        """Start and end of the window, seconds from the event."""
        return float(self.edges[0]), float(self.edges[-1])

    @property
    def time(self) -> np.ndarray:
        """Bin centres, seconds from the event."""
        return np.asarray(np.round((self.edges[:-1] + self.edges[1:]) / 2, 12))


def choose_windows(
    session: xr.Dataset,
    *,
    align: str,
    window: tuple[float, float] | None,
    bin_width: float | None,
    step: str,
) -> Windows:
    """Decide which trials take part and which bins they have; see ``bin_spikes`` for the rules.

    Raises
    ------
    DimensionError
        ``align`` is not a time on ``trial``.
    DesignError
        The window does not hold whole bins, or no trial is left.
    """
    event = _event_times(session, align, step)
    has_time = np.isfinite(event)
    kept = has_time & _column(session, "valid", default=True).astype(bool)
    _require_trials(kept, align, step)
    if window is None:
        window = _default_window(session, event, kept, bin_width, step)
    edges, bin_width = whole_bins(window, bin_width, step)
    kept &= ~touches_invalid(session, event + edges[0], event + edges[-1])
    _require_trials(kept, align, step)
    _warn_of_neighbours(session, event, kept, edges, step)
    dropped = {"nan": int((~has_time).sum()), "invalid": int((has_time & ~kept).sum())}
    return Windows(np.flatnonzero(kept), event[kept], edges, bin_width, dropped)


def _event_times(session: xr.Dataset, align: str, step: str) -> np.ndarray:
    require_dims(session, "trial", step=step, hint="This session has no trials: open_session(..., trials=TABLE).")
    column = session.variables.get(align) if isinstance(align, str) else None
    if column is None or column.dims != ("trial",) or column.dtype.kind not in "iuf":
        numeric = [
            str(name)
            for name, other in session.variables.items()
            if other.dims == ("trial",) and other.dtype.kind in "iuf"
        ]
        times = [name for name in numeric if "time" in name] or numeric
        message = (
            f"{step} aligns to a column of times on 'trial'; {align!r} is not one."
            f"{guess(align, numeric, typed='align={!r}')} There are: {', '.join(sorted(times))}."
        )
        raise DimensionError(message)
    return np.asarray(session[align].values, dtype=np.float64)


def _column(session: xr.Dataset, name: str, *, default: object) -> np.ndarray:
    if name in session.variables:
        return np.asarray(session[name].values)
    return np.full(session.sizes["trial"], default)


def _require_trials(kept: np.ndarray, align: str, step: str) -> None:
    if not kept.any():
        message = (
            f"{step} finds no trial to align: of {kept.size} trials none has a time in {align!r} outside the "
            f"invalid intervals. Look at session[{align!r}] and session['valid'], or align to another column."
        )
        raise DesignError(message)


def _default_window(
    session: xr.Dataset, event: np.ndarray, kept: np.ndarray, bin_width: float | None, step: str
) -> tuple[float, float]:
    """Return the layout's window, else from the event to the earliest end of any trial, in whole bins."""
    if "window" in session.attrs:
        first, last = session.attrs["window"]
        return float(first), float(last)
    spans = _time_to_end(session, event[kept], kept)
    spans = spans[np.isfinite(spans)]
    shortest = float(spans.min()) if spans.size else 0.0
    n_bins = 1 if bin_width is None else int(np.floor((shortest + TOLERANCE) / bin_width))
    if shortest <= 0 or n_bins < 1:
        message = (
            f"{step} finds no common window: the shortest trial ends {shortest:.6g} s after its event. "
            f"Say how long to look, e.g. window=(-0.1, 0.5), with a bin_width that divides it."
        )
        raise DesignError(message)
    typical = float(np.median(spans))
    if shortest < typical / 2:
        message = (
            f"{step} uses the window of the shortest trial, {shortest:.6g} s, while the median trial lasts "
            f"{typical:.6g} s. To look longer, say window=(0, {typical:.3g})."
        )
        warnings.warn(message, stacklevel=4)
    return 0.0, shortest if bin_width is None else n_bins * bin_width


def _time_to_end(session: xr.Dataset, event: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return seconds from each event to the earlier of the end of its trial and the next onset."""
    stop = _column(session, "stop_time", default=np.nan).astype(np.float64)[kept]
    return np.asarray(np.fmin(_next_onset(session, event), stop) - event)


def _next_onset(session: xr.Dataset, event: np.ndarray) -> np.ndarray:
    """Return the first onset after each event; infinity after the last, NaN after an event that is NaN."""
    onset = _column(session, "start_time", default=np.nan).astype(np.float64)
    onset = np.append(np.unique(onset[np.isfinite(onset)]), np.inf)
    place = np.minimum(np.searchsorted(onset, event, side="right"), len(onset) - 1)
    return np.where(np.isnan(event), np.nan, onset[place])


def whole_bins(window: tuple[float, float], bin_width: float | None, step: str) -> tuple[np.ndarray, float]:
    """Return the edges of the bins, to a picosecond (so that an edge at the event is exactly zero), and their width."""
    first, last = _two_numbers(window, step)
    if not (first < last and max(-first, last) < LONGEST):
        far = f", at most {LONGEST:g} s away" if first < last else ""
        message = f"{step} needs a window (start, end) in seconds with start < end{far}; got {window!r}."
        raise DesignError(message)
    width = last - first if bin_width is None else number(bin_width)
    if not (np.isfinite(width) and width > 0):
        message = f"{step} needs a bin_width above 0 s; got {bin_width}. Milliseconds? 10 ms is bin_width=0.01."
        raise DesignError(message)
    wanted = (last - first) / width
    n_bins = round(wanted)
    if n_bins < 1 or abs(wanted - n_bins) > 1e-6:
        fewer, more = max(int(wanted), 1), int(wanted) + 1
        nearest = fewer if wanted - fewer < more - wanted else more
        message = (
            f"{step} needs whole bins: window=({first:g}, {last:g}) holds {wanted:.6g} bins of {width:g} s. "
            f"The nearest is window=({first:g}, {first + nearest * width:.10g}), "
            f"or for this window bin_width={(last - first) / nearest:.10g}."
        )
        raise DesignError(message)
    if n_bins > MOST_BINS:
        message = (
            f"{step} was asked for {n_bins:,} bins of {width:g} s in window=({first:g}, {last:g}); {MOST_BINS:,} is "
            f"the most. Seconds are meant, not milliseconds; else take a shorter window, or a longer bin_width."
        )
        raise DesignError(message)
    return np.round(first + np.arange(n_bins + 1) * width, 12), width


def number(value: object) -> float:
    """Return ``value`` as a float; NaN where it is no number."""
    return float(value) if isinstance(value, int | float | np.number) else float("nan")


def _two_numbers(window: object, step: str) -> tuple[float, float]:
    """Return start and end of a window; NaN for what is no number."""
    if not isinstance(window, tuple | list | np.ndarray) or len(window) != 2:
        message = f"{step} needs a window (start, end) in seconds with start < end; got {window!r}."
        raise DesignError(message)
    return number(window[0]), number(window[1])


def touches_invalid(session: xr.Dataset, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return which of the spans ``[start, stop)`` touch an invalid interval of the session."""
    if "invalid_interval" not in session.variables:
        return np.zeros(start.shape, dtype=bool)
    interval = np.asarray(session["invalid_interval"].values, dtype=np.float64)
    touched = (start[:, None] < interval[:, 1]) & (stop[:, None] > interval[:, 0])
    return np.asarray(touched.any(axis=1))


def with_neighbours(session: xr.Dataset) -> xr.Dataset:
    """Return the session with the coordinates ``next_onset`` and ``previous_stop`` (trial), in seconds.

    They belong to the whole table: a trial keeps its neighbours in time when others are left out, and a window that
    reaches into one of them is still noticed. Left out where the times are lazy, so that nothing is read.
    """
    if "start_time" not in session.variables or session["start_time"].chunks is not None:
        return session
    start = _column(session, "start_time", default=np.nan).astype(np.float64)
    stop = _column(session, "stop_time", default=np.nan).astype(np.float64)
    order = np.argsort(start, kind="stable")
    ended = np.fmax.accumulate(np.append(-np.inf, stop[order]))[np.searchsorted(start[order], start, side="left")]
    return session.assign_coords(
        next_onset=("trial", _next_onset(session, start), {"units": "s"}),
        # where trials overlap, the earlier one is over when the next begins
        previous_stop=("trial", np.fmin(ended, start), {"units": "s"}),
    )


def _warn_of_neighbours(session: xr.Dataset, event: np.ndarray, kept: np.ndarray, edges: np.ndarray, step: str) -> None:
    """Warn where windows hold another trial: what units do there is an answer to something else."""
    known = session if "next_onset" in session.variables else with_neighbours(session)
    if "next_onset" not in known.variables:
        return
    first, last = event + edges[0], event + edges[-1]
    after = kept & (last > known["next_onset"].values + TOLERANCE)
    before = kept & (first < known["previous_stop"].values - TOLERANCE)
    if after.any():
        message = (
            f"{step}: the window reaches into the next stimulus in {after.sum()} of {kept.sum()} trials (by up to "
            f"{(last - known['next_onset'].values)[after].max():.3g} s; it ends at {edges[-1]:g} s): "
            f"late bins answer to two stimuli."
        )
        warnings.warn(message, stacklevel=4)
    if before.any():
        message = (
            f"{step}: the window begins before the previous stimulus ended in {before.sum()} of {kept.sum()} trials "
            f"(by up to {(known['previous_stop'].values - first)[before].max():.3g} s; it begins at {edges[0]:g} s): "
            f"early bins answer to two stimuli."
        )
        warnings.warn(message, stacklevel=4)
