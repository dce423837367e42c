"""The time between one spike and the next, and how irregular it is."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.spiketrains.trains import spike_trains, within
from neurodata4ml.dims import add_step, presented, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError


def interspike_intervals(
    session: xr.Dataset,
    *,
    stretches: np.ndarray | None = None,
    shortest: float = 0.0015,
    edges: np.ndarray | None = None,
) -> xr.Dataset:
    """Intervals between spikes, unit by unit, and their irregularity.

    Parameters
    ----------
    session : Dataset with spikes
    stretches : ndarray (stretch, 2), s, optional
        Start and stop of the times that count; an interval across two of them does not.
    shortest : float, s
        Intervals below it are counted as ``violations``: no neuron fires twice so fast, so they are another's spikes.
    edges : ndarray, s, optional
        Of the histogram; from 1 ms to 10 s in 40 steps of equal ratio when left out.

    Returns
    -------
    Dataset
        ``count`` (unit, interval), intervals in each bin; ``mean_interval`` in s; ``cv``, standard deviation over
        mean, 1 for a Poisson process; ``cv2`` (Holt et al. 1996, J Neurophysiol 75:1806), ``lv`` (Shinomoto et al.
        2003, Neural Computation 15:2823), which compare neighbours, so forgive slow changes of the rate, and
        are 1 for Poisson too;
        ``violations``, a share; ``n_intervals``. NaN where there are fewer than three intervals.

    Raises
    ------
    DimensionError
        The session has no spikes.
    DesignError
        Edges that do not rise.
    """
    trains = spike_trains(session, step="interspike_intervals")
    edges = np.geomspace(0.001, 10, 41) if edges is None else np.asarray(edges, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        message = f"edges must rise, two or more of them, in s; got {edges.tolist()}."
        raise DesignError(message)
    intervals = [_intervals(train, stretches) for train in trains]
    numbers = np.array([_irregularity(its, shortest) for its in intervals]).reshape(len(trains), 5)
    counts = np.array([np.histogram(its[:, 1], edges)[0] for its in intervals]).reshape(len(trains), -1)
    names = {"mean_interval": "s", "cv": "1", "cv2": "1", "lv": "1", "violations": "1"}
    found = xr.Dataset(
        {
            "count": (("unit", "interval"), counts, {"units": "1"}),
            **{
                name: ("unit", column, {"units": its})
                for (name, its), column in zip(names.items(), numbers.T, strict=True)
            },
            "n_intervals": ("unit", np.array([len(its) for its in intervals])),
        },
        coords={
            "unit": session["unit"].values,
            "interval": ("interval", np.sqrt(edges[1:] * np.maximum(edges[:-1], edges[1] / 2)), {"units": "s"}),
        },
        attrs=provenance(session),
    )
    return add_step(found, "interspike_intervals", shortest=shortest)


def fano_factor(counts: xr.DataArray, by: str = "stimulus") -> xr.DataArray:
    """Variance over mean of each unit's count across trials of one condition, averaged over conditions.

    1 for a Poisson process; more where excitability changes from trial to trial, less where firing is regular (Fano
    1947; Churchland et al. 2010, Nature Neuroscience 13:369). Conditions in which the mean is 0 tell nothing.

    Parameters
    ----------
    counts : DataArray (trial, unit), spikes
        Such as ``bin_spikes(session).sum("time")``.
    by : str
        The coordinate of trials that names the condition.

    Returns
    -------
    DataArray (unit,), unitless
        NaN for units that never fire, and where no condition has two trials.

    Raises
    ------
    DimensionError
        No trials or units, or no such coordinate.
    """
    require_array(counts, step="fano_factor")
    require_dims(counts, "trial", "unit", step="fano_factor", hint='Sum over time first: counts.sum("time").')
    if by not in counts.coords:
        message = f"fano_factor needs the coordinate {by!r} of trials; got {', '.join(map(str, counts.coords))}."
        raise DimensionError(message)
    shown = presented(counts, step="fano_factor")
    label, x = shown[by].values, shown.transpose("trial", "unit").values.astype(float)
    ratios = []
    for one in dict.fromkeys(label.tolist()):
        own = x[label == one]
        if len(own) > 1:
            mean = own.mean(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                ratios.append(np.where(mean > 0, own.var(axis=0, ddof=1) / mean, np.nan))
    found = np.array(ratios).reshape(-1, x.shape[1])
    told = np.isfinite(found)
    n = told.sum(axis=0)
    mean = np.where(told, found, 0).sum(axis=0) / np.where(n > 0, n, np.nan)
    fano = xr.DataArray(mean, dims=("unit",), coords={"unit": shown["unit"].values}, name="fano_factor")
    fano.attrs = {**provenance(counts), "units": "1"}
    return add_step(fano, "fano_factor", by=by)


def _intervals(train: np.ndarray, stretches: np.ndarray | None) -> np.ndarray:
    """Return pairs (interval before, interval) in s within each stretch; the first before is NaN."""
    parts = [train] if stretches is None else [within(train, part[None]) for part in np.reshape(stretches, (-1, 2))]
    rows = []
    for part in parts:
        own = np.diff(part)
        rows.append(np.stack([np.r_[np.nan, own[:-1]] if len(own) else own, own], axis=1))
    return np.concatenate(rows) if rows else np.empty((0, 2))


def _irregularity(pairs: np.ndarray, shortest: float) -> tuple[float, float, float, float, float]:
    own = pairs[:, 1]
    if len(own) < 3:
        return (np.nan,) * 5
    before, after = pairs[np.isfinite(pairs[:, 0])].T
    both = before + after
    apart = np.divide(np.abs(after - before), both, out=np.zeros_like(both), where=both > 0)
    cv2, lv = (2 * apart).mean() if len(apart) else np.nan, (3 * apart**2).mean() if len(apart) else np.nan
    return float(own.mean()), float(own.std() / own.mean()), float(cv2), float(lv), float((own < shortest).mean())
