"""Evidence: the decision values of held-out samples, for many labellings and bins of time, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np

from neurodata4ml.analysis.linear.gram import (
    Bin,
    Frame,
    bin_values,
    make_bin,
    make_frame,
    part_gram,
    shares_grams,
)
from neurodata4ml.analysis.linear.labellings import label_sums, label_totals
from neurodata4ml.analysis.linear.once import once
from neurodata4ml.analysis.linear.partition import Partition, over_parts, partition
from neurodata4ml.analysis.linear.threads import in_threads, one_blas_thread, stream_threads
from neurodata4ml.cores import n_cores

PIECE = 4_000_000
"""Numbers held at once for a piece of evidence (32 MB)."""

TINY = 20_000_000
"""Multiplications below which one thread does all."""

Kept = list[tuple[Bin, Partition]]
"""Given an empty one, the engine leaves there what ``read_whole`` reads: the bin, where there is one of all samples."""


@dataclass(frozen=True)
class Evidence:
    """Decision values of one fold's test samples.

    Attributes
    ----------
    times, sets : slice
        Which bins of time (of training, where they differ from those tested) and which labellings these are.
    fold : int
    test : ndarray of int (n_test,)
        Positions of the test samples.
    values : ndarray (n_sets_here, n_times_here, [n_test_times,] n_test, n_outputs)
        For a classifier one column per class, the largest of which is the prediction, and ``-inf`` for a class that
        the training samples lack; for a regression the predicted targets.
    chosen : ndarray (n_sets_here, n_times_here[, n_outputs]), optional
        The penalty that was chosen, where one was.
    """

    times: slice
    sets: slice
    fold: int
    test: np.ndarray
    values: np.ndarray
    chosen: np.ndarray | None = None


@dataclass(frozen=True)
class Labelled:
    """What some labellings say about one fold's training samples.

    Attributes
    ----------
    at : (time, fold, slice of sets)
    frame : Frame
    raw : ndarray (n_sets, n_outputs, n_units), optional
        Label sums of ``Bin.values``; None where the frame has its own samples.
    totals : ndarray (n_sets, n_outputs)
    labels : ndarray (n_sets, n[, n_outputs])
    """

    at: tuple[int, int, slice]
    frame: Frame
    raw: np.ndarray | None
    totals: np.ndarray
    labels: np.ndarray
    n_classes: int

    @once
    def sums(self) -> np.ndarray:
        """Label sums in the frame's coordinates (n_sets, n_outputs, n_axes), in float64."""
        if self.raw is not None:
            return self.frame.sums(self.raw, self.totals)
        own = self.frame.own
        assert own is not None
        return label_sums(self.labels, own, self.n_classes).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Solution:
    """Weights (n_sets, n_outputs, n_axes) of what ``test`` measures, offsets (n_sets, n_outputs), chosen penalties."""

    coef: np.ndarray
    offset: np.ndarray | None
    alpha: np.ndarray | None = None


class Learner(Protocol):
    """What learns from labels: first what no label changes, once per fold and bin; then each labelling."""

    @property
    def n_classes(self) -> int:
        """The number of classes; 0 for a regression."""

    @property
    def n_outputs(self) -> int:
        """The number of columns of evidence."""

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Any:
        """Return what all labellings share; its ``test`` (n_test, n_axes) multiplies the weights."""

    def solve(self, shared: Any, labelled: Labelled) -> Solution:
        """Return the weights for these labellings."""


@dataclass(frozen=True)
class Job:
    """Everything that the pieces of one call share."""

    x: np.ndarray
    part: Partition
    tests: list[np.ndarray]
    labels: np.ndarray
    learner: Learner
    standardise: bool
    dtype: Any
    n_jobs: int | None
    keep: Kept | None = None


