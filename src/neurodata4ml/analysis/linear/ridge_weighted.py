"""Ridge with classes weighted to count alike: the weights follow the labels, so that each labelling is its own fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.linear.evidence import Labelled, Solution
from neurodata4ml.analysis.linear.gram import Bin, Frame
from neurodata4ml.analysis.linear.ridge_choice import targets_of


@dataclass(frozen=True)
class Shared:
    """The frame of a fold and the coordinates of its training samples."""

    frame: Frame
    train: np.ndarray

    @property
    def test(self) -> np.ndarray:
        """Coordinates of the test samples."""
        return self.frame.test


@dataclass(frozen=True)
class WeightedRidge:
    """Ridge classifier whose classes count alike: sample weights ``n / (n_present n_class)``.

    As ``RidgeClassifier(class_weight="balanced")``, and with several ``alphas`` as ``RidgeClassifierCV`` of the same.

    Attributes
    ----------
    alphas : ndarray
    given : ndarray (n_sets, n_times, n_folds), optional
        The penalty of each, where it was chosen elsewhere.
    every : bool
        Return every penalty's outputs, instead of choosing.
    """

    n_classes: int
    alphas: np.ndarray
    given: np.ndarray | None = None
    every: bool = False

    @property
    def n_outputs(self) -> int:
        """One column per class, times the penalties where each is asked for."""
        return self.n_classes * (len(self.alphas) if self.every else 1)

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Shared:
        """Keep the training samples: no factor serves two labellings."""
        return Shared(frame, frame.train(bin_, rows).astype(np.float64, copy=False))

    def solve(self, shared: Shared, labelled: Labelled) -> Solution:
        """Fit each labelling."""
        t, k, sets = labelled.at
        fits = []
        for i, labels in enumerate(labelled.labels):
            alphas = self.alphas if self.given is None else self.given[sets][i, t, k, None]
            fits.append(self._fit(shared.train, labels, alphas))
        coef, offset, chosen = (np.stack(each) for each in zip(*fits, strict=True))
        return Solution(coef, offset, None if self.every or len(self.alphas) == 1 else chosen)

    def _fit(self, z: np.ndarray, labels: np.ndarray, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return weights, offsets and the penalty of one labelling."""
        weight = balancing_weights(labels, self.n_classes)[labels]
        root = np.sqrt(weight)[:, None]
        targets = targets_of(labels, self.n_classes, self.n_classes)
        middle, mean = weight @ z / weight.sum(), weight @ targets / weight.sum()
        z, targets = root * (z - middle), root * (targets - mean)
        gram, products = z.T @ z, z.T @ targets
        if len(alphas) == 1:
            coef = np.linalg.solve(gram + alphas[0] * np.eye(len(gram)), products).T[None]
        else:
            spectrum, axes = np.linalg.eigh(gram)
            filters = 1 / (np.maximum(spectrum, 0.0) + alphas[:, None])
            rotated = axes.T @ products
            coef = (axes @ (filters[:, :, None] * rotated)).transpose(0, 2, 1)
            if not self.every:
                leverage = filters @ ((z @ axes) ** 2).T + weight / weight.sum()
                error = [
                    np.mean(((targets - z @ one.T) / (1 - h)[:, None]) ** 2)
                    for one, h in zip(coef, leverage, strict=True)
                ]
                best = int(np.argmin(error))
                coef, alphas = coef[best : best + 1], alphas[best : best + 1]
        offset = mean - coef @ middle
        return coef.reshape(-1, coef.shape[2]), offset.ravel(), float(alphas[0])


def balancing_weights(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return a weight per class (n_classes,): all present count alike, and samples count 1 on average."""
    counts = np.bincount(labels, minlength=n_classes)
    return np.asarray(len(labels) / (max(np.sum(counts > 0), 1) * np.maximum(counts, 1)))


def class_weights(labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]], n_classes: int) -> np.ndarray:
    """Return ``balancing_weights`` of every labelling in every fold's training samples (n_sets, n_folds, n_classes)."""
    return np.stack([[balancing_weights(one[train], n_classes) for train, _ in folds] for one in labels])
