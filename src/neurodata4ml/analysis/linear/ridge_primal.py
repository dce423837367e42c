"""Ridge by features, for more rows than features: sums of products of parts, of which training sets take theirs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from neurodata4ml.analysis.linear.lapack import eigh
from neurodata4ml.analysis.linear.partition import over_parts, partition
from neurodata4ml.analysis.linear.ridge_scales import Scales, scales_from_sums, scales_of
from neurodata4ml.analysis.linear.ridge_turned import Problem, Turned, blocks, kept
from neurodata4ml.analysis.linear.threads import in_threads, spread
from neurodata4ml.analysis.linear.training_sets import TrainingSet

_ROWS = 512
"""Rows multiplied at once."""

_STRETCHES = 4
"""Stretches of rows that threads share out; the same for any number of threads, so that sums have the same bits."""


class Primal:
    """Decompose training sets by their features; ``factors`` (n_features,) weigh features, where bands are weighed."""

    def __init__(self, problem: Problem, sets: list[TrainingSet], n_jobs: int | None = None) -> None:
        """Add up the products of every part that no training set divides."""
        self.problem, n = problem, len(problem.y)
        self.centre = np.concatenate([band.mean(axis=0, dtype=np.float64) for band in problem.bands])
        self.largest = np.concatenate([np.abs(band).max(axis=0, initial=0).astype(float) for band in problem.bands])
        part = partition([(each.train, np.concatenate(each.tests)) for each in sets], n)
        rows = [part.order[place] for place in part.parts]
        # what no set learns is not multiplied
        used = [rows[i] if part.learnt[:, i].any() else rows[i][:0] for i in range(len(rows))]
        self.used = np.sort(part.order)
        self.learnt = {each.train.tobytes(): part.learnt[i] for i, each in enumerate(sets)}
        p, n_targets = problem.n_features, problem.y.shape[1]
        # what is kept besides the input is at most half of it
        room = n * (p + n_targets) // 2
        self.shares = (len(rows) + 1) * p * p <= room
        self.keeps = self.shares and (len(rows) + 1) * p * (p + n_targets) <= room
        found = in_threads(self._part, used, n_jobs=n_jobs) if self.shares else []
        self.parts = [list(each) for each in zip(*found, strict=True)] if found else []
        self.totals = [np.sum(each, axis=0) for each in self.parts]
        self.products = np.zeros((p, n_targets))
        if self.shares and not self.keeps:
            for each in in_threads(self._targets, np.array_split(self.used, _STRETCHES), n_jobs=n_jobs):
                self.products += each

    def turned(self, sets: list[TrainingSet]) -> Iterator[Turned]:
        """Yield the decomposition of each training set."""
        for each in sets:
            yield self.turn(each, *self.standardised(each))

    def standardised(self, each: TrainingSet) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the centred, scaled products of features (p, p) and with targets (p, n_targets), means, factors."""
        problem, n = self.problem, float(self.problem.weights_of(each.train).sum())
        sums, gram, products = self._of_set(each)
        scales, doubtful = scales_from_sums(
            n, sums, gram.diagonal().copy(), self._all_squares(gram), self.largest, standardise=problem.standardise
        )
        mean, shift = scales.mean, np.zeros(len(sums))
        if len(doubtful):
            again = self._again(each, doubtful)
            mean[doubtful], scales.factor[doubtful] = again.mean, again.factor
            if np.any(again.factor):
                # far from the mean of all rows, products would cancel
                shift[doubtful] = again.mean
                sums, gram, products = self._products(each.train, shift)
                mean = shift + sums / n
        left = mean - shift
        gram -= n * np.multiply.outer(left, left)
        gram *= scales.factor
        gram *= scales.factor[:, None]
        products -= n * np.multiply.outer(left, problem.mean(each.train))
        products *= scales.factor[:, None]
        return gram, products, mean, scales.factor

    def _again(self, each: TrainingSet, columns: np.ndarray) -> Scales:
        """Return the scales of some features from the training rows alone."""
        problem = self.problem
        weights = None if problem.weights is None else problem.weights[each.train]
        values = self._columns(np.arange(len(problem.y)), columns)
        return scales_of(values, self.centre[columns], each.train, weights, standardise=problem.standardise)

    def turn(
        self,
        each: TrainingSet,
        gram: np.ndarray,
        products: np.ndarray,
        mean: np.ndarray,
        factor: np.ndarray,
        *,
        bands: np.ndarray | None = None,
    ) -> Turned:
        """Decompose a training set, given its products.

        With the edges of ``bands`` of features, ``tests`` are what each band adds to the first question.
        """
        spectrum, vectors = eigh(gram)
        real = kept(spectrum, len(each.train))
        spectrum, vectors = spectrum[real], vectors[:, real]
        turned = np.empty((len(spectrum), products.shape[1]))
        for some in blocks(products.shape[1]):
            np.matmul(vectors.T, products[:, some], out=turned[:, some])
        vectors *= factor[:, None]
        tests = self._turn_tests(each.tests, vectors, mean) if bands is None else ()
        for start, stop in pairwise(bands if bands is not None else ()):
            alone = np.zeros_like(vectors)
            alone[start:stop] = vectors[start:stop]
            tests = (*tests, self._turn_rows(each.tests[0], alone, mean))
        return Turned(spectrum, turned, self.problem.mean(each.train), tests)

    def _turn_tests(
        self, tests: tuple[np.ndarray, ...], vectors: np.ndarray, mean: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the coordinates of the rows of each question; those of equal questions are copied."""
        found: list[np.ndarray] = []
        for i, rows in enumerate(tests):
            before = next((k for k in range(i) if np.array_equal(tests[k], rows)), None)
            found.append(self._turn_rows(rows, vectors, mean) if before is None else found[before].copy())
        return tuple(found)

    def _turn_rows(self, rows: np.ndarray, vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
        shift, result = mean @ vectors, np.empty((len(rows), vectors.shape[1]))

        def turn(some: slice) -> None:
            np.matmul(self._rows(rows[some]), vectors, out=result[some])
            result[some] -= shift

        if len(self._halves(rows)) > 1:
            spread(turn, blocks(len(rows), _ROWS))
        else:
            for some in blocks(len(rows), _ROWS):
                turn(some)
        return result

    def _halves(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return all rows as two parts, always the same, that two threads may take; those of a fold as they are.

        Folds keep all threads busy by themselves, and each thread's sums take room.
        """
        many = len(rows) >= max(4 * _ROWS, len(self.problem.y))
        return list(np.array_split(rows, 2)) if many else [rows]

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of all bands side by side, minus the centre."""
        values = np.concatenate([band[rows] for band in self.problem.bands], axis=1, dtype=np.float64)
        values -= self.centre
        return values

    def _columns(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        ends = np.cumsum([0, *(band.shape[1] for band in self.problem.bands)])
        taken = []
        for band, start, stop in zip(self.problem.bands, ends[:-1], ends[1:], strict=True):
            mine = columns[(columns >= start) & (columns < stop)] - start
            taken.append(band[np.ix_(rows, mine)])
        return np.concatenate(taken, axis=1, dtype=np.float64)

    def _products(self, rows: np.ndarray, shift: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return weighted sums (p,), products of features (p, p) and with targets (p, n_targets) of some rows."""
        return *self._sums(rows, shift), self._targets(rows, shift)

    def _part(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return what is kept of a part."""
        return self._products(rows) if self.keeps else self._sums(rows)

    def _sums(self, rows: np.ndarray, shift: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        p = self.problem.n_features

        def of(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            sums, gram = np.zeros(p), np.zeros((p, p))
            for some in blocks(len(part), _ROWS):
                values, root = self._weighed(part[some], shift)
                sums += root @ values
                gram += values.T @ values
            return sums, gram

        (sums, gram), *others = spread(of, self._halves(rows))
        for more, products in others:
            sums += more
            gram += products
        return sums, gram

    def _targets(self, rows: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
        """Return the products of features with targets (p, n_targets) of some rows."""

        def of(part: np.ndarray) -> np.ndarray:
            products = np.zeros((self.problem.n_features, self.problem.y.shape[1]))
            for some in blocks(len(part), _ROWS):
                values, root = self._weighed(part[some], shift)
                values *= root[:, None]
                products += values.T @ self.problem.y[part[some]]
            return products

        products, *others = spread(of, self._halves(rows))
        for more in others:
            products += more
        return products

    def _weighed(self, rows: np.ndarray, shift: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Return rows times the roots of their weights, and these roots."""
        values, root = self._rows(rows) - shift, np.sqrt(self.problem.weights_of(rows))
        if self.problem.weights is not None:
            values *= root[:, None]
        return values, root

    def _of_set(self, each: TrainingSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        learnt = self.learnt.get(each.train.tobytes())
        if learnt is None or not self.shares:
            return self._products(each.train)
        found = [over_parts(parts, total, learnt) for parts, total in zip(self.parts, self.totals, strict=True)]
        if self.keeps:
            return found[0], found[1], found[2]
        left_out = np.setdiff1d(self.used, each.train)
        if len(left_out) > len(each.train):
            return found[0], found[1], self._targets(each.train)
        return found[0], found[1], self.products - self._targets(left_out)

    def _all_squares(self, gram: np.ndarray) -> np.ndarray:
        return np.asarray((self.totals[1] if self.shares else gram).diagonal())