def make_job(
    x: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    labels: np.ndarray,
    learner: Learner,
    *,
    standardise: bool,
    dtype: Any,
    n_jobs: int | None,
    keep: Kept | None = None,
) -> Job:
    """Divide the samples by the folds, and order the labels so."""
    part = partition(folds, x.shape[1])
    n_times, n_samples, n_units = x.shape
    work = n_times * n_units * ((n_samples + len(folds) * n_units) * n_units + labels.size * learner.n_outputs)
    # starting threads takes longer than this
    n_jobs = 1 if work < TINY else n_jobs
    tests = [test for _, test in folds]
    return Job(x, part, tests, labels[:, part.order], learner, standardise, np.dtype(dtype), n_jobs, keep)


def gather_evidence(job: Job) -> Iterator[Evidence]:
    """Yield the evidence of every labelling, fold and bin: all labellings at once, or where they are many, in turn."""
    with one_blas_thread():
        yield from _gather(job)


def _gather(job: Job) -> Iterator[Evidence]:
    n_sets = len(job.labels)
    step, sets = piece_sizes(job)
    for start in range(0, len(job.x), step):
        times = range(start, min(start + step, len(job.x)))
        bins = make_bins(job, times)
        if sets >= n_sets:
            yield from _all_sets(job, times, bins)
        else:
            yield from _some_sets(job, start, bins[0], sets)


