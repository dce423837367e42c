"""The questions that `benchmarks/decode.py` asks, and how we, our peers and plain matrix products answer them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict, permutation_test_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml import decode
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.linear.discriminant import lda_evidence
from neurodata4ml.analysis.linear.ridge import ridge_evidence

ALPHA, ALPHAS = 10.0, np.logspace(0.0, 5.0, 10)


@dataclass(frozen=True)
class Trials:
    """Counts (n_times, n_trials, n_units) around stimuli in turn, and folds of whole stretches of time."""

    counts: np.ndarray
    codes: np.ndarray
    folds: Folds

    @property
    def n_classes(self) -> int:
        """The number of stimuli."""
        return int(self.codes.max()) + 1

    @property
    def parts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions of training and test trials."""
        return list(self.folds.split())

    @property
    def array(self) -> xr.DataArray:
        """As `bin_spikes` labels them."""
        counts = xr.DataArray(self.counts, dims=("time", "trial", "unit"))
        n_times, n_trials, _ = self.counts.shape
        where = {"stimulus": ("trial", self.codes), "trial": np.arange(n_trials), "time": np.arange(n_times) / 100}
        return counts.assign_coords({**where, "start_time": ("trial", np.arange(n_trials) * 1.0)})


def trials(n_classes: int, n_repeats: int, n_units: int, n_times: int = 1, *, seed: int = 0) -> Trials:
    """Return Poisson counts whose rates depend on the stimulus; every fold has every stimulus equally often."""
    rng = np.random.default_rng(seed)
    codes = np.tile(np.arange(n_classes), n_repeats)
    counts = np.empty((n_times, len(codes), n_units), dtype=np.int8)
    for t in range(n_times):
        counts[t] = rng.poisson(rng.gamma(4.0, 0.5, (n_classes, n_units))[codes])
    fold = np.arange(len(codes)) // n_classes * 5 // n_repeats
    return Trials(counts, codes, Folds(fold, "given"))


def told(evidence: Any, n_sets: int, n_times: int, n_trials: int) -> np.ndarray:
    """Return the predicted classes (n_sets, n_times, n_trials)."""
    answer = np.empty((n_sets, n_times, n_trials), dtype=np.int64)
    for piece in evidence:
        answer[piece.sets, piece.times, piece.test] = piece.values.argmax(axis=-1)
    return answer


def our_lda(data: Trials) -> np.ndarray:
    """LDA without shrinkage, all bins."""
    n_times, n_trials, _ = data.counts.shape
    found = lda_evidence(data.counts, data.parts, data.codes[None], data.n_classes, shrinkage=0.0)
    return told(found, 1, n_times, n_trials)[0]


def our_decode(data: Trials, **options: Any) -> xr.Dataset:
    """Return what the public function says, of the same folds."""
    over = "time" if len(data.counts) > 1 else None
    return decode(data.array, over=over, folds=data.folds, **options)


def our_ridge(data: Trials, alpha: Any) -> np.ndarray:
    """Ridge classifier; of several penalties the best by leave-one-out."""
    found = ridge_evidence(data.counts, data.parts, data.codes[None], n_classes=data.n_classes, alpha=alpha)
    return told(found, 1, 1, len(data.codes))[0]


def our_permutations(data: Trials, codes: np.ndarray) -> np.ndarray:
    """Return the balanced accuracy of a ridge classifier for every labelling (n_sets,)."""
    found = ridge_evidence(data.counts, data.parts, codes, n_classes=data.n_classes, alpha=ALPHA)
    right = np.zeros(len(codes))
    for piece in found:
        right[piece.sets] += (piece.values[:, 0].argmax(axis=-1) == codes[piece.sets][:, piece.test]).sum(axis=-1)
    # all stimuli are equally frequent
    return right / codes.shape[1]


def their_lda(data: Trials, solver: str = "svd") -> np.ndarray:
    """Return scikit-learn's predictions, bin by bin."""
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver))
    counts = data.counts.astype(np.float64)
    return np.stack([cross_val_predict(model, x, data.codes, cv=data.folds) for x in counts])


def their_sliding(data: Trials) -> np.ndarray:
    """Return the predictions of MNE's SlidingEstimator with the quicker of scikit-learn's solvers."""
    from mne.decoding import SlidingEstimator

    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis("lsqr"))
    sliding = SlidingEstimator(model, scoring=None, n_jobs=1, verbose="error")
    epochs = data.counts.transpose(1, 2, 0).astype(np.float64)
    answer = np.empty((len(data.counts), len(data.codes)), dtype=np.int64)
    for train, test in data.parts:
        answer[:, test] = sliding.fit(epochs[train], data.codes[train]).predict(epochs[test]).T
    return answer


def ridge_cv() -> Any:
    """Return scikit-learn's ridge classifier that chooses its penalty; ``decode`` solves it in closed form."""
    return make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS))


def their_ridge(data: Trials) -> np.ndarray:
    """Return the predictions of RidgeClassifierCV, which chooses by leave-one-out too."""
    return cross_val_predict(ridge_cv(), data.counts[0].astype(np.float64), data.codes, cv=data.folds)[None]


def their_permutations(data: Trials, n: int) -> np.ndarray:
    """Return the score of the true labels and of n shuffles (n + 1,), by permutation_test_score."""
    model = make_pipeline(StandardScaler(), RidgeClassifier(ALPHA))
    score, null, _ = permutation_test_score(
        model,
        data.counts[0].astype(np.float64),
        data.codes,
        cv=list(data.folds.split()),
        n_permutations=n,
        scoring=lambda m, x, y: float((m.predict(x) == y).mean()),
        random_state=0,
    )
    return np.append(score, null)


def shuffles(codes: np.ndarray, n: int) -> np.ndarray:
    """Return the labels and n shuffles of them, those of permutation_test_score(random_state=0) first."""
    rng = np.random.RandomState(0)
    return np.stack([codes, *(codes[rng.permutation(len(codes))] for _ in range(n))])


def balanced(codes: np.ndarray, predicted: np.ndarray) -> float:
    """Return the balanced accuracy."""
    return float(balanced_accuracy_score(codes, predicted))


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long it took, and what came out."""
    begun = time.perf_counter()
    answer = work()
    return time.perf_counter() - begun, answer


def floor(products: Sequence[tuple[float, tuple[int, int], tuple[int, int] | None]], dtype: Any = np.float64) -> float:
    """Return the seconds of matrix products (how often, shape, shape); without a second shape, of A by itself: A' A."""
    total = 0.0
    for often, first, second in products:
        left = np.ones(first, dtype=dtype)
        right = left.T if second is None else np.ones(second, dtype=dtype)
        work = (lambda a=left: a.T @ a) if second is None else (lambda a=left, b=right: a @ b)
        work()
        total += often * min(seconds(work)[0] for _ in range(3))
    return total
