"""The algebra of demixing: means by condition split into marginals, and the axes that read each of them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

STEPS = np.logspace(-8, 1, 28)
"""Ridges that are tried, as shares of the total sum of squares: three a decade, from none that is felt to all."""


@dataclass(frozen=True)
class Axes:
    """Axes of one marginal: ``encoder`` (component, unit) has rows of length 1, ``decoder`` (component, unit)."""

    encoder: np.ndarray
    decoder: np.ndarray


def marginals(means: np.ndarray, names: tuple[str, ...], *, join: str | None = None) -> dict[str, np.ndarray]:
    """Split means by condition into what each task factor, and each interaction, adds: they sum to the centred means.

    The analysis of variance (Kobak et al. 2016, eq. 1 and Methods): the marginal of a set of factors is the mean over
    all others, less the marginals of all its subsets. Different marginals are uncorrelated.

    Parameters
    ----------
    means : ndarray, shape (n_units, levels of the first factor, ...)
    names : tuple of str
        Of the factors; the name of an interaction is "a:b".
    join : str, optional
        A factor whose interactions are counted to the other factors, as the paper does with time: "stimulus" is then
        stimulus and stimulus with time, and "time" is time alone.

    Returns
    -------
    dict of ndarray, shape (n_units, n_columns)
    """
    axes = range(len(names))
    apart: dict[tuple[int, ...], np.ndarray] = {}
    for size in range(len(names) + 1):
        for kept in combinations(axes, size):
            mean = means.mean(axis=tuple(axis + 1 for axis in axes if axis not in kept), keepdims=True)
            apart[kept] = mean - sum(value for subset, value in apart.items() if set(subset) < set(kept))
    parts: dict[str, np.ndarray] = {}
    for kept, value in apart.items():
        if kept:
            label = _label([names[axis] for axis in kept], join)
            whole = np.broadcast_to(value, means.shape).reshape(len(means), -1)
            parts[label] = parts[label] + whole if label in parts else whole
    return parts


def freedom(levels: Mapping[str, int], *, join: str | None = None) -> dict[str, int]:
    """Return how many dimensions each marginal can have: (levels - 1) multiplied over its factors."""
    names, most = tuple(levels), dict[str, int]()
    for size in range(1, len(names) + 1):
        for kept in combinations(names, size):
            label = _label(list(kept), join)
            most[label] = most.get(label, 0) + int(np.prod([levels[name] - 1 for name in kept]))
    return most


def demix(
    means: np.ndarray, parts: Mapping[str, np.ndarray], noise: np.ndarray | float, ridge: float, n: Mapping[str, int]
) -> dict[str, Axes]:
    """Return for each marginal the axes that rebuild it best from all of the activity.

    Reduced-rank regression (Kobak et al. 2016, eq. 2 and 3), for each marginal P and centred means X (unit, column)::

        min over encoder E, decoder D of |P - E' D X|^2 + tr(E' D noise D' E) + ridge |X|^2 |E' D|^2

    whose optimum is C = P X' (X X' + noise + ridge |X|^2 I)^-1, E the first principal axes of C (...) C', D = E C.
    """
    spectrum = _spectrum(means, noise)
    return {
        label: axes[0]
        for label, part in parts.items()
        if n[label] and (axes := list(_along_the_path(means, part, spectrum, np.array([ridge]), n[label])))
    }


def left_out_error(
    train: np.ndarray,
    test: np.ndarray,
    parts: Mapping[str, np.ndarray],
    noise: np.ndarray | float,
    n: Mapping[str, int],
) -> np.ndarray:
    """Return for each of ``STEPS`` the share of the training means that trials left out do not rebuild.

    |P_train - E' D X_test|^2 summed over marginals, over |X_train|^2 (Kobak et al. 2016, Methods, "Regularization").
    """
    spectrum, error = _spectrum(train, noise), np.zeros(len(STEPS))
    for label, part in parts.items():
        if not n[label]:
            error += np.sum(part**2)
            continue
        for step, axes in enumerate(_along_the_path(train, part, spectrum, STEPS, n[label])):
            error[step] += np.sum((part - axes.encoder.T @ (axes.decoder @ test)) ** 2)
    return np.asarray(error / np.sum(train**2))


def _label(names: list[str], join: str | None) -> str:
    return ":".join(name for name in names if name != join) or ":".join(names)


def _spectrum(means: np.ndarray, noise: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, float]:
    values, vectors = np.linalg.eigh(means @ means.T + noise)
    return np.maximum(values, 0), vectors, float(np.sum(means**2))


def _along_the_path(
    means: np.ndarray, part: np.ndarray, spectrum: tuple[np.ndarray, np.ndarray, float], ridges: np.ndarray, n: int
) -> list[Axes]:
    """Return the axes of one marginal for each ridge; what no ridge changes is computed once."""
    from scipy.linalg import eigh

    values, vectors, total = spectrum
    basis, size, right = np.linalg.svd(part, full_matrices=False)
    rank = int(np.sum(size > size[0] * len(part) * np.finfo(np.float64).eps)) if size[0] > 0 else 1
    basis, cross = basis[:, :rank], size[:rank, None] * (right[:rank] @ means.T) @ vectors
    found = []
    for ridge in ridges:
        penalised = values + ridge * total
        kept = penalised > penalised[-1] * len(values) * np.finfo(np.float64).eps
        inverse = np.where(kept, 1 / np.where(kept, penalised, 1), 0)
        inner = eigh((cross * inverse) @ cross.T, subset_by_index=[max(0, rank - n), rank - 1])[1][:, ::-1]
        encoder = (basis @ inner).T
        found.append(Axes(encoder, inner.T @ (cross * inverse) @ vectors.T))
    return found
