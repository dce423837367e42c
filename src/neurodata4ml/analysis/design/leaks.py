"""Refuse folds that learn from what they test: blocks, stimuli, spikes, neighbours in time; and single classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.enough import unmixed
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.purge import TOLERANCE, gap_around, near
from neurodata4ml.analysis.design.reading import Design, read_design
from neurodata4ml.analysis.design.warned import warn_reader
from neurodata4ml.dims import presented
from neurodata4ml.errors import DesignError

_MIXED = 0.25
"""Folds in which more than this share of neighbours in time lie apart are mixed; contiguous ones have a few."""


@dataclass(frozen=True)
class Leak:
    """What leaks: a few words for the result, the refusal with its remedy, and whether a reason may override it."""

    note: str
    message: str
    may_be_allowed: bool = True


def check_leaks(
    x: xr.DataArray, folds: Folds, target: str | None = None, encoding: bool = False, allow_leak: str | None = None
) -> Folds:
    """Hold any folds to the rules that ``splits`` keeps by itself.

    Refused are: folds that split blocks (or sessions) whose labels are constant; the same stimulus in training and
    test of an encoding model, or where the target is a property of the stimulus; windows that overlap by more than
    1 ms between training and test; neighbouring bins of a continuous recording with no gap between them; folds that
    test or learn one class only, or test a class that they never learnt.

    Parameters
    ----------
    x : DataArray with the dim ``trial``, or ``time`` (a continuous recording)
    folds : Folds
        Of the samples of ``x``. For a splitter of scikit-learn: ``as_folds(splitter, x, target)`` first.
    target : str, optional
        The coordinate to be decoded.
    encoding : bool
        Responses are predicted from stimuli, not stimuli from responses.
    allow_leak : str, optional
        Why a leak is wanted all the same: it is then said in the result, not refused.

    Returns
    -------
    Folds
        The same, with ``leak`` (the reason) and ``notes`` (what leaks) where a leak was allowed.

    Raises
    ------
    DesignError
        Something leaks and no reason is given, or the reason is empty.

    Warns
    -----
    UserWarning
        Windows overlap, but only within training or within test samples; or neighbouring trials lie in different
        folds, so that slow drift is learnt from and tested.
    """
    used = used_positions(x)
    shown = x.isel({_dim(x): used})
    gap = None if folds.gap is None else folds.gap[:, used]
    found = judge(read_design(shown, target), replace(folds, fold=folds.fold[used], gap=gap), encoding, allow_leak)
    return replace(folds, leak=found.leak, notes=found.notes)


def used_positions(x: xr.DataArray) -> np.ndarray:
    """Return the positions of the samples that are neither blank nor invalid."""
    dim = _dim(x)
    counted = xr.DataArray(np.arange(x.sizes[dim]), dims=dim)
    names = [name for name in ("blank", "valid") if name in x.coords]
    return np.asarray(presented(counted.assign_coords({n: x.coords[n].variable for n in names}), step="splits").values)


def judge(design: Design, folds: Folds, encoding: bool, allow_leak: str | None) -> Folds:
    """Refuse what leaks, or take the reason down; see ``check_leaks``."""
    require_reason(allow_leak)
    leaks = find_leaks(design, folds, encoding)
    for leak in leaks:
        if not leak.may_be_allowed:
            raise DesignError(leak.message)
    reason = allow_leak or folds.leak
    if leaks and not reason:
        message = f'{leaks[0].message} If it must be, say why: allow_leak="...".'
        raise DesignError(message)
    _warn_of_overlap(design, leaks)
    if folds.kind == "given":
        _warn_of_mixing(design, folds)
    notes = [note for note in (leak.note for leak in leaks) if note not in folds.notes]
    return replace(folds, leak=reason if leaks else "", notes=(*folds.notes, *notes))


def require_reason(allow_leak: str | None) -> None:
    """Refuse an empty reason: it would be printed in the result."""
    if allow_leak is not None and (not isinstance(allow_leak, str) or not allow_leak.strip()):
        message = (
            f"allow_leak takes the reason, which the result will print; got {allow_leak!r}. "
            f'For example allow_leak="shows what drift does".'
        )
        raise DesignError(message)


def find_leaks(design: Design, folds: Folds, encoding: bool) -> list[Leak]:
    """Return everything that leaks, the gravest first."""
    found = [_nothing_learnt(folds), _of_blocks(design, folds), _of_stimuli(design, folds, encoding)]
    found += [_of_classes(design, folds), _of_windows(design, folds), _of_neighbours(design, folds)]
    return [leak for leak in found if leak is not None]


def n_shared(folds: Folds, group: np.ndarray) -> int:
    """Return how many groups some fold both learns from and tests."""
    shared: set[int] = set()
    code = np.unique(group, return_inverse=True)[1]
    for train, test in folds.split():
        shared.update(np.intersect1d(code[train], code[test]).tolist())
    return len(shared)


def _nothing_learnt(folds: Folds) -> Leak | None:
    for k, (train, test) in enumerate(folds.split()):
        if not len(train) or not len(test):
            what = "learn from" if not len(train) else "test"
            message = (
                f"Fold {k} of {folds.n_folds} has nothing to {what}. Where a purge left nothing (purge={folds.purge:g} "
                f"s), use a shorter one, or fewer folds (n_folds)."
            )
            return Leak("", message, may_be_allowed=False)
    return None


def _of_blocks(design: Design, folds: Folds) -> Leak | None:
    for follows, group, what in (
        (design.follows_blocks, design.block, "block"),
        (design.follows_sessions, design.session, "session"),
    ):
        if not follows or group is None or not n_shared(folds, group):
            continue
        n = len(np.unique(group))
        message = (
            f"Each of the {n} {what}s holds one label only, so that a decoder could read the {what} (drift) "
            f"instead of the label, and trials are not independent evidence. The {what} is the sample here: "
            f"decode(average_by(x, '{what}').rename({what}='trial'), target), or splits(x, over='{what}', target=...)."
        )
        note = f"{n_shared(folds, group)} of {n} {what}s, each of one {design.target!r}, are learnt from and tested"
        return Leak(note, message)
    return None


def _of_stimuli(design: Design, folds: Folds, encoding: bool) -> Leak | None:
    if design.stimulus is None or not (encoding or design.of_stimulus):
        return None
    n, n_stimuli = n_shared(folds, design.stimulus), len(np.unique(design.stimulus))
    if not n:
        return None
    if encoding:
        why = "an encoding model can know each stimulus by heart, and has then predicted nothing new"
        remedy = "splits(x, over='stimulus', encoding=True)"
    else:
        why = (
            f"{design.target!r} is a property of the stimulus, so a decoder that knows each stimulus by heart seems to "
            f"know it"
        )
        remedy = f"splits(x, over='stimulus', target={design.target!r})"
    message = f"{n} of {n_stimuli} stimuli are both learnt from and tested: {why}. Hold whole stimuli out: {remedy}."
    return Leak(f"{n} of {n_stimuli} stimuli are learnt from and tested", message)


def _of_classes(design: Design, folds: Folds) -> Leak | None:
    if design.classes is None:
        return None
    said = unmixed(folds, design.classes, design.target)
    if not said:
        return None
    learns_one = any(len(np.unique(design.classes[train])) < 2 for train, _ in folds.split())
    note = f"some folds hold too few classes of {design.target!r} to be told apart"
    return Leak(note, said, may_be_allowed=not learns_one)


def _of_windows(design: Design, folds: Folds) -> Leak | None:
    if design.dim != "trial" or design.start is None:
        return None
    n = sum(int(near(design, _marked(test, design), -TOLERANCE)[train].sum()) for train, test in folds.split())
    if not n:
        return None
    longest, onset = _overlap(design), _shortest_onset(design)
    purge = float(np.ceil(longest * 1e3 - 1e-6) / 1e3)
    tried = replace(folds, gap=gap_around(design, folds.fold, purge))
    pairs = zip(tried.split(), folds.split(), strict=True)
    enough = all(len(train) > len(whole) / 2 for (train, _), (whole, _) in pairs)
    mixed = design.classes is None or not unmixed(tried, design.classes, design.target)
    leave = f"Leave a gap: splits(..., purge={purge:g}). Or cut" if enough and mixed else "Cut"
    message = (
        f"The windows of {n} training samples overlap those of test samples by up to {longest:.3g} s: the same spikes "
        f"are learnt from and tested. {leave} windows that are no longer than the time to the next, {onset:.3g} s: "
        f"bin_spikes(session, window=...)."
    )
    return Leak(f"the windows of {n} training samples overlap those of test samples", message)


def _of_neighbours(design: Design, folds: Folds) -> Leak | None:
    if design.dim != "time" or design.start is None or design.stop is None:
        return None
    width = float(np.median(design.stop - design.start))
    n = sum(int(near(design, _marked(test, design), width / 2)[train].sum()) for train, test in folds.split())
    if not n:
        return None
    target = f", target={design.target!r}" if design.target else ""
    message = (
        f"{n} training samples lie next to a test sample in time, with no gap between them: whatever is slow in "
        f"the responses and in the target is learnt from and tested. Leave a gap as long as their autocorrelation: "
        f"splits(x, over='time'{target}) chooses one, or say how many seconds: purge=..."
    )
    return Leak(f"{n} training samples lie next to a test sample in time", message)


def _warn_of_overlap(design: Design, leaks: list[Leak]) -> None:
    overlap = _overlap(design) if design.dim == "trial" else 0.0
    if overlap > TOLERANCE and not any("windows" in leak.note for leak in leaks):
        message = (
            f"Windows of neighbouring trials overlap by up to {overlap:.3g} s, though not between training and test: "
            f"the same spikes count in several trials, which are fewer independent ones than they seem."
        )
        warn_reader(message)


def _warn_of_mixing(design: Design, folds: Folds) -> None:
    used = design.order[folds.fold[design.order] >= 0]
    apart = float(np.mean(np.diff(folds.fold[used]) != 0)) if len(used) > 1 else 0.0
    whole = [g for g in (design.block, design.stimulus) if g is not None and not n_shared(folds, g)]
    if design.dim == "trial" and apart > _MIXED and not whole:
        message = (
            f"{apart:.0%} of trials lie in another fold than the trial before: what drifts slowly is learnt from and "
            f"tested, and can pass for the target. splits(x, target=...) keeps stretches of time together."
        )
        warn_reader(message)


def _overlap(design: Design) -> float:
    """Return the longest overlap, in s, of a window with those that begin before it, in the same session."""
    if design.start is None or design.stop is None:
        return 0.0
    longest = 0.0
    session = design.session if design.session is not None else np.zeros(design.n_samples)
    for name in np.unique(session):
        mine = np.flatnonzero((session == name) & np.isfinite(design.start) & np.isfinite(design.stop))
        mine = mine[np.argsort(design.start[mine], kind="stable")]
        start, stop = design.start[mine], design.stop[mine]
        shared = np.minimum(np.maximum.accumulate(stop)[:-1], stop[1:]) - start[1:]
        longest = max(longest, float(shared.max(initial=0.0)))
    return longest


def _shortest_onset(design: Design) -> float:
    steps = np.diff(np.asarray(design.start)[design.order])
    return float(steps[steps > 0].min()) if np.any(steps > 0) else 0.0


def _marked(test: np.ndarray, design: Design) -> np.ndarray:
    mask = np.zeros(design.n_samples, dtype=bool)
    mask[test] = True
    return mask


def _dim(x: xr.DataArray) -> str:
    return "trial" if "trial" in x.dims else "time"
