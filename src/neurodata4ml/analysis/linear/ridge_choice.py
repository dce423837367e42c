"""Choose a ridge penalty for every labelling by inner folds, and fit with what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurodata4ml.analysis.linear.evidence import Job, Labelled, Solution, gather_evidence
from neurodata4ml.analysis.linear.gram import Bin, Frame, diagonal
from neurodata4ml.analysis.linear.ridge_many import means_of_targets, products_with_targets


@dataclass(frozen=True)
class EveryPenalty:
    """Ridge with every penalty at once: outputs are (penalty, output), flattened."""

    n_classes: int
    n_single: int
    alphas: np.ndarray

    @property
    def n_outputs(self) -> int:
        """As many outputs as penalties and outputs together."""
        return self.n_single * len(self.alphas)

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Frame:
        """Turn to the eigenvectors."""
        return diagonal(frame)

    def solve(self, shared: Frame, labelled: Labelled) -> Solution:
        """Return weights and offsets of every penalty."""
        labelled = replace(labelled, frame=shared)
        sums, offset = products_with_targets(labelled), means_of_targets(labelled)
        coef = sums[:, None] / (shared.gram + self.alphas[:, None, None])
        offset = np.broadcast_to(offset[:, None], coef.shape[:3])
        return Solution(
            coef.reshape(len(sums), self.n_outputs, sums.shape[2]), offset.reshape(len(sums), self.n_outputs)
        )


@dataclass(frozen=True)
class GivenPenalty:
    """Ridge with a penalty of its own for every labelling, bin and fold (n_sets, n_times, n_folds[, n_outputs])."""

    n_classes: int
    n_outputs: int
    alpha: np.ndarray

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Frame:
        """Turn to the eigenvectors."""
        return diagonal(frame)

    def solve(self, shared: Frame, labelled: Labelled) -> Solution:
        """Return weights and offsets."""
        labelled = replace(labelled, frame=shared)
        t, k, sets = labelled.at
        alpha = self.alpha[sets, t, k]
        each = alpha.reshape(len(alpha), -1, 1)
        coef = products_with_targets(labelled) / (shared.gram + each)
        return Solution(coef, means_of_targets(labelled), alpha)


def choose_inside(
    job: Job,
    n_inner: Sequence[int],
    targets: np.ndarray,
    alphas: np.ndarray,
    *,
    weights: np.ndarray | None,
    per_target: bool,
) -> np.ndarray:
    """Return the penalty of least squared error in inner folds (n_sets, n_times, n_folds[, n_outputs]).

    ``job`` tests the inner folds of all folds in a row, ``n_inner`` of each, with every penalty; ``weights``
    (n_sets, n_folds, n_classes) say what an error of each class counts.
    """
    n_single, n_classes = job.learner.n_outputs // len(alphas), job.learner.n_classes
    errors = np.zeros((len(targets), len(job.x), len(n_inner), len(alphas), n_single))
    owner = np.repeat(np.arange(len(n_inner)), n_inner)
    for found in gather_evidence(job):
        fold = owner[found.fold]
        values = found.values.reshape(*found.values.shape[:3], len(alphas), n_single)
        for i, mine in enumerate(values, found.sets.start):
            labels = targets[i, found.test]
            squared = (mine - targets_of(labels, n_classes, n_single)[:, None]) ** 2
            if weights is not None:
                squared *= weights[i, fold][labels][:, None, None]
            errors[i, found.times, fold] += squared.sum(axis=1)
    if per_target:
        return np.asarray(alphas[errors.argmin(axis=3)])
    return np.asarray(alphas[errors.sum(axis=-1).argmin(axis=3)])


def targets_of(labels: np.ndarray, n_classes: int, n_outputs: int) -> np.ndarray:
    """Return targets (n, n_outputs) as ridge fits them: 1 for the own class and -1 for others, or those given."""
    if n_classes == 0:
        return labels.astype(np.float64)
    targets = np.full((len(labels), n_outputs), -1.0)
    targets[np.arange(len(labels)), labels] = 1.0
    return targets
