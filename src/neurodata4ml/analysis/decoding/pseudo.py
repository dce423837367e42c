"""Pseudo-populations: units of several sessions side by side, as if recorded together, and what that loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.reading import read_design
from neurodata4ml.analysis.design.serial import SERIAL_ALPHA, serial_dependence
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.design.trials import time_order
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, feature_dim, presented, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole

SMALLEST = 0.005
"""The smallest p that the test of serial dependence can give."""


def pseudo_population(
    sessions: Mapping[str, xr.DataArray] | Sequence[xr.DataArray],
    target: str,
    *,
    n_trials: int | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> xr.DataArray:
    """Combine trials of the same class from several sessions into pseudo-trials with the units of all.

    The trials of each session are dealt to folds first (``splits``), and a pseudo-trial combines trials of one class
    and one fold: no real trial ever stands on both sides of a split. Correlations between units of different sessions
    do not exist in the result, which makes it easier or harder to decode than a population recorded at once; see
    ``shuffle_within_class``.

    Parameters
    ----------
    sessions : mapping of name -> DataArray, or sequence, dims (trial, [time,] unit)
        The order does not matter where they have names (a sequence: ``attrs["session"]``, else its positions).
        The same ``time`` in all. Blank and invalid trials are dropped.
    target : str
        The coordinate on ``trial``; the same classes in all sessions.
    n_trials : int, optional
        Pseudo-trials per class, dealt evenly to the folds; real trials are then used more than once where there are
        fewer. That adds no evidence, so that p will be NaN. None: as many in each class and fold as the session with
        the fewest trials there, and no real trial twice.
    n_folds : int
        The same in all sessions.
    seed : int
        Which trials meet.

    Returns
    -------
    DataArray, dims (trial, [time,] unit)
        With the coordinates ``target`` and ``fold`` on ``trial`` and ``session`` on ``unit``; in
        ``attrs["pseudo_population"]`` what it is, and in ``attrs["no_p"]`` why p will be NaN, if so. Decode it with
        ``folds=folds_of(x)`` and ``null=pseudo_null(x, target)``.

    Raises
    ------
    DesignError
        Fewer than two sessions, classes that some session lacks, or no trials of a class in a fold.
    DimensionError
        Different times, or no such coordinate.
    """
    named = _named(sessions)
    require_whole(seed, "seed", least=0)
    require_whole(n_trials, "n_trials", least=1, left_out="as many as there are")
    shown = {name: _in_time(presented(x, step="pseudo_population")) for name, x in named.items()}
    _require_alike(shown, target)
    labels = {name: trial_labels(x, target, step="pseudo_population") for name, x in shown.items()}
    classes = _common_classes(labels, target)
    folds = {name: splits(x, n_folds=n_folds, target=target, seed=seed) for name, x in shown.items()}
    fold = {name: _require_folds(name, found, n_folds) for name, found in folds.items()}
    chosen, of_class, of_fold, reused = _deal(labels, fold, classes, n_trials, n_folds, target, seed)
    x = _side_by_side(shown, chosen)
    x = x.assign_coords(
        {
            "trial": np.arange(len(of_class)),
            target: ("trial", classes[of_class]),
            "fold": ("trial", of_fold),
        }
    )
    why_not = _why_no_p(shown, target, labels, reused)
    x.attrs |= {
        "pseudo_population": (
            f"a pseudo-population of {len(shown)} sessions, not recorded together: correlations between units of "
            f"different sessions do not exist in it"
        ),
        "n_sessions": len(shown),
        "sessions": list(shown),
        "no_p": why_not,
    }
    return add_step(x, "pseudo_population", target=target, n_trials=n_trials, n_folds=n_folds, seed=seed)


def _named(sessions: Mapping[str, xr.DataArray] | Sequence[xr.DataArray]) -> dict[str, xr.DataArray]:
    """Return the sessions by name, sorted, so that their order never matters."""
    for x in sessions.values() if isinstance(sessions, Mapping) else sessions:
        require_array(x, step="pseudo_population")
    if isinstance(sessions, Mapping):
        named = {str(name): x for name, x in sessions.items()}
    else:
        named = {str(x.attrs.get("session", i)): x for i, x in enumerate(sessions)}
    if len(named) < max(2, len(sessions)):
        message = (
            f"pseudo_population combines two sessions or more, each with a name of its own; got {len(sessions)} with "
            f'{len(named)} names. Type pseudo_population({{"first": x, "second": y}}, ...).'
        )
        raise DesignError(message)
    return {name: named[name] for name in sorted(named)}


def _in_time(x: xr.DataArray) -> xr.DataArray:
    """Return trials in the order of time, so that the order in which they are given never matters."""
    require_dims(x, "trial", step="pseudo_population")
    return x.isel(trial=time_order(x))


def _require_alike(shown: dict[str, xr.DataArray], target: str) -> None:
    first_name, first = next(iter(shown.items()))
    for name, x in shown.items():
        feature_dim(x, step="pseudo_population")
        have = {str(dim) for dim in x.dims} - {"trial", feature_dim(x, step="pseudo_population")}
        if have - {"time"} or ("time" in x.dims) != ("time" in first.dims):
            message = f"pseudo_population takes (trial, [time,] unit), alike in all sessions; {name!r} has {x.dims}."
            raise DimensionError(message)
        if "time" in x.dims and (
            x.sizes["time"] != first.sizes["time"] or not np.allclose(x["time"].values, first["time"].values)
        ):
            message = (
                f"pseudo_population needs the same bins of time in all sessions; {first_name!r} has "
                f"{first.sizes['time']} and {name!r} {x.sizes['time']}. Give bin_spikes the same window and bin_width."
            )
            raise DimensionError(message)


def _common_classes(labels: dict[str, np.ndarray], target: str) -> np.ndarray:
    everywhere = np.unique(np.concatenate([np.unique(y) for y in labels.values()]))
    for name, y in labels.items():
        missing = np.setdiff1d(everywhere, y)
        if len(missing):
            message = (
                f"pseudo_population combines trials of the same class, and session {name!r} has no trial with "
                f"{target} = {missing[0]!s}. Keep the classes that all sessions share: "
                f"x.isel(trial=x.{target}.isin([...]).values)."
            )
            raise DesignError(message)
    return everywhere


def _require_folds(name: str, folds: Folds, n_folds: int) -> np.ndarray:
    """Return the fold of each trial; -1 where it is near the test samples of another fold, and so in none."""
    if folds.n_folds != n_folds:
        message = (
            f"pseudo_population needs the same folds in all sessions; {name!r} allows {folds.n_folds} "
            f"({folds.kind}) where {n_folds} are asked for. Type n_folds={folds.n_folds}."
        )
        raise DesignError(message)
    fold = folds.fold.copy()
    if folds.gap is not None:
        fold[folds.gap.any(axis=0)] = -1
    return fold


def _deal(
    labels: dict[str, np.ndarray],
    fold: dict[str, np.ndarray],
    classes: np.ndarray,
    n_trials: int | None,
    n_folds: int,
    target: str,
    seed: int,
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, bool]:
    """Return, for each session, the real trial in each pseudo-trial; its class, its fold; whether any is used twice."""
    if n_trials is not None and n_trials < n_folds:
        message = f"pseudo_population needs n_trials of at least one per fold, {n_folds}; got {n_trials}."
        raise DesignError(message)
    chances = {name: np.random.default_rng([seed, *name.encode()]) for name in labels}
    chosen: dict[str, list[np.ndarray]] = {name: [] for name in labels}
    of_class, of_fold, reused = [], [], False
    for k in range(n_folds):
        for c, label in enumerate(classes):
            real = {name: np.flatnonzero((labels[name] == label) & (fold[name] == k)) for name in labels}
            fewest = min(real, key=lambda name: len(real[name]))
            if len(real[fewest]) == 0:
                message = (
                    f"pseudo_population: session {fewest!r} has no trial with {target} = {label!s} in fold {k} of "
                    f"{n_folds}. Use fewer folds (n_folds), or drop this class."
                )
                raise DesignError(message)
            n = len(real[fewest]) if n_trials is None else n_trials // n_folds + (k < n_trials % n_folds)
            reused |= n > len(real[fewest])
            for name, trials in real.items():
                rounds = [chances[name].permutation(trials) for _ in range(-(-n // len(trials)))]
                chosen[name].append(np.concatenate(rounds)[:n])
            of_class.append(np.full(n, c))
            of_fold.append(np.full(n, k))
    every = {name: np.concatenate(parts) for name, parts in chosen.items()}
    return every, np.concatenate(of_class), np.concatenate(of_fold), reused


def _side_by_side(shown: dict[str, xr.DataArray], chosen: dict[str, np.ndarray]) -> xr.DataArray:
    """Return the chosen trials of all sessions, their units one after the other."""
    parts, shared = [], _shared_on_units(shown)
    for name, x in shown.items():
        units = feature_dim(x, step="pseudo_population")
        part = x.transpose("trial", ..., units).isel(trial=chosen[name]).rename({units: "unit"})
        names = x[units].values if units in x.coords else np.arange(x.sizes[units])
        coords: dict[str, Any] = {"unit": [f"{name}/{unit}" for unit in names]}
        coords |= {"session": ("unit", np.full(len(names), name, dtype=object))}
        coords |= {other: ("unit", x[other].values) for other in shared}
        if "time" in x.dims:
            coords["time"] = next(iter(shown.values()))["time"].values
        parts.append(xr.DataArray(np.asarray(part.data), dims=part.dims, coords=coords))
    out = xr.concat(parts, dim="unit")
    for name in ("bin_width", "units"):
        values = {x.attrs.get(name) for x in shown.values()}
        if len(values) == 1 and None not in values:
            out.attrs[name] = values.pop()
    return out


def _shared_on_units(shown: dict[str, xr.DataArray]) -> list[str]:
    """Return the coordinates of units, such as the area, that all sessions have."""
    on_units = [
        {str(n) for n, c in x.coords.items() if c.dims == (feature_dim(x, step="pseudo_population"),)}
        for x in shown.values()
    ]
    return sorted(set.intersection(*on_units) - {"unit", "feature", "component", "session"})


def _why_no_p(shown: dict[str, xr.DataArray], target: str, labels: dict[str, np.ndarray], reused: bool) -> str:
    """Return why the labels of pseudo-trials cannot be shuffled; "" where they can."""
    if reused:
        return (
            "Real trials stand in several pseudo-trials (n_trials), which are then not independent. Leave n_trials "
            "out for a p-value."
        )
    alpha = max(SMALLEST, SERIAL_ALPHA / len(shown))
    for name, x in shown.items():
        design = read_design(x, target)
        together = [design.follows_blocks, design.follows_sessions, design.of_stimulus]
        if any(together):
            one = ("block", "session", "stimulus")[together.index(True)]
            return (
                f"In session {name!r} {target!r} is the same throughout each {one}, so that its trials are no "
                f"independent samples of it, and shuffling them is no null. For p, decode each session alone."
            )
        # with blocks and without: labels that are dealt by chance, but more of one kind in some blocks, follow drift
        for blocks in [None] if design.block is None else [design.block, None]:
            p = serial_dependence(labels[name], blocks)
            if p <= alpha:
                return (
                    f"In session {name!r} labels depend on those before, or on the block (p = {p:.2g}): they were not "
                    f"randomised from trial to trial, and shuffling them is no null."
                )
    return ""
