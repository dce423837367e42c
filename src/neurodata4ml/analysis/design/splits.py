"""Split samples for training and testing as the design of the experiment allows."""

from __future__ import annotations

import numbers
from dataclasses import replace

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.dealing import Redeal
from neurodata4ml.analysis.design.enough import require_trials
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.leaks import judge, require_reason, used_positions
from neurodata4ml.analysis.design.purge import Purge, choose_purge, gap_around
from neurodata4ml.analysis.design.reading import Design, read_design
from neurodata4ml.analysis.design.ways import WAYS, Dealt, choose_way
from neurodata4ml.analysis.responses import sample_dim, trial_labels
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def splits(
    x: xr.DataArray,
    *,
    over: str | None = None,
    n_folds: int = 5,
    target: str | None = None,
    purge: float | None = None,
    stratify: str | None = None,
    encoding: bool = False,
    allow_leak: str | None = None,
    seed: int = 0,
) -> Folds:
    """Choose the folds of a cross-validation so that test samples are as new as the question says.

    Neighbours in time resemble each other whatever was shown (drift, arousal), so samples are never shuffled into
    folds: that lets a decoder recognise the time of day. Blank and invalid trials lie in no fold.

    Parameters
    ----------
    x : DataArray with the dim ``trial``, or ``time`` (a continuous recording)
    over : {"trial", "block", "stimulus", "session", "time"}, optional
        What should be new in the test. Left out, the design says it: "stimulus" for an encoding model, and for a
        target that is a property of the stimulus (its category, its contrast); "session" or "block" for labels that
        are constant within each; "time" for a continuous recording; else "trial".
        "trial": later or earlier trials. Blocks stay whole: where there are fewer than ``n_folds`` (but at least two,
        each with every class of ``target``), each block is one fold. Only where that cannot be, or without blocks,
        folds are stretches of time (of every session); a warning says so where they cut blocks. "block": whole
        blocks. "stimulus": whole stimuli. "session": whole sessions. "time": stretches of time, blocks or not.
        Blocks and sessions whose labels are constant, and stimuli, are dealt class by class: every fold has
        every class.
    n_folds : int
        Five leaves four fifths of the samples to learn from. Fewer where there are fewer blocks, stimuli or sessions
        in some class (at least 2): ``Folds.notes`` says so.
    target : str, optional
        The coordinate to be decoded; with it, folds are checked against its labels. Floats with many distinct
        values are measured numbers (see ``is_continuous``) and have no classes.
    purge : float, s, optional
        Training samples whose windows lie within so many seconds of a test sample's are left out. For a continuous
        recording, left out: the lag at which the autocorrelation of the target and of the responses has fallen
        below 0.1, at most half a stretch; ``Folds.why`` says how long. For trials: nothing is left out.
    stratify : str, optional
        Another coordinate over which whole blocks, stimuli or sessions are balanced, as far as can be.
    encoding : bool
        Responses are to be predicted from stimuli, not stimuli from responses.
    allow_leak : str, optional
        Why a leak is wanted all the same: then it is not refused, and the reason stands in ``Folds.leak``.
    seed : int
        Which stimuli (or sessions) go together; the other ways have no chance in them.

    Returns
    -------
    Folds
        ``.split()`` yields (train, test) positions along the samples; a cross-validator for scikit-learn (``cv=``).

    Raises
    ------
    DimensionError
        No samples, or no such coordinate on them.
    DesignError
        What is asked for leaks (see ``check_leaks``), or there are too few samples, classes, blocks or stimuli.

    Examples
    --------
    >>> x = xr.DataArray(np.zeros((6, 2)), dims=("trial", "unit"))
    >>> [test.tolist() for train, test in splits(x, n_folds=3).split()]
    [[0, 1], [2, 3], [4, 5]]
    """
    require_whole(seed, "seed", least=0)
    dim = sample_dim(x, step="splits", hint="Folds are made of trials.")
    require_reason(allow_leak)
    _require_purge(purge)
    used = used_positions(x)
    require_trials(len(used), n_folds, dim)
    shown = x.isel({dim: used})
    design = read_design(shown, target)
    strata = None if stratify is None else trial_labels(shown, stratify, step="splits")
    over, why = choose_way(design, over, encoding)
    if over == "stimulus":
        design = replace(design, stimulus=trial_labels(shown, "stimulus", step="splits"))
    dealt = WAYS[over](design, n_folds, seed, strata)
    gap = _purge(shown, design, dealt, purge)
    why = "; ".join(part for part in (why, dealt.why, gap.why) if part)
    folds = Folds(
        fold=dealt.fold,
        kind=dealt.kind,
        why=f"{why[0].upper()}{why[1:]}.",
        gap=gap_around(design, dealt.fold, gap.seconds),
        purge=gap.seconds,
        notes=tuple(note for note in (*dealt.notes, gap.note) if note),
    )
    return _everywhere(judge(design, folds, encoding, allow_leak), design, dealt, used, x.sizes[dim])


def _require_purge(purge: float | None) -> None:
    if purge is None:
        return
    if not isinstance(purge, numbers.Real) or isinstance(purge, bool) or not 0 <= purge < np.inf:
        message = f"purge takes seconds, 0 or more; got {purge!r}. To leave out half a second on both sides: purge=0.5."
        raise DesignError(message)


def _purge(shown: xr.DataArray, design: Design, dealt: Dealt, purge: float | None) -> Purge:
    if purge is None:
        return choose_purge(shown, design, dealt.fold) if design.dim == "time" else Purge(0.0)
    if purge > 0 and design.start is None:
        message = (
            f"purge={purge:g} s needs to know when trials were: the coordinate 'start_time' on 'trial'. "
            f"Add it: x.assign_coords(start_time=('trial', seconds))."
        )
        raise DesignError(message)
    return Purge(float(purge), f"{purge:g} s are left out on both sides, as asked for" if purge else "")


def _everywhere(folds: Folds, design: Design, dealt: Dealt, used: np.ndarray, n: int) -> Folds:
    """Return folds of the used samples as folds of all, with the way to deal them again."""
    every = np.full(n, -1)
    every[used] = folds.fold
    gap = None
    if folds.gap is not None:
        gap = np.zeros((len(folds.gap), n), dtype=bool)
        gap[:, used] = folds.gap
    remake = None
    if dealt.groups is not None:
        remake = Redeal(dealt.groups, used, n, lambda fold: gap_around(design, fold, folds.purge))
    return replace(folds, fold=every, gap=gap, remake=remake)
