"""Which trials may meet in a cross-validated distance: folds, what each counts for, and what that costs in variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dissimilarity.groups import Groups
from neurodata4ml.analysis.dissimilarity.means import distances_of_gram
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.errors import DesignError

Sides = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
"""From means to what is multiplied across folds: left with right, or one with itself where right is None."""

_MOST_CELLS = 20_000
"""Stimuli x blocks whose inner products are held at once (3.2 GB) where stimuli are missing from blocks."""


@dataclass(frozen=True)
class Crossing:
    """The design of a cross-validated distance: ``d_ij = sum w (b_i - b_j)_k . (b_i - b_j)_l / sum w``, folds k != l.

    Folds are blocks, or single trials. With blocks, b_ik is the mean of the n_ik trials of stimulus i in block k, and
    the pair of blocks k, l has the weight ``u_k u_l``, where u_k is the harmonic mean of n_ik over stimuli: the inverse
    of the variance of a difference in block k, which is best where distances are small. Differences are taken inside
    a block, so that what a whole block has more of (drift) cancels, whatever the counts; only blocks that hold both
    stimuli are used. With single trials every pair of different trials has the same weight. Both are unbiased for
    any counts; for equal counts all of this is the same as rsatoolbox's leave-one-block-out.

    Attributes
    ----------
    stimuli : ndarray (n_stimuli,)
        Sorted labels.
    stimulus, fold : ndarray of int (n_trials,)
        Codes of each trial.
    n_folds : int
    """

    stimuli: np.ndarray
    stimulus: np.ndarray
    fold: np.ndarray
    n_folds: int

    @classmethod
    def of(cls, labels: np.ndarray, folds: np.ndarray, *, name: str = "fold") -> Crossing:
        """Take the stimulus and the fold of each trial; refuse stimuli, and pairs of them, in fewer than two folds."""
        stimuli, stimulus = np.unique(labels, return_inverse=True)
        names, fold = np.unique(folds, return_inverse=True)
        crossing = cls(stimuli, stimulus, fold, len(names))
        _refuse_few(crossing, name)
        return crossing

    @property
    def of_trials(self) -> bool:
        """Whether each trial is its own fold."""
        return self.n_folds == len(self.fold)

    @property
    def is_complete(self) -> bool:
        """Whether every block holds every stimulus."""
        return not self.of_trials and bool(self.counts.all())

    @property
    def cell(self) -> np.ndarray:
        """Where each trial lies among stimuli x folds."""
        return np.asarray(self.stimulus * self.n_folds + self.fold)

    @cached_property
    def counts(self) -> np.ndarray:
        """Trials (n_stimuli, n_folds)."""
        shape = len(self.stimuli), self.n_folds
        return np.bincount(self.cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    @cached_property
    def cells(self) -> np.ndarray:
        """Where the cells that hold trials lie, in order."""
        return np.unique(self.cell)

    @cached_property
    def trials_of_cells(self) -> Groups:
        """The trials of each of ``cells``."""
        return Groups(np.searchsorted(self.cells, self.cell))

    @cached_property
    def trials_of_folds(self) -> list[tuple[slice | np.ndarray, Groups]]:
        """For each fold its trials, those of a stimulus together, and which these are."""
        order = np.lexsort((self.stimulus, self.fold))
        found: list[tuple[slice | np.ndarray, Groups]] = []
        for rows in np.split(order, np.cumsum(np.bincount(self.fold))[:-1]):
            is_run = bool((np.diff(rows) == 1).all())
            where = slice(int(rows[0]), int(rows[-1]) + 1) if is_run else rows
            found.append((where, Groups(self.stimulus[rows])))
        return found

    @cached_property
    def trials_of_stimuli(self) -> Groups:
        """The trials of each stimulus."""
        return Groups(self.stimulus)

    @cached_property
    def repeats(self) -> np.ndarray:
        """Trials of each stimulus."""
        return np.bincount(self.stimulus, minlength=len(self.stimuli)).astype(np.float64)

    @cached_property
    def weights(self) -> np.ndarray:
        """The weight u_k of each block: the harmonic mean of its counts, over stimuli that it holds."""
        there = self.counts > 0
        inverse = np.divide(1.0, self.counts, out=np.zeros_like(self.counts), where=there)
        weights = there.sum(axis=0) / inverse.sum(axis=0)
        return np.asarray(weights / weights.max())

    @cached_property
    def pairs(self) -> np.ndarray:
        """The sum of weights that each inner product, or where stimuli are missing each distance, is divided by."""
        if self.of_trials:
            return np.asarray(np.outer(self.repeats, self.repeats) - np.diag(self.repeats))
        there = (self.counts > 0).astype(np.float64)
        both = (there * self.weights) @ there.T
        return np.asarray(both**2 - (there * self.weights**2) @ there.T)

    @property
    def variance_cost(self) -> float:
        """How much larger the variance is than without cross-validation, for the pair of stimuli that pays most.

        Where two stimuli do not differ: K / (K - 1) for K equal blocks, from the last term of the variance in
        Diedrichsen, Provost & Zareamoghaddam 2016 (arXiv:1607.01371), 2 / (K (K - 1)) in place of 2 / K^2; with
        weights, (sum u)^2 / ((sum u)^2 - sum u^2). With n single trials (2 n - 1) / (2 n - 2), since trials of
        different stimuli are always different. Where two stimuli differ the term of their difference, which
        cross-validation leaves alone, brings the ratio nearer to 1.
        """
        off = ~np.eye(len(self.stimuli), dtype=bool)
        if self.of_trials:
            n = self.repeats
            own = 2.0 / (n * (n - 1.0))
            crossed = own[:, None] + own + 4.0 / np.outer(n, n)
            return float((crossed / (2.0 * (1.0 / n[:, None] + 1.0 / n) ** 2))[off].max())
        there = (self.counts > 0).astype(np.float64)
        return float((((there * self.weights) @ there.T) ** 2 / self.pairs)[off].max())

    def distances_of_gram(self, gram: np.ndarray) -> np.ndarray:
        """Return distances from inner products of all trials (n_trials, n_trials)."""
        if self.of_trials:
            sums = self.trials_of_stimuli.sums
            kernel, own = sums(sums(gram).T), np.bincount(self.stimulus, np.diag(gram))
            return np.asarray(distances_of_gram((kernel - np.diag(own)) / self.pairs))
        means = self.trials_of_cells.means
        return self.distances_of_cells(means(means(gram).T))

    def distances_of_cells(self, gram: np.ndarray) -> np.ndarray:
        """Return distances from inner products of the means of all ``cells``.

        For each pair of stimuli the blocks that hold both: ``sum_kl u_k u_l (G_ik,il + G_jk,jl - G_ik,jl - G_jk,il)``.
        """
        n_stimuli, there = len(self.stimuli), (self.counts > 0).astype(np.float64)
        stimulus, fold = np.divmod(self.cells, self.n_folds)
        own, crossed = np.empty((n_stimuli, n_stimuli)), np.empty((n_stimuli, n_stimuli))
        for i in range(n_stimuli):
            mine = np.flatnonzero(stimulus == i)
            weighed = gram[mine] * self.weights[fold[mine], None] * self.weights[fold]
            weighed[fold[mine, None] == fold] = 0.0
            with_own = weighed[:, mine]
            common = there[:, fold[mine]]
            own[i] = np.einsum("jk,kl,jl->j", common, with_own, common, optimize=True)
            both = (weighed * there[i, fold] * there[stimulus][:, fold[mine]].T).sum(axis=0)
            crossed[i] = np.bincount(stimulus, both, n_stimuli)
        found = np.asarray((own + own.T - crossed - crossed.T) / self.pairs)
        np.fill_diagonal(found, 0.0)
        return found


def folds_of(x: xr.DataArray, folds: str | None, *, step: str) -> tuple[np.ndarray, str]:
    """Return the fold of each trial, and what folds are: blocks where there are two or more, else single trials.

    ``folds`` names another coordinate of the trials (``"session"``), or ``"trial"``, which takes noise for independent
    between trials.
    """
    trial_labels(x, "stimulus", step=step)
    if folds is None:
        there = "block" in x.coords and x.coords["block"].dims == ("trial",)
        blocks = trial_labels(x, "block", step=step) if there else np.zeros(0)
        return (blocks, "block") if len(np.unique(blocks)) > 1 else (np.arange(x.sizes["trial"]), "trial")
    return (np.arange(x.sizes["trial"]), "trial") if folds == "trial" else (trial_labels(x, folds, step=step), folds)


def _refuse_few(crossing: Crossing, name: str) -> None:
    if crossing.of_trials:
        few = crossing.repeats < 2
    else:
        few = (crossing.counts > 0).sum(axis=1) < 2
        if np.count_nonzero(crossing.counts) > _MOST_CELLS and not crossing.is_complete:
            message = (
                f"{np.count_nonzero(crossing.counts)} pairs of a stimulus and a {name} are too many where stimuli are "
                f'missing from some; the most is {_MOST_CELLS}. Join them into fewer, or type folds="trial".'
            )
            raise DesignError(message)
    instead = "" if crossing.of_trials else ', or take each trial for a fold, its noise for independent: folds="trial"'
    if few.any() or not len(few):
        message = (
            f"A cross-validated distance needs every stimulus in at least 2 folds (here: {name}); {few.sum()} stimuli "
            f"lie in fewer: {_names(crossing.stimuli[few]) or 'there are no trials'}. "
            f"Drop them: x.isel(trial=~x.stimulus.isin([...]).values){instead}."
        )
        raise DesignError(message)
    if not crossing.of_trials and not crossing.is_complete:
        there = (crossing.counts > 0).astype(int)
        apart = np.argwhere(np.triu(there @ there.T < 2, 1))
        if len(apart):
            pairs = [" and ".join(map(str, crossing.stimuli[pair])) for pair in apart]
            message = (
                f"Two stimuli are compared inside the folds ({name}) that hold both, and need at least 2 of these; "
                f"{len(apart)} pairs have fewer: {_names(np.array(pairs))}. Drop stimuli{instead}."
            )
            raise DesignError(message)


def _names(labels: np.ndarray) -> str:
    return ", ".join(str(label) for label in labels[:5]) + (" ..." if len(labels) > 5 else "")
