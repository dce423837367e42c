"""The null of an experiment: which labellings it could have had instead, chosen by how its labels came about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.arrangements import all_trials, whole_blocks, whole_stimuli, within_blocks
from neurodata4ml.analysis.design.asked import Asked, Drawn, Simulate
from neurodata4ml.analysis.design.continuous import (
    circular_shift,
    linear_shift,
    why_no_circular_shift,
    why_no_linear_shift,
)
from neurodata4ml.analysis.design.null import Null
from neurodata4ml.analysis.design.reading import read_design
from neurodata4ml.analysis.design.sequences import pseudosession, session_swap
from neurodata4ml.analysis.design.serial import SERIAL_ALPHA, markov_order, serial_dependence
from neurodata4ml.analysis.design.shifted import ShiftNull
from neurodata4ml.analysis.design.trials import is_continuous, labels_follow_blocks
from neurodata4ml.analysis.design.warned import warn_reader
from neurodata4ml.analysis.responses import sample_dim, trial_labels
from neurodata4ml.dims import presented
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


class Scheme(NamedTuple):
    """A way to draw labellings: the function, and for which labels it is the right one."""

    draw: Callable[[Asked], Drawn]
    sentence: str


def no_labellings(asked: Asked) -> Drawn:
    """Draw nothing: the design allows no p."""
    return Drawn(np.empty((0, len(asked.labels)), dtype=asked.labels.dtype), "no labellings")


SCHEMES: dict[str, Scheme] = {
    "session swap": Scheme(session_swap, "sessions= gives the labels of other sessions"),
    "pseudosession": Scheme(pseudosession, "labels depend on those before them, or simulate= says how they are dealt"),
    "whole blocks": Scheme(whole_blocks, "each block has one label"),
    "whole stimuli": Scheme(whole_stimuli, "the label is a property of the stimulus, which several stimuli share"),
    "within blocks": Scheme(within_blocks, "labels were dealt trial by trial, and there are blocks"),
    "all trials": Scheme(all_trials, "labels were dealt trial by trial, and there are no blocks"),
    "circular shift": Scheme(circular_shift, "a quantity that flows, stationary"),
    "linear shift": Scheme(linear_shift, "a quantity that drifts, in stationary steps"),
    "none": Scheme(no_labellings, "nothing above is valid: p is NaN, and the result says why"),
}
"""Schemes by name, in the order in which the table is gone through; docs/nulls.md explains each."""


def permutation_null(
    x: xr.DataArray,
    target: str,
    *,
    n_shuffles: int = 99,
    scheme: str | None = None,
    sessions: Sequence[Any] | None = None,
    simulate: str | Simulate | None = None,
    alpha: float = 0.05,
    randomised: bool | None = None,
    seed: int = 0,
) -> Null:
    """Draw labels as they might have been, had the responses known nothing of them.

    The design decides how (``SCHEMES``; docs/nulls.md has the reasons): what was randomised is what is shuffled.

    Parameters
    ----------
    x : DataArray with dim ``trial`` (or ``time``, a continuous recording)
        Blank and invalid trials do not take part. Read are the coordinates ``target``, ``block``, ``stimulus``,
        ``session`` and ``start_time`` (or ``time``).
    target : str
        The coordinate to be decoded.
    n_shuffles : int
        Labellings to draw; 99, as (99 + 1) x .05 is whole. Up to 200 distinct ones are all gone through instead.
    scheme : str, optional
        A key of ``SCHEMES``, in place of what the design says (a warning names that).
    sessions : sequence of ndarray, optional
        The labels of other sessions of the same task, each in the order of time and at least as long as this one.
    simulate : callable (rng) -> labels, or str, optional
        How the task deals labels, in the order of time; or the name of a task: "ibl" (sides), "ibl prior".
    alpha : float
        The level that p must be able to reach; otherwise p is NaN.
    randomised : bool, optional
        Whether the order of blocks was drawn by chance. None: unless it repeats a cycle.
    seed : int

    Returns
    -------
    Null
        Of labels in the type of the target. The same whatever the order of trials in ``x`` where ``start_time`` says
        their order in time.

    Raises
    ------
    DimensionError
        No such coordinate.
    DesignError
        A missing label; one class; a scheme that the design does not allow; ``sessions`` or ``simulate`` that do not
        fit.

    Examples
    --------
    >>> side, block = np.tile(["left", "right", "right", "left"], 10), np.repeat(np.arange(4), 10)
    >>> x = xr.DataArray(np.zeros((40, 3)), dims=("trial", "unit"), coords={"side": ("trial", side)})
    >>> null = permutation_null(x.assign_coords(block=("trial", block)), "side", scheme="within blocks")
    >>> null.labels.shape
    (99, 40)
    """
    if scheme is not None and scheme not in SCHEMES:
        message = f"permutation_null knows the schemes {', '.join(SCHEMES)}; got {scheme!r}."
        raise DesignError(message)
    _require_options(n_shuffles, alpha, randomised, sessions, seed)
    asked, positions = _read(x, target)
    asked = replace(
        asked,
        n_shuffles=n_shuffles,
        alpha=alpha,
        rng=np.random.default_rng(seed),
        randomised=randomised,
        sessions=sessions,
        simulate=simulate,
    )
    name, why, order = _choose(asked)
    asked = replace(asked, order=order)
    if scheme is not None and scheme != name:
        message = f'scheme="{scheme}" was asked for; the design says "{name}", since {why}.'
        warn_reader(message)
        name, why = scheme, f'asked for, where the design says "{name}", since {why}'
    drawn = SCHEMES[name].draw(asked)
    if name == "none":
        drawn = replace(drawn, no_p=why)
    return _null(asked, drawn, name, f"{why}; {drawn.why}", positions)


def _read(x: xr.DataArray, target: str) -> tuple[Asked, np.ndarray]:
    """Return the labels in the order of time with what is known of them, and their positions in ``x``."""
    dim = sample_dim(x, step="permutation_null")
    at = x.assign_coords(_position=(dim, np.arange(x.sizes[dim])))
    shown = presented(at, step="permutation_null")
    labels = trial_labels(shown, target, step="permutation_null")
    if len(np.unique(labels)) < 2:
        what = f"all {len(labels)} have {target} = {labels[0]!s}" if len(labels) else "there are none"
        message = f"A null needs at least 2 different labels; {what}. Choose {dim}s in which {target!r} varies."
        raise DesignError(message)
    design = read_design(shown, target)

    def in_time(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[design.order]

    asked = Asked(
        labels[design.order],
        target,
        n_shuffles=0,
        alpha=0.05,
        rng=np.random.default_rng(0),
        blocks=in_time(design.block),
        session=in_time(design.session),
        stimuli=in_time(design.stimulus) if design.of_stimulus and target != "stimulus" else None,
        unit="trials" if dim == "trial" else "bins",
    )
    return asked, np.asarray(shown.coords["_position"].values)[design.order]


def _choose(asked: Asked) -> tuple[str, str, int | None]:
    """Return the scheme that the design asks for, why, and the order of the Markov chain where there is one."""
    if asked.sessions is not None:
        return "session swap", "the labels of other sessions are given", None
    if asked.simulate is not None:
        return "pseudosession", "it is given how labels are dealt", None
    if asked.groups is not None and labels_follow_blocks(asked.labels, asked.groups):
        return "whole blocks", f"each {'block' if asked.blocks is not None else 'session'} has one label", None
    if asked.stimuli is not None:
        return "whole stimuli", f"{asked.target!r} is a property of the stimulus", None
    if is_continuous(asked.labels):
        return *_choose_shift(asked), None
    p = serial_dependence(asked.labels, asked.groups)
    where = "" if asked.groups is None else " within blocks" if asked.blocks is not None else " within sessions"
    if p <= SERIAL_ALPHA:
        return _choose_order(asked, f"labels depend on those before them{where} (p = {p:.3g})")
    found = f"labels do not depend on those before them{where} (p = {p:.3g})"
    return ("all trials" if asked.groups is None else "within blocks"), found, None


def _choose_shift(asked: Asked) -> tuple[str, str]:
    against = why_no_circular_shift(asked)
    if not against:
        return "circular shift", f"{asked.target!r} is continuous and stationary"
    against_linear = why_no_linear_shift(asked)
    if not against_linear:
        return (
            "linear shift",
            f"{asked.target!r} is continuous; for a circular shift, {against}; it or its steps are stationary",
        )
    remedy = "Give sessions= (the same quantity in other sessions) or simulate="
    return "none", f"{asked.target!r} is continuous; for a circular shift, {against}; {against_linear}. {remedy}"


def _choose_order(asked: Asked, found: str) -> tuple[str, str, int | None]:
    order, p = markov_order(asked.labels, asked.groups)
    if order is not None:
        return "pseudosession", f"{found}, and on no more than {order} (p = {p:.3g})", order
    remedy = "Give sessions= (labels of other sessions) or simulate= (how the task deals them)"
    return "none", f"{found}, and on more than the 3 before (p = {p:.3g}). {remedy}", None


def _require_options(n_shuffles: Any, alpha: Any, randomised: Any, sessions: Any, seed: Any) -> None:
    require_whole(n_shuffles, "n_shuffles", least=0)
    require_whole(seed, "seed", least=0)
    if not (isinstance(alpha, int | float) and 0 < alpha < 1):
        message = f"alpha is the level that p is held against, between 0 and 1; got {alpha!r}. Type alpha=0.05."
        raise DesignError(message)
    if randomised not in (None, True, False):
        message = f"randomised says whether the order of blocks was drawn by chance: True or False; got {randomised!r}."
        raise DesignError(message)
    if sessions is not None and (isinstance(sessions, str) or not isinstance(sessions, Sequence)):
        message = f"sessions takes the labels of other sessions, a list of arrays; got {type(sessions).__name__}."
        raise DesignError(message)


def _null(asked: Asked, drawn: Drawn, name: str, why: str, positions: np.ndarray) -> Null:
    """Bring labellings from the order of time to the order of ``x``."""
    kept = positions if drawn.kept is None else positions[drawn.kept]
    back = np.argsort(kept)
    null = Null(
        labels=drawn.labels[:, back],
        used=kept[back],
        observed=(asked.labels if drawn.kept is None else asked.labels[drawn.kept])[back],
        scheme=name,
        why=why,
        n_arrangements=drawn.n_arrangements,
        enumerated=drawn.enumerated,
        no_p=drawn.no_p,
        n_equal=drawn.n_equal,
    )
    if drawn.factor == 1.0 and drawn.excluded == 0.0:
        return null
    return ShiftNull(**vars(null), factor=drawn.factor, excluded=drawn.excluded)
