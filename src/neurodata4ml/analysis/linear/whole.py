"""Weights and patterns of a decoder fitted on all samples, from sums that the folds have made already."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurodata4ml.analysis.linear.evidence import Labelled, Learner
from neurodata4ml.analysis.linear.gram import Bin, Frame, bin_values, make_bin, make_frame, part_gram, shares_grams
from neurodata4ml.analysis.linear.labellings import label_sums, label_totals
from neurodata4ml.analysis.linear.partition import Partition, partition


def whole_bin(x: np.ndarray) -> tuple[Bin, Partition]:
    """Return the bin of samples x (n_samples, n_units) that no folds divide."""
    part = partition([(np.arange(len(x)), np.arange(0))], len(x))
    values, centre = bin_values(x, part, np.float64)
    grams = [part_gram(values)] if shares_grams(part, x.shape[1]) else []
    return make_bin(values, centre, part, grams), part


def read_whole(bin_: Bin, part: Partition, labels: np.ndarray, learner: Learner) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and the patterns of a decoder that learns from every sample, z-scored.

    Parameters
    ----------
    bin_ : Bin
        Of all samples, in the order of ``part``.
    part : Partition
        Of any folds.
    labels : ndarray of int (n_samples,), or of float (n_samples, n_outputs)
    learner : Learner

    Returns
    -------
    (weights, patterns) : ndarrays (n_outputs, n_units)
        Weights in units of the responses; what all classes share is taken off. Patterns: see ``patterns_of``.
    """
    n, ordered = len(part.order), labels[None, part.order]
    learnt = np.ones((1, len(part.parts)), dtype=bool)
    frame = make_frame(
        bin_, replace(part, learnt=learnt, train=[np.arange(n)], test=[np.arange(0)]), 0, standardise=True
    )
    raw = label_sums(ordered, bin_.values, learner.n_classes) if frame.own is None else None
    totals = label_totals(ordered, learner.n_classes)
    said = Labelled((0, 0, slice(0, 1)), frame, raw, totals, ordered, learner.n_classes)
    coef = learner.solve(learner.prepare(frame, bin_, np.arange(n)), said).coef[0]
    if learner.n_classes:
        coef = coef - coef.mean(axis=0)
    weights = np.zeros((len(coef), bin_.values.shape[1]))
    weights[:, frame.heard] = frame.to_units(coef)
    return weights, _patterns(coef, frame, bin_.values.shape[1])


def patterns_of(with_units: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return ``Cov(x) W Cov(s)^-1`` (n_outputs, n_units): how responses change with outputs ``s = W' x``.

    Parameters
    ----------
    with_units : ndarray (n_outputs, n_units)
        Covariances of outputs with units.
    among : ndarray (n_outputs, n_outputs)
        Covariances of outputs, which may depend on each other: the inverse is the pseudo-inverse.
    """
    return np.asarray(np.linalg.pinv(among, rcond=1e-10, hermitian=True) @ with_units)


def _patterns(coef: np.ndarray, frame: Frame, n_units: int) -> np.ndarray:
    """Return the patterns (n_outputs, n_units) of weights on the frame's coordinates, whose covariance is its Gram."""
    with_axes = (coef * frame.gram if frame.gram.ndim == 1 else coef @ frame.gram) / frame.n
    with_units = np.zeros((len(coef), n_units))
    with_units[:, frame.heard] = (with_axes if frame.axes is None else with_axes @ frame.axes.T) * frame.scale
    return patterns_of(with_units, with_axes @ coef.T)
