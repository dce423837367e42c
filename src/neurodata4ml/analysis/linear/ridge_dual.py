"""Ridge by rows, for more features than rows: Gram matrices of rows in every training set from one pass over features.

The dual form (Saunders et al. 1998, ICML, eq. 10): predictions are ``K_test (K_train + alpha I)^-1 y``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from neurodata4ml.analysis.linear.lapack import eigh
from neurodata4ml.analysis.linear.ridge_scales import Scales, scales_from_sums, scales_of
from neurodata4ml.analysis.linear.ridge_turned import Problem, Turned, blocks, kept
from neurodata4ml.analysis.linear.threads import stream_threads
from neurodata4ml.analysis.linear.training_sets import TrainingSet

_COLUMNS = 120_000
"""Numbers in a block of features: what a core's cache holds."""


class Dual:
    """Decompose training sets by their rows."""

    def __init__(self, problem: Problem, n_jobs: int | None = None) -> None:
        """Multiply the rows, where that serves all training sets."""
        self.problem = problem
        self.unscaled = [] if problem.standardise else [_unscaled(band, n_jobs) for band in problem.bands]

    def turned(self, sets: list[TrainingSet]) -> Iterator[Turned]:
        """Yield the decomposition of each training set; all their Gram matrices are in memory together."""
        for each, grams in zip(sets, self.grams(sets), strict=True):
            yield turn(self.problem, each, grams[0] if len(grams) == 1 else grams.sum(axis=0))

    def grams(self, sets: list[TrainingSet]) -> Iterator[np.ndarray]:
        """Yield the inner products of rows (n_bands, n, n) for each training set, centred and scaled as it says."""
        problem, n = self.problem, len(self.problem.y)
        learns = np.zeros((len(sets), n))
        for row, each in zip(learns, sets, strict=True):
            row[each.train] = problem.weights_of(each.train)
        grams = np.zeros((len(sets) if problem.standardise else 0, len(problem.bands), n, n))
        for b, band in enumerate(problem.bands if problem.standardise else ()):
            for some in blocks(band.shape[1], max(16, _COLUMNS // n)):
                _add(grams[:, b], band[:, some], sets, learns, problem)
        for i, row in enumerate(learns):
            yield np.stack([_centred(gram, row) for gram in (grams[i] if problem.standardise else self.unscaled)])


def _unscaled(band: np.ndarray, n_jobs: int | None) -> np.ndarray:
    """Return the inner products (n, n) of features as they are: without scaling, those of all training sets."""

    def product(some: slice) -> np.ndarray:
        values = band[:, some]
        centred = values - share @ values
        return np.asarray(centred @ centred.T)

    gram, share = np.zeros((len(band), len(band))), np.full(len(band), 1 / len(band))
    for each in stream_threads(product, blocks(band.shape[1], max(16, _COLUMNS // len(band))), n_jobs=n_jobs):
        gram += each
    return gram


def turn(problem: Problem, each: TrainingSet, gram: np.ndarray, *, bands: Sequence[np.ndarray] = ()) -> Turned:
    """Decompose a training set, given the centred inner products (n, n) of all rows.

    With those of ``bands``, whose sum they are, ``tests`` are what each band adds to the first question.
    """
    train, mean = each.train, problem.mean(each.train)
    root = np.sqrt(problem.weights_of(train))
    own = gram[np.ix_(train, train)]
    own *= root
    own *= root[:, None]
    spectrum, vectors = eigh(own)
    real = kept(spectrum, len(train))
    spectrum, vectors = spectrum[real], vectors[:, real]
    weighed = vectors * root[:, None]
    # rows that are not learnt count nothing: faster than to take the others out
    every = np.zeros((len(gram), len(spectrum)))
    every[train] = weighed
    products = every.T @ problem.y
    products -= np.multiply.outer(weighed.sum(axis=0), mean)
    # as in the primal form: coordinates of rows along eigenvectors of features, which have length 1
    products *= np.sqrt(spectrum)[:, None]
    weighed /= np.sqrt(spectrum)
    asked = [(band, each.tests[0]) for band in bands] or [(gram, test) for test in each.tests]
    tests = tuple(inner[np.ix_(test, train)] @ weighed for inner, test in asked)
    return Turned(spectrum, products, mean, tests)


def _add(grams: np.ndarray, values: np.ndarray, sets: list[TrainingSet], learns: np.ndarray, problem: Problem) -> None:
    """Add the inner products of a block of features to those of every training set."""
    centred = values.astype(np.float64)
    largest = np.abs(centred).max(axis=0, initial=0.0)
    centre = centred.mean(axis=0)
    centred -= centre
    squared = np.square(centred)
    # one set at a time: how many there are must not change a bit
    sums, squares = ([row @ each for row in learns] for each in (centred, squared))
    total = squared.sum(axis=0)
    scaled = squared
    for gram, asked, row, s, q in zip(grams, sets, learns, sums, squares, strict=True):
        scales, doubtful = scales_from_sums(row.sum(), s, q, total, largest, standardise=True)
        if len(doubtful):
            weights = None if problem.weights is None else row[asked.train]
            again = scales_of(values[:, doubtful], centre[doubtful], asked.train, weights, standardise=True)
            _replace(scales, doubtful, again)
        np.multiply(centred, scales.factor, out=scaled)
        # far from the mean of all rows, products would cancel
        scaled[:, doubtful] = (centred[:, doubtful] - scales.mean[doubtful]) * scales.factor[doubtful]
        gram += scaled @ scaled.T


def _replace(scales: Scales, where: np.ndarray, by: Scales) -> None:
    scales.mean[where], scales.factor[where] = by.mean, by.factor


def _centred(gram: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the inner products of rows from which the weighted mean of the training rows is subtracted."""
    share = weights / weights.sum()
    inner = gram @ share
    result = gram - inner
    result -= inner[:, None] - inner @ share
    return np.asarray(result)
