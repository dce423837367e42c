"""How many spikes of one unit follow a spike of another, beyond what both rates make of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.analysis.spiketrains.trains import spike_trains, within
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole


def coupling(
    session: xr.Dataset, *, stretches: np.ndarray | None = None, window: tuple[float, float] = (0.001, 0.02)
) -> xr.DataArray:
    """Spikes of each unit that follow a spike of each other, less those expected of unrelated ones.

    For sender ``i`` and receiver ``j``: spikes of ``j`` from ``window[0]`` to ``window[1]`` after a spike of ``i``, per
    spike of ``i``, less the rate of ``j`` times the length of the window. Where a common drive moves both, that is in
    it too: choose stretches of time in which nothing is shown. Source: the efficacy of Levick, Cleland & Dubin 1972,
    and of Usrey, Alonso & Reid 2000, Journal of Neuroscience 20:5461.

    Parameters
    ----------
    session : Dataset with spikes
    stretches : ndarray (stretch, 2), s, optional
        Start and stop of the times that count; all of the recording when left out.
    window : (float, float), s

    Returns
    -------
    DataArray (unit, unit2), spikes per spike
        Sender by receiver; NaN on the diagonal, and for senders that never fire.

    Raises
    ------
    DimensionError
        The session has no spikes.
    DesignError
        A window that ends before it begins; stretches that are none, or overlap, or are shorter than the window.
    """
    trains = spike_trains(session, step="coupling")
    low, high = window
    if not low < high:
        message = f"window must be (from, to) in s with from < to; got {window}."
        raise DesignError(message)
    kept = _stretches(stretches, trains, high)
    length = float((kept[:, 1] - kept[:, 0]).sum())
    inside = [within(times, kept) for times in trains]
    rates = np.array([len(times) for times in inside]) / length
    found = np.full((len(trains), len(trains)), np.nan)
    for i, sent in enumerate(trains):
        sent = within(sent, kept - [0.0, max(high, 0.0)])  # so that the window after each lies in its stretch
        if len(sent):
            after = [np.searchsorted(r, sent + high) - np.searchsorted(r, sent + low) for r in inside]
            found[i] = [n.sum() / len(sent) for n in after] - rates * (high - low)
    np.fill_diagonal(found, np.nan)
    units = session["unit"].values
    labels = xr.DataArray(found, dims=("unit", "unit2"), coords={"unit": units, "unit2": units}, name="coupling")
    labels.attrs = {**provenance(session), "units": "1"}
    return add_step(labels, "coupling", window=list(window))


def best_explanation(
    observed: xr.DataArray, candidates: Mapping[str, xr.DataArray], *, n_shuffles: int = 999, seed: int = 0
) -> xr.Dataset:
    """Which of several predicted changes of synapses fits those observed, if any.

    The fit is the correlation over pairs of units. The null exchanges the senders, rows of the prediction, which keeps
    what is alike among the synapses of one receiver; the highest correlation of all candidates in each shuffle tests
    each of them (max statistic: Westfall & Young 1993), so that many candidates do not raise a false alarm.

    Parameters
    ----------
    observed : DataArray (unit, unit2)
        Sender by receiver, such as ``coupling(session, late) - coupling(session, early)``; NaN is left out.
    candidates : dict of name to DataArray (unit, unit2)
        What each explanation predicts, up to a factor.
    n_shuffles, seed : int

    Returns
    -------
    Dataset
        ``correlation`` and ``p_value`` (candidate); ``best``, the name of the highest correlation where its p is not
        above 0.05, else ``"none"``.

    Raises
    ------
    DimensionError
        An array that is not (unit, unit2), or has other units than what was observed.
    DesignError
        No candidate, fewer than three senders or pairs, or a bad number.
    """
    require_whole(n_shuffles, "n_shuffles", least=19)
    require_whole(seed, "seed", least=0)
    if not candidates:
        message = "best_explanation needs one candidate or more; got none. Type {'stdp': predicted}."
        raise DesignError(message)
    for name, x in {"observed": observed, **candidates}.items():
        if set(x.dims) != {"unit", "unit2"} or x.sizes != observed.sizes:
            message = (
                f"{name} must be (unit, unit2) of the units observed; got ({', '.join(map(str, x.dims))}), {x.shape}."
            )
            raise DimensionError(message)
    target = observed.transpose("unit", "unit2").values
    matrices = [x.transpose("unit", "unit2").values for x in candidates.values()]
    if len(target) < 3 or np.isfinite(target).sum() < 6:
        message = f"best_explanation needs three senders and six pairs or more; got {target.shape}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    fit = np.array([_correlation(target, x) for x in matrices])
    orders = [rng.permutation(len(target)) for _ in range(n_shuffles)]
    null = np.array([max(_correlation(target, x[order]) for x in matrices) for order in orders])
    p = (1 + (null[:, None] >= fit - 1e-12).sum(axis=0)) / (1 + n_shuffles)
    names = list(candidates)
    best = names[int(fit.argmax())] if p[int(fit.argmax())] <= 0.05 else "none"
    dataset = xr.Dataset(
        {"correlation": ("candidate", fit), "p_value": ("candidate", p), "best": ((), best)},
        coords={"candidate": names},
        attrs=provenance(observed),
    )
    return add_step(dataset, "best_explanation", n_shuffles=n_shuffles, seed=seed)


def _stretches(stretches: np.ndarray | None, trains: list[np.ndarray], high: float) -> np.ndarray:
    if stretches is None:
        last = max((float(times[-1]) for times in trains if len(times)), default=0.0)
        return np.array([[0.0, last + max(high, 0.0) + 1e-9]])
    kept = np.asarray(stretches, dtype=float).reshape(-1, 2)
    kept = kept[np.argsort(kept[:, 0])]
    if len(kept) == 0 or not (kept[:, 1] - kept[:, 0] > max(high, 0.0)).all() or (kept[1:, 0] < kept[:-1, 1]).any():
        message = (
            f"stretches must be (start, stop) in s, each longer than the window's end ({high:g} s), none into the "
            f"next; got {len(kept)}."
        )
        raise DesignError(message)
    return kept


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    there = np.isfinite(one) & np.isfinite(other)
    x, y = (a[there] - a[there].mean() for a in (one, other))
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0
