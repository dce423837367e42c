"""When the spikes of a unit first say that something was shown."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import binom

from neurodata4ml.dims import add_step, dense, presented, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def response_latency(
    counts: xr.DataArray, *, baseline: tuple[float, float] | None = None, level: float = 0.01, n_bins: int = 2
) -> xr.DataArray:
    """When each unit's rate first exceeds its baseline: the start of the first of several bins in a row that do.

    Spikes of all trials are summed. A bin exceeds the baseline where so many spikes, of those in it and in the baseline
    together, would fall into it with a probability below ``level`` if the rate were one (exact binomial test: so that a
    baseline that is known from few spikes is not taken for certain). Of bins in a row, ``n_bins`` must. In the manner
    of Maunsell & Gibson 1992, Journal of Neurophysiology 68:1332. It is known to a bin's width at best, and later for
    units with few spikes: compare areas with as many spikes, or show how it depends on them.

    Parameters
    ----------
    counts : DataArray (trial, time, unit), spikes
        Bins before and after the event, at time 0; blanks and invalid trials are left out.
    baseline : (float, float), s, optional
        Where the rate is that of before; all bins that end by 0 when left out.
    level : float, unitless
    n_bins : int

    Returns
    -------
    DataArray (unit), s
        NaN where no such bins are.

    Raises
    ------
    DimensionError
        Not (trial, time, unit).
    DesignError
        No bins of the baseline or after time 0; counts that are not whole; a level beyond 0 to 1.
    """
    step = "response_latency"
    require_array(counts, step=step)
    require_dims(counts, "trial", "time", "unit", step=step, hint="bin_spikes(session, window=(-0.2, 0.5)).")
    require_whole(n_bins, "n_bins", least=1)
    if not 0 < level < 1:
        message = f"level is a probability between 0 and 1; got {level!r}."
        raise DesignError(message)
    shown = dense(presented(counts, step=step), step=step)
    time = np.asarray(shown["time"].values, dtype=float)
    width = float(np.diff(time).min()) if time.size > 1 else float(shown.attrs.get("bin_width", 0.0))
    start, stop = time - width / 2, time + width / 2
    low, high = baseline if baseline is not None else (-np.inf, 0.0)
    before = (start >= low - width / 100) & (stop <= high + width / 100)
    after = start >= -width / 100
    if not before.any() or after.sum() < n_bins:
        message = (
            f"{step} needs bins of the baseline, from {low:g} to {high:g} s, and {n_bins} or more from time 0 on; the "
            f"counts have {int(before.sum())} and {int(after.sum())}. Widen: bin_spikes(session, window=(-0.2, 0.5))."
        )
        raise DesignError(message)
    x = shown.transpose("trial", "time", "unit").sum("trial").values
    if not np.array_equal(x, np.round(x)):
        message = f"{step} takes spike counts, whole numbers; these are not."
        raise DesignError(message)
    rest, later = x[before].sum(axis=0), x[after]
    p = binom.sf(later - 1, later + rest, 1 / (1 + before.sum()))
    found = _first_of_a_row(p < level, n_bins)
    at = np.where(found >= 0, start[after][found], np.nan)
    out = xr.DataArray(
        np.where(np.abs(at) < width / 100, 0.0, at), dims="unit", coords=_of_units(counts), name="latency"
    )
    out.attrs = {**provenance(counts), "units": "s", "long_name": "latency", "bin_width": width}
    return add_step(out, step, baseline=list(baseline) if baseline else None, level=level, n_bins=n_bins)


def _first_of_a_row(exceeds: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the first bin (of dim 0) from which ``n_bins`` in a row exceed, for each column; -1 where none."""
    rows = np.lib.stride_tricks.sliding_window_view(exceeds, n_bins, axis=0).all(axis=-1)
    return np.where(rows.any(axis=0), rows.argmax(axis=0), -1)


def _of_units(x: xr.DataArray) -> dict[str, xr.DataArray]:
    return {str(name): its for name, its in x.coords.items() if its.dims == ("unit",)}
