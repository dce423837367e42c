"""The question put to a decoder: responses, labels observed and shuffled, and the folds in which they are tested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding.confounds import confound_values
from neurodata4ml.analysis.decoding.options import Options
from neurodata4ml.analysis.decoding.pooled import folds_of as pseudo_folds
from neurodata4ml.analysis.decoding.pooled import pseudo_null
from neurodata4ml.analysis.decoding.scoring import SCORES
from neurodata4ml.analysis.design.dealing import remade
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.given import as_folds
from neurodata4ml.analysis.design.leaks import check_leaks
from neurodata4ml.analysis.design.null import Null
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.design.trials import is_continuous
from neurodata4ml.analysis.responses import sample_dim, trial_labels
from neurodata4ml.dims import feature_dim, presented, require_dims
from neurodata4ml.errors import DesignError, DimensionError

Parts = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Question:
    """What is to be read from what, checked; samples are those that take part.

    Attributes
    ----------
    x : DataArray
        The samples that take part, with their coordinates.
    target : str
        The coordinate to be read.
    dim : str
        ``trial`` or ``time``: the dim of samples.
    responses : ndarray (n_times, n_samples, n_units)
        In their own type; one time, the mean, unless time was asked for.
    classes : ndarray (n_classes,) or None
        Sorted labels; None for a continuous target.
    sets : ndarray (1 + n_shuffles, n_samples)
        Codes of classes, or values of the target; the observed labelling first.
    folds : tuple of Folds
        One for each time that samples were dealt to folds.
    where : ndarray of int (n_samples,)
        Position of each sample in each of ``folds``.
    null : Null
    confounds : ndarray (n_samples, n_confounds) or None
    """

    x: xr.DataArray
    target: str
    dim: str
    responses: np.ndarray
    classes: np.ndarray | None
    sets: np.ndarray
    folds: tuple[Folds, ...]
    where: np.ndarray
    null: Null
    confounds: np.ndarray | None

    @property
    def n_classes(self) -> int:
        """The number of classes; 0 for a continuous target."""
        return 0 if self.classes is None else len(self.classes)

    @property
    def truth(self) -> np.ndarray:
        """The observed codes or values (n_samples,)."""
        return np.asarray(self.sets[0])

    def deals(self) -> Iterator[tuple[int, np.ndarray, Parts]]:
        """Yield a repeat, labellings that share their folds, and these folds as (train, test) positions of samples."""
        every = np.arange(len(self.sets))
        for repeat, folds in enumerate(self.folds):
            if folds.remake is None:
                yield repeat, every, self._parts(folds)
                continue
            for i in range(len(every)):
                yield repeat, every[i : i + 1], self._parts(folds if i == 0 else remade(folds, self._whole(i, folds)))

    def _parts(self, folds: Folds) -> Parts:
        index = np.full(len(folds.fold), -1)
        index[self.where] = np.arange(len(self.where))
        inside = ((index[train], index[test]) for train, test in folds.split())
        return [(train[train >= 0], test[test >= 0]) for train, test in inside]

    def _whole(self, i: int, folds: Folds) -> np.ndarray:
        """Return labelling ``i`` for every sample that the folds know: those that take no part keep a label."""
        own = self.sets[i] if self.classes is None else self.classes[self.sets[i]]
        whole = np.resize(own, len(folds.fold))
        whole[self.where] = own
        return np.asarray(whole)


def ask(x: xr.DataArray, target: str, options: Options, *, over: str | None, step: str = "decode") -> Question:
    """Read the samples, their labels, the folds and the shuffles; refuse what has no honest answer.

    Raises
    ------
    DimensionError
        No such coordinate, or dims that are neither samples, time nor units.
    DesignError
        Fewer than two classes, labels that follow blocks, folds that leak, no units, NaN in the responses.
    """
    dim = sample_dim(x, step=step)
    x = x.compute() if x.chunks is not None else x
    _require_plain_labels(x, dim, step=step)
    shown = presented(x.assign_coords(_position=(dim, np.arange(x.sizes[dim]))), step=step)
    kept, shown = shown.coords["_position"].values, shown.drop_vars("_position")
    labels = trial_labels(shown, target, step=step)
    responses = responses_by_time(shown, over, step=step)
    _require_finite(responses, dim, step=step)
    _require_two(labels, target, step=step)
    folds, where = folds_of(x, shown, target, options), kept
    null, used = _null(shown, target, labels, kept, options)
    if len(used) < len(labels) and options.folds is None:
        # a linear shift uses the middle of a recording, of which the folds of the whole would leave too few
        part = shown.isel({dim: used})
        folds, where = folds_of(part, part, target, options), np.full(len(labels), -1)
        where[used] = np.arange(len(used))
    tested = np.all([f.fold[where[used]] >= 0 for f in folds], axis=0)
    used, shuffled = used[tested], null.labels[:, tested]
    continuous = is_continuous(labels) or _as_quantity(labels, options)
    classes, sets = _coded(labels[used], shuffled, continuous=continuous)
    return Question(
        x=shown.isel({dim: used}),
        target=target,
        dim=dim,
        responses=responses if len(used) == len(labels) else responses[:, used],
        classes=classes,
        sets=sets,
        folds=folds,
        where=where[used],
        null=null,
        confounds=confound_values(shown.isel({dim: used}), options.confounds, target=target, step=step),
    )


def responses_by_time(x: xr.DataArray, over: str | None, *, step: str) -> np.ndarray:
    """Return responses (time, sample, unit) in their own type; one "time", the mean, unless ``over`` is time."""
    if over not in (None, "time"):
        message = f'{step} knows over=None (the mean over time) and over="time" (each bin); got {over!r}.'
        raise DimensionError(message)
    units, dim = feature_dim(x, step=step), sample_dim(x, step=step)
    if over == dim:
        message = (
            f"{step}: time holds the samples of this continuous recording, each decoded from its own bin already. "
            f'Leave over="time" out; or align to trials first: bin_spikes(session, align=...).'
        )
        raise DimensionError(message)
    hint = "Keep the bins of bin_spikes." if step == "generalize" else 'Leave over="time" out.'
    require_dims(x, dim, *([over] if over else []), step=step, hint=hint)
    other = [str(name) for name in x.dims if name not in (dim, "time", units)]
    if other:
        message = f"{step} takes (trial, time, {units}); got also {', '.join(other)}. Select or average: x.mean(...)."
        raise DimensionError(message)
    if dim == "time":
        return np.asarray(x.transpose("time", units).data)[None]
    if over is None:
        x = (x.mean("time", dtype=np.float64, skipna=False) if "time" in x.dims else x).expand_dims("time")
    return np.asarray(x.transpose("time", dim, units).data)


def _require_plain_labels(x: xr.DataArray, dim: str, *, step: str) -> None:
    if dim in x.coords and x.indexes[dim].nlevels > 1:
        message = (
            f"{step}: {dim!r} has an index of several levels, which no result can carry. Type x.reset_index({dim!r})."
        )
        raise DimensionError(message)


def _require_finite(responses: np.ndarray, dim: str, *, step: str) -> None:
    n_times, n_samples, n_units = responses.shape
    if n_units == 0 or n_times == 0:
        message = f"{step} needs at least one unit and one bin; got {n_units} units and {n_times} bins of time."
        raise DesignError(message)
    if responses.dtype.kind not in "biuf":
        message = f"{step} reads numbers; the responses are of the type {responses.dtype}. Type x.astype(float)."
        raise DesignError(message)
    if responses.dtype.kind == "f":
        bad = ~np.isfinite(responses)
        if bad.any():
            samples = "trials" if dim == "trial" else "time samples"
            message = (
                f"{step} cannot read NaN: {int(bad.sum())} of {bad.size} responses, in "
                f"{int(bad.any(axis=(0, 2)).sum())} of {n_samples} {samples} and "
                f"{int(bad.any(axis=(0, 1)).sum())} of {n_units} units. "
                f"Drop them: x.dropna('unit') or x.dropna({dim!r})."
            )
            raise DesignError(message)


def _require_two(labels: np.ndarray, target: str, *, step: str) -> None:
    if len(labels) > 1 and len(np.unique(labels)) < 2:
        message = (
            f"{step}: all {len(labels)} samples have {target} = {labels[0]!s}, and there is nothing to tell apart. "
            f"Choose samples with at least 2 values of {target!r}."
        )
        raise DesignError(message)


def _as_quantity(labels: np.ndarray, options: Options) -> bool:
    """Return whether levels that are numbers (contrast, tone) are asked for as a quantity: by decoder, or by score."""
    from sklearn.base import is_regressor

    asked = options.scoring in SCORES and SCORES[str(options.scoring)].continuous
    given = hasattr(options.decoder, "predict") and not isinstance(options.decoder, type)
    regressor = given and is_regressor(options.decoder)
    return labels.dtype.kind in "iuf" and (asked or regressor)


def folds_of(x: xr.DataArray, shown: xr.DataArray, target: str, options: Options) -> tuple[Folds, ...]:
    """Return the folds that are asked for, checked for leaks: several where they are dealt several times."""
    if options.folds is None and "pseudo_population" in x.attrs:
        # each session's own folds were checked before its trials were pooled
        return (pseudo_folds(x),)
    if options.folds is None:
        return (splits(x, n_folds=options.n_folds, target=target, allow_leak=options.allow_leak, seed=options.seed),)
    given = options.folds
    several = [given]
    if isinstance(given, list | tuple) and given and all(isinstance(one, Folds) for one in given):
        several = list(given)
    elif hasattr(given, "n_repeats") and hasattr(given, "split"):
        labels = trial_labels(shown, target, step="decode")
        pairs = list(given.split(np.zeros((len(labels), 1)), labels))
        each = len(pairs) // given.n_repeats
        several = [pairs[i : i + each] for i in range(0, len(pairs), each)]
    return tuple(
        check_leaks(x, as_folds(one, x, target=target), target=target, allow_leak=options.allow_leak) for one in several
    )


def _null(
    shown: xr.DataArray, target: str, labels: np.ndarray, kept: np.ndarray, options: Options
) -> tuple[Null, np.ndarray]:
    """Return the null, and the positions of its samples among those shown."""
    if options.null is None and options.n_shuffles == 0:
        # how labels came about is a question of its own, and takes longer than a decoder in closed form
        every = np.arange(len(labels))
        why = "no shuffles were asked for"
        return Null(np.empty((0, len(labels)), labels.dtype), every, labels, "none", why, no_p=why), every
    if options.null is None and "pseudo_population" in shown.attrs:
        null = pseudo_null(shown, target, n_shuffles=options.n_shuffles, seed=options.seed)
        return null, null.used
    if not isinstance(options.null, Null):
        null = permutation_null(shown, target, n_shuffles=options.n_shuffles, scheme=options.null, seed=options.seed)
        return replace(null, no_p=_why_no_p(null, shown, target)), null.used
    place = {int(position): i for i, position in enumerate(kept)}
    for used in ([place.get(int(p), -1) for p in options.null.used], options.null.used):
        at = np.asarray(used, dtype=np.int64)
        inside = bool(np.all((at >= 0) & (at < len(labels))))
        if inside and np.array_equal(labels[at], options.null.observed):
            return options.null, at
    message = (
        f"The null was made from {len(options.null.observed)} other labels than the {len(labels)} {target!r} that are "
        f"decoded here. Make it from the same array: null=permutation_null(x, {target!r})."
    )
    raise DesignError(message)


def _why_no_p(null: Null, shown: xr.DataArray, target: str) -> str:
    """Return why decode's own null gives no p, with what to type; "" where it does."""
    if not null.no_p and "shuffled" in shown.attrs and null.scheme != "all trials":
        return (
            f"Trials were exchanged within classes, across what {target!r} was dealt in (the null is "
            f"{null.scheme!r}), so that the responses themselves follow the labels. Take p from the trials as recorded"
        )
    if any(f"{option}=" in null.no_p for option in ("sessions", "simulate", "randomised")):
        return f"{null.no_p.rstrip('.')}: null=permutation_null(x, {target!r}, ...) takes these, and decode takes null="
    return null.no_p


def _coded(observed: np.ndarray, shuffled: np.ndarray, *, continuous: bool) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the classes and codes of every labelling, or None and their values where the target is continuous."""
    if continuous:
        return None, np.concatenate([observed[None], shuffled]).astype(np.float64)
    classes, code = np.unique(observed, return_inverse=True)
    return classes, np.concatenate([code[None], np.searchsorted(classes, shuffled)]).astype(np.int64)
