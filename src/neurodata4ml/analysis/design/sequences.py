"""Sequences of labels that could have been: of other sessions, from a simulator, or Markov surrogates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurodata4ml.analysis.design.asked import Asked, Drawn
from neurodata4ml.analysis.design.serial import markov_order
from neurodata4ml.analysis.design.surrogates import count_surrogates, markov_surrogates
from neurodata4ml.analysis.design.trials import is_continuous
from neurodata4ml.errors import DesignError


def session_swap(asked: Asked) -> Drawn:
    """Take the labels of other sessions in place of this session's, cut to its length."""
    if asked.sessions is None or len(asked.sessions) == 0:
        message = 'The scheme "session swap" needs the labels of other sessions: sessions=[labels, labels, ...].'
        raise DesignError(message)
    n = len(asked.labels)
    given = [np.asarray(labels).reshape(-1) for labels in asked.sessions]
    long = [_of_type(labels[:n], asked, f"sessions[{i}]") for i, labels in enumerate(given) if len(labels) >= n]
    if not long:
        message = (
            f"None of the {len(given)} sessions= is as long as this one ({n} {asked.unit}); the longest has "
            f"{max(len(labels) for labels in given)}. Decode the first part only: x.isel(...)."
        )
        raise DesignError(message)
    pick = np.arange(len(long))
    if asked.n_shuffles < len(long):
        pick = np.sort(asked.rng.choice(len(long), asked.n_shuffles, replace=False))
    labels = np.stack(long)[pick]
    smallest, no_p = 1 / (1 + len(labels)), ""
    if smallest > asked.alpha:
        no_p = (
            f"{len(labels)} other sessions cannot give p below {smallest:.3g}, and alpha is {asked.alpha:g}: "
            f"{int(np.ceil(1 / asked.alpha - 1e-9)) - 1} are needed"
        )
    short = f", {len(given) - len(long)} shorter ones left out" if len(long) < len(given) else ""
    return Drawn(labels, f"{len(labels)} other sessions{short}", 1.0 + len(long), len(pick) == len(long), no_p)


def pseudosession(asked: Asked) -> Drawn:
    """Draw the labels again as the task dealt them: by ``simulate``, or as Markov surrogates of the order that fits."""
    return _markov(asked) if asked.simulate is None else _simulated(asked)


def ibl_sides(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw the side of the stimulus (1 = right) in the International Brain Laboratory's task: (n,).

    90 trials of 50/50, then blocks in which it is right in 20 % or 80 % of trials, in turn, the first by chance. Their
    lengths are exponential (mean 60 before truncation) between 20 and 100 trials (IBL 2021, eLife 10:e63711;
    ``generate_pseudo_blocks`` of ibllib has the same numbers).
    """
    return (rng.random(n) < ibl_prior(rng, n)).astype(np.int64)


def ibl_prior(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw the probability of a stimulus on the right (.5, .2 or .8) in each trial of the same task: (n,)."""
    prior, biased = [0.5] * 90, rng.choice([0.2, 0.8])
    while len(prior) < n:
        length = rng.exponential(60)
        if 20 < length < 100:
            prior += [float(biased)] * int(length)
            biased = 0.2 if biased == 0.8 else 0.8
    return np.array(prior[:n])


SIMULATORS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {"ibl": ibl_sides, "ibl prior": ibl_prior}
"""Tasks whose labels are redrawn by name: ``simulate="ibl"``; each takes a generator and the number of trials."""


def _simulated(asked: Asked) -> Drawn:
    name = asked.simulate if isinstance(asked.simulate, str) else "simulate="
    sequences = []
    for i in range(asked.n_shuffles):
        labels = _simulate_once(asked)
        if len(labels) < len(asked.labels):
            message = (
                f"simulate must return at least {len(asked.labels)} labels, one per trial in the order of time; "
                f"got {len(labels)} in draw {i}."
            )
            raise DesignError(message)
        sequences.append(_of_type(labels[: len(asked.labels)], asked, "simulate"))
    drawn = np.array(sequences, dtype=asked.labels.dtype).reshape(asked.n_shuffles, len(asked.labels))
    return Drawn(drawn, f"{asked.n_shuffles} sessions drawn by {name}")


def _simulate_once(asked: Asked) -> np.ndarray:
    if callable(asked.simulate):
        return np.asarray(asked.simulate(asked.rng)).reshape(-1)
    if asked.simulate not in SIMULATORS:
        message = (
            f"simulate knows {', '.join(map(repr, SIMULATORS))}; got {asked.simulate!r}. Or give a function of rng."
        )
        raise DesignError(message)
    drawn = SIMULATORS[asked.simulate](asked.rng, len(asked.labels))
    if asked.simulate != "ibl":
        return drawn
    sides = np.unique(asked.labels)
    if len(sides) != 2:
        message = f'simulate="ibl" draws the side of the stimulus, of two; {asked.target!r} has {len(sides)} values.'
        raise DesignError(message)
    return np.asarray(sides[drawn])


def _markov(asked: Asked) -> Drawn:
    codes = np.unique(asked.labels, return_inverse=True)[1].reshape(-1)
    order = asked.order or markov_order(asked.labels, asked.groups)[0]
    if order is None:
        message = (
            f"{asked.target!r} depends on more than the 3 labels before it, so that Markov surrogates would not be "
            f"like it. Give sessions= (labels of other sessions) or simulate= (how the task deals them)."
        )
        raise DesignError(message)
    count = count_surrogates(codes, order=order, blocks=asked.groups)
    no_p = ""
    if 1 / count > asked.alpha:
        no_p = (
            f"only {count:.0f} sequences have the transitions of {asked.target!r}: p cannot be below {1 / count:.3g}, "
            f"and alpha is {asked.alpha:g}. Give sessions= or simulate="
        )
    drawn = markov_surrogates(codes, asked.n_shuffles, asked.rng, order=order, blocks=asked.groups)
    why = f"Markov surrogates of order {order}, with as many transitions of each kind, {asked.n_shuffles} drawn"
    return Drawn(np.unique(asked.labels)[drawn], why, count, False, no_p)


def _of_type(labels: Any, asked: Asked, source: str) -> np.ndarray:
    """Return the labels in the type of the target; classes that it never has are refused."""
    labels = np.asarray(labels)
    if asked.labels.dtype.kind == "f" and labels.dtype.kind in "iuf":
        given = labels.astype(asked.labels.dtype)
        known = is_continuous(asked.labels) or bool(np.isin(given, asked.labels).all())
    else:
        known = bool(np.isin(labels, asked.labels).all())
        given = labels.astype(asked.labels.dtype) if known else labels
    if not known:
        strange = [str(name) for name in np.unique(labels[~np.isin(labels, asked.labels)])[:3]]
        message = (
            f"{source} holds {', '.join(strange)}, which {asked.target!r} never is here "
            f"({', '.join(str(name) for name in np.unique(asked.labels)[:5])}): give the same labels."
        )
        raise DesignError(message)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        message = f"{source} holds NaN. Give sequences without gaps."
        raise DesignError(message)
    return np.asarray(given)
