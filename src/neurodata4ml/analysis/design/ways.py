"""The ways to hold samples out: which the design asks for, and how each deals them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.design.dealing import Groups, by_chance, cut_in_each, in_time, in_turn, joined
from neurodata4ml.analysis.design.enough import require_classes
from neurodata4ml.analysis.design.reading import Design
from neurodata4ml.analysis.design.trials import constant_within
from neurodata4ml.analysis.design.warned import warn_reader
from neurodata4ml.errors import DesignError


@dataclass(frozen=True)
class Dealt:
    """Folds of the used samples before they are purged and judged; ``groups`` where they follow from the labels."""

    fold: np.ndarray
    kind: str
    why: str = ""
    notes: tuple[str, ...] = ()
    groups: Groups | None = None


def choose_way(design: Design, over: str | None, encoding: bool) -> tuple[str, str]:
    """Return what to hold out, and why, as the beginning of a sentence."""
    if over is not None:
        if over not in WAYS:
            *most, last = (f'"{way}"' for way in WAYS)
            message = f"splits knows over={', '.join(most)} and {last}; got {over!r}. Left out, the design decides."
            raise DesignError(message)
        if over == "trial" and design.dim == "time":
            message = "A continuous recording (time, unit) has no trials to hold out. Leave over out: it is 'time'."
            raise DesignError(message)
        return over, f"asked for by over={over!r}"
    if encoding and (design.stimulus is not None or design.dim == "trial"):
        return "stimulus", "whole stimuli are held out, since an encoding model is asked about new ones"
    if design.follows_sessions:
        return "session", f"whole sessions are held out, since {design.target!r} is constant within each"
    if design.follows_blocks:
        stimuli = f" and a property of the stimulus, and {_CHAINS}" if design.of_stimulus else ""
        return "block", f"whole blocks are held out, since {design.target!r} is constant within each{stimuli}"
    if design.of_stimulus:
        return "stimulus", f"whole stimuli are held out, since {design.target!r} is a property of the stimulus"
    if design.dim == "time":
        return "time", "stretches of time are held out, since neighbours in time resemble each other"
    return "trial", "trials are held out in stretches of time, since neighbours in time resemble each other"


_CHAINS = "what shares a block or a stimulus stays together"


def over_trials(design: Design, n_folds: int, seed: int, strata: np.ndarray | None) -> Dealt:
    """Whole blocks where there are blocks, else stretches of time."""
    _require_no_strata(strata, "trial")
    if design.follows_blocks or design.follows_sessions:
        _require_enough(design, n_folds)
        return Dealt(in_turn(design.order, design.classes, n_folds), "trial", "neighbours are dealt to folds in turn")
    n_blocks = 0 if design.block is None else len(np.unique(design.block))
    if design.block is None:
        _require_enough(design, n_folds)
        return Dealt(cut_in_each(design.order, design.session, n_folds), "contiguous")
    code = np.unique(design.block, return_inverse=True)[1]
    notes: tuple[str, ...] = ()
    if n_blocks < n_folds and _every_block_has_every_class(code, design.classes):
        notes, n_folds = (
            (f"{n_folds} folds were asked for; there are {n_blocks} blocks, each of which is one",),
            n_blocks,
        )
    _require_enough(design, n_folds)
    if n_blocks < n_folds:
        message = (
            f"The {n_blocks} blocks are fewer than n_folds={n_folds}, and some lack a class: folds are stretches of "
            f"time that cut blocks, and what a block shares (drift) is learnt from and tested. Type "
            f"n_folds={n_blocks} to keep blocks whole, or drop the classes that some blocks lack."
        )
        warn_reader(message)
        return Dealt(cut_in_each(design.order, design.session, n_folds), "contiguous", "", ("folds cut blocks",))
    return Dealt(in_time(code, design.order, n_folds).fold(), "block", "blocks stay whole", notes)


def over_blocks(design: Design, n_folds: int, seed: int, strata: np.ndarray | None) -> Dealt:
    """Whole blocks, earliest first; class by class where the labels are constant within them."""
    if design.block is None:
        message = (
            f"splits over blocks needs at least 2 blocks; got 0: there is no coordinate 'block' on {design.dim!r} that "
            f"says which {design.dim}s belong together. Add it: x.assign_coords(block=({design.dim!r}, ...)), "
            f"or leave over= out."
        )
        raise DesignError(message)
    code, what = np.unique(design.block, return_inverse=True)[1], "blocks"
    if design.follows_blocks and design.of_stimulus and design.stimulus is not None:
        code, what = joined(design.block, design.stimulus), f"blocks ({_CHAINS})"
    classes = design.classes if design.follows_blocks else None
    n, notes = _as_many_as_there_are(design, code, classes, n_folds, what)
    _require_enough(design, n)
    groups = in_time(code, design.order, n)
    if strata is not None:
        groups = by_chance(code, _strata_of(code, strata, "block"), n, seed)
    return Dealt(groups.fold(classes), "block", "", notes, None if classes is None else groups)


def over_stimuli(design: Design, n_folds: int, seed: int, strata: np.ndarray | None) -> Dealt:
    """Whole stimuli, class by class; by label, so that the order of trials never matters."""
    code, classes = np.unique(np.asarray(design.stimulus), return_inverse=True)[1], design.classes
    if classes is not None and not constant_within(classes, code):
        message = (
            "splits over stimuli needs a target that belongs to the stimulus; this one differs between trials of "
            'one stimulus. Use over="trial".'
        )
        raise DesignError(message)
    n, notes = _as_many_as_there_are(design, code, classes, n_folds, "stimuli")
    _require_enough(design, n)
    groups = by_chance(code, _strata_of(code, strata, "stimulus"), n, seed)
    return Dealt(groups.fold(classes), "stimulus", "", notes, None if classes is None else groups)


def over_sessions(design: Design, n_folds: int, seed: int, strata: np.ndarray | None) -> Dealt:
    """Whole sessions, in random order; class by class where the labels are constant within them."""
    if design.session is None:
        message = (
            f"splits over sessions needs at least 2 sessions; got 1: the coordinate 'session' on {design.dim!r} names "
            f"the session of each. Put sessions together with xr.concat(..., dim={design.dim!r}), or leave over= out."
        )
        raise DesignError(message)
    code = np.unique(design.session, return_inverse=True)[1]
    classes = design.classes if design.follows_sessions else None
    n, notes = _as_many_as_there_are(design, code, classes, n_folds, "sessions")
    _require_enough(design, n)
    groups = by_chance(code, _strata_of(code, strata, "session"), n, seed)
    return Dealt(groups.fold(classes), "session", "", notes, None if classes is None else groups)


def over_time(design: Design, n_folds: int, seed: int, strata: np.ndarray | None) -> Dealt:
    """Stretches of time, of every session."""
    _require_no_strata(strata, "time")
    _require_enough(design, n_folds)
    return Dealt(cut_in_each(design.order, design.session, n_folds), "contiguous")


Way = Callable[[Design, int, int, np.ndarray | None], Dealt]

WAYS: dict[str, Way] = {
    "trial": over_trials,
    "block": over_blocks,
    "stimulus": over_stimuli,
    "session": over_sessions,
    "time": over_time,
}
"""What can be held out, by name: (design, n_folds, seed, strata) -> folds of the used samples."""


def _every_block_has_every_class(block: np.ndarray, classes: np.ndarray | None) -> bool:
    names, code = np.unique(np.zeros(len(block)) if classes is None else classes, return_inverse=True)
    n_cells = len(np.unique(block * len(names) + code))
    return n_cells == len(names) * (int(block.max()) + 1)


def _as_many_as_there_are(
    design: Design, code: np.ndarray, classes: np.ndarray | None, n_folds: int, what: str
) -> tuple[int, tuple[str, ...]]:
    """Return the number of folds, at most the number of groups in the rarest class, and a note where it is less."""
    first = np.unique(code, return_index=True)[1]
    names, counts = np.unique(np.zeros(len(first)) if classes is None else classes[first], return_counts=True)
    rarest, n = int(counts.argmin()), int(counts.min())
    of = "" if classes is None else f" of {design.target} = {names[rarest]!s}"
    if classes is not None and len(names) < 2:
        require_classes(classes, 2, design.target, design.dim)
    if n < 2:
        plain = what.split(" ")[0]
        message = (
            f"splits over {plain} needs at least 2 {plain} of every class, since each is either learnt from or tested "
            f"as a whole; there is 1{of}. Leave that class out, take a target that several {plain} share, or say why "
            f'it may leak: splits(x, over="trial", target={design.target!r}, allow_leak="...").'
        )
        raise DesignError(message)
    if n < n_folds:
        return n, (f"{n_folds} folds were asked for; there are {n} {what}{of}",)
    return n_folds, ()


def _require_enough(design: Design, n_folds: int) -> None:
    if design.classes is not None:
        require_classes(design.classes, n_folds, design.target, design.dim)


def _strata_of(code: np.ndarray, strata: np.ndarray | None, what: str) -> np.ndarray:
    first = np.unique(code, return_index=True)[1]
    if strata is None:
        return np.zeros(len(first), dtype=np.int64)
    if not constant_within(strata, code):
        message = f"stratify needs a coordinate that is the same throughout each {what}; this one differs within some."
        raise DesignError(message)
    return np.unique(strata[first], return_inverse=True)[1]


def _require_no_strata(strata: np.ndarray | None, over: str) -> None:
    if strata is not None:
        message = (
            f"stratify balances whole blocks, stimuli or sessions over folds; with over={over!r} folds are stretches "
            f"of time, which hold what they hold. Leave stratify out, or type over='stimulus'."
        )
        raise DesignError(message)