def piece_sizes(job: Job, n_test_times: int = 1) -> tuple[int, int]:
    """Return how many bins, and how many labellings, are held at once; by the shapes alone."""
    n_sets, n_units = len(job.labels), job.x.shape[2]
    n_test, n_parts = sum(map(len, job.part.test)), len(job.part.parts)
    each = job.learner.n_outputs * (n_test * n_test_times + (n_parts + 2) * n_units)
    if each * n_sets > PIECE:
        return 1, max(1, PIECE // (2 * each))
    shared = job.x.shape[1] * n_units + (n_parts + 1) * n_units**2
    return max(1, min(PIECE // (each * n_sets), 4 * PIECE // shared)), n_sets


def make_bins(job: Job, times: range) -> list[Bin]:
    """Return the bins with the Gram matrices of their parts."""
    part = job.part
    values = in_threads(lambda t: bin_values(job.x[t], part, job.dtype), times, n_jobs=job.n_jobs)
    n_parts = len(part.parts) if shares_grams(part, job.x.shape[2]) else 0
    wanted = list(product(range(len(values)), range(n_parts)))
    grams = in_threads(lambda at: part_gram(values[at[0]][0][part.parts[at[1]]]), wanted, n_jobs=job.n_jobs)
    by_bin = [grams[i * n_parts : (i + 1) * n_parts] for i in range(len(values))]
    bins = in_threads(lambda i: make_bin(*values[i], part, by_bin[i]), range(len(values)), n_jobs=job.n_jobs)
    if job.keep is not None and not job.keep and len(job.x) == 1 and len(part.order) == job.x.shape[1]:
        job.keep.append((bins[0], part))
    return bins


def prepared(job: Job, bin_: Bin, k: int) -> tuple[Frame, Any]:
    """Return one fold's frame, and what its labellings share."""
    frame = make_frame(bin_, job.part, k, standardise=job.standardise)
    return frame, job.learner.prepare(frame, bin_, job.part.train[k])


def part_sums(job: Job, bin_: Bin, sets: slice) -> list[np.ndarray]:
    """Return the label sums of every part, and last their total; none where folds do not share them."""
    if not bin_.grams:
        return []
    labels, n_classes = job.labels[sets], job.learner.n_classes
    # labels are not read where no fold learns
    wanted = [
        rows if learnt.any() else slice(0, 0) for rows, learnt in zip(job.part.parts, job.part.learnt.T, strict=True)
    ]
    sums = [label_sums(labels[:, rows], bin_.values[rows], n_classes) for rows in wanted]
    return [*sums, np.sum(sums, axis=0)]


def labelled(job: Job, frame: Frame, sums: list[np.ndarray], at: tuple[int, int, slice]) -> Labelled:
    """Return what labellings say about the training samples of a fold."""
    _, k, sets = at
    labels = job.labels[sets][:, job.part.train[k]]
    shared = frame.own is None
    raw = over_parts(sums[:-1], sums[-1], job.part.learnt[k]) if shared else None
    return Labelled(at, frame, raw, label_totals(labels, job.learner.n_classes), labels, job.learner.n_classes)


def _answer(job: Job, shared: Any, said: Labelled) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values (n_sets, n_test, n_outputs) and penalties of one fold and bin."""
    found = job.learner.solve(shared, said)
    n_sets, n_outputs, n_axes = found.coef.shape
    weights = found.coef.reshape(n_sets * n_outputs, n_axes).astype(job.dtype, copy=False)
    values = (shared.test.astype(job.dtype, copy=False) @ weights.T).reshape(-1, n_sets, n_outputs)
    if found.offset is not None:
        values += found.offset.astype(job.dtype)
    if job.learner.n_classes == n_outputs and (lacking := said.totals == 0).any():
        values[:, lacking] = -np.inf
    return values.transpose(1, 0, 2), found.alpha


def _all_sets(job: Job, times: range, bins: list[Bin]) -> Iterator[Evidence]:
    """Yield fold by fold; the threads share out bins and folds."""
    sets = slice(0, len(job.labels))
    sums = in_threads(lambda bin_: part_sums(job, bin_, sets), bins, n_jobs=job.n_jobs)

    def one(at: tuple[int, int]) -> tuple[np.ndarray, np.ndarray | None]:
        k, i = at
        frame, shared = prepared(job, bins[i], k)
        return _answer(job, shared, labelled(job, frame, sums[i], (times[i], k, sets)))

    tasks = list(product(range(job.part.n_folds), range(len(bins))))
    answers = in_threads(one, tasks, n_jobs=_even_threads(len(tasks)) if job.n_jobs is None else job.n_jobs)
    for k in range(job.part.n_folds):
        mine = answers[k * len(bins) : (k + 1) * len(bins)]
        yield _evidence(job, mine, times, sets, k)


def _even_threads(n_tasks: int) -> int:
    """Return how many threads keep every core busy to the end: five folds would leave one of two cores idle.

    A few more threads than cores begin with the tasks that would be left over, and share the cores among them; no more
    than half as many again, since each holds what its task needs.
    """
    cores = n_cores()
    return cores + min(n_tasks % cores, cores // 2) if n_tasks > cores else n_tasks


def _some_sets(job: Job, t: int, bin_: Bin, step: int) -> Iterator[Evidence]:
    """Yield labellings in turn, of one bin; the threads share out labellings."""
    folds = range(job.part.n_folds)
    shared = in_threads(lambda k: prepared(job, bin_, k), folds, n_jobs=job.n_jobs)
    pieces = [slice(i, min(i + step, len(job.labels))) for i in range(0, len(job.labels), step)]

    def one(sets: slice) -> list[Evidence]:
        sums = part_sums(job, bin_, sets)
        said = (labelled(job, shared[k][0], sums, (t, k, sets)) for k in folds)
        return [
            _evidence(job, [_answer(job, shared[k][1], each)], range(t, t + 1), sets, k)
            for k, each in zip(folds, said, strict=True)
        ]

    for found in stream_threads(one, pieces, n_jobs=job.n_jobs):
        yield from found


def _evidence(
    job: Job, answers: list[tuple[np.ndarray, np.ndarray | None]], times: range, sets: slice, k: int
) -> Evidence:
    values = answers[0][0][:, None] if len(answers) == 1 else np.stack([found for found, _ in answers], axis=1)
    chosen = [alpha for _, alpha in answers if alpha is not None]
    alpha = np.stack(chosen, axis=1) if chosen else None
    return Evidence(slice(times.start, times.stop), sets, k, job.tests[k], values, alpha)
