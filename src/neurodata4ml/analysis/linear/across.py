"""Evidence across time: what is learnt in one bin of time, tested in every bin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from neurodata4ml.analysis.linear.evidence import Evidence, Job, labelled, make_bins, part_sums, piece_sizes, prepared
from neurodata4ml.analysis.linear.gram import Bin, Frame
from neurodata4ml.analysis.linear.threads import in_threads


def across_evidence(job: Job) -> Iterator[Evidence]:
    """Yield evidence with values (n_sets_here, n_times_here, n_times, n_test, n_outputs), fold by fold.

    The scaling is learnt with the weights, in the bin of training: ``StandardScaler`` inside the pipeline. Source of
    the question: King & Dehaene (2014), Trends Cogn. Sci. 18:203.
    """
    n_times, n_sets = len(job.x), len(job.labels)
    step, n_together = piece_sizes(job, n_times)
    for start in range(0, n_times, step):
        times = range(start, min(start + step, n_times))
        bins = make_bins(job, times)
        for first in range(0, n_sets, n_together):
            yield from _piece(job, times, bins, slice(first, min(first + n_together, n_sets)))


def _piece(job: Job, times: range, bins: list[Bin], sets: slice) -> Iterator[Evidence]:
    sums = in_threads(lambda bin_: part_sums(job, bin_, sets), bins, n_jobs=job.n_jobs)
    centre = np.mean([bin_.centre for bin_ in bins], axis=0)

    def learn(at: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return weights of units (n_sets, n_outputs, n_units) and offsets, of responses minus ``centre``."""
        k, i = at
        frame, shared = prepared(job, bins[i], k)
        said = labelled(job, frame, sums[i], (times[i], k, sets))
        found = job.learner.solve(shared, said)
        # weights are read on the axes that they were found on
        frame = shared if isinstance(shared, Frame) else getattr(shared, "frame", frame)
        weights = np.zeros((*found.coef.shape[:2], job.x.shape[2]))
        weights[..., frame.heard] = frame.to_units(found.coef)
        offset = found.offset - weights[..., frame.heard] @ (bins[i].centre[frame.heard] + frame.mean)
        offset += weights @ centre
        if job.learner.n_classes:
            offset[said.totals == 0] = -np.inf
        return weights, offset, found.alpha

    for k in range(job.part.n_folds):
        learnt = in_threads(learn, product([k], range(len(bins))), n_jobs=job.n_jobs)
        weights = np.stack([each[0] for each in learnt], axis=1)
        offset = np.stack([each[1] for each in learnt], axis=1)
        values = _tell(job, weights, offset, centre, k)
        chosen = [each[2] for each in learnt if each[2] is not None]
        yield Evidence(
            slice(times.start, times.stop),
            sets,
            k,
            job.tests[k],
            values,
            np.stack(chosen, axis=1) if chosen else None,
        )


def _tell(job: Job, weights: np.ndarray, offset: np.ndarray, centre: np.ndarray, k: int) -> np.ndarray:
    """Return values (n_sets, n_times_here, n_times, n_test, n_outputs) in the test samples of every bin."""
    n_sets, n_here, n_outputs, n_units = weights.shape
    rows = job.part.order[job.part.test[k]]
    values = np.empty((n_sets, n_here, len(job.x), len(rows), n_outputs), dtype=job.dtype)
    flat = weights.reshape(n_sets * n_here * n_outputs, n_units).T.astype(job.dtype)
    shift = offset.astype(job.dtype)

    def tell(t: int) -> None:
        told = (job.x[t][rows].astype(np.float64) - centre).astype(job.dtype) @ flat
        values[:, :, t] = told.reshape(len(rows), n_sets, n_here, n_outputs).transpose(1, 2, 0, 3) + shift[:, :, None]

    in_threads(tell, range(len(job.x)), n_jobs=job.n_jobs)
    return values
