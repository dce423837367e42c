"""Shape distances as similarities: how well a rotation brings one representation onto the other."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.similarity.centring import centred, in_range
from neurodata4ml.analysis.similarity.cka import doubly_centred
from neurodata4ml.analysis.similarity.on_rdms import squared_up

_NEARLY_ALIKE = 1.0 - 1e-4
"""Cosines above this do not tell their angle: half of its digits are lost."""


_EIGENVALUE = 1e-12
"""Eigenvalues below this fraction of the largest are rounding."""


def procrustes(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of the angular Procrustes distance: in [0, 1], 1 when a rotation and a scale map one onto the other.

    ``||X'Y||_* / (||X|| ||Y||)`` of the column-centred matrices, the nuclear norm over Frobenius norms
    (Williams et al. 2021, arXiv:2110.14739, whose distance is its arccos). The same number as the normalised Bures
    similarity of their Gram matrices (Harvey et al. 2024, arXiv:2311.11436).

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), the same stimuli in the same order
    """
    return aligned(frame(x), frame(y))


def frame(x: np.ndarray) -> np.ndarray:
    """Centre, and with more features than stimuli keep an n x n matrix of the same Gram: all that rotation leaves."""
    x = centred(in_range(x))
    return np.linalg.qr(x.T)[1].T if x.shape[1] > x.shape[0] else x


def aligned(x: np.ndarray, y: np.ndarray) -> float:
    """Return ``||x'y||_* / (|x| |y|)`` of two frames, at most 1; NaN where one does not vary."""
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return min(1.0, float(np.linalg.norm(x.T @ y, ord="nuc")) / norm) if norm > 0 else float("nan")


def angular(x: np.ndarray, y: np.ndarray) -> float:
    """Return 1 minus the angle between two frames, best rotated, over a right angle: in [0, 1].

    The angle is a distance, with a triangle inequality (Williams et al. 2021, arXiv:2110.14739).
    """
    return 1.0 - angle(x, y) / (np.pi / 2)


def square_root(pairs: np.ndarray) -> np.ndarray:
    """Return the frame (n_stimuli, n_stimuli) of an RDM: a root of its kernel ``-1/2 H D H``.

    Negative eigenvalues count as 0; only distances have them that are no squared Euclidean ones (crossnobis). With
    ``aligned`` it gives the normalised Bures similarity ``tr((K^(1/2) L K^(1/2))^(1/2)) / sqrt(tr K tr L)`` of two RDMs
    (Tang et al. 2020, arXiv:2003.11498), of Euclidean ones the ``procrustes`` of the responses.
    """
    values, vectors = _spectrum(pairs)
    # the root of what is 0 but for rounding would be seen
    return np.asarray(vectors * np.sqrt(np.where(values < _EIGENVALUE * values.max(initial=0.0), 0.0, values)))


def _spectrum(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and eigenvectors of the kernel of an RDM; of NaN where a distance is missing."""
    kernel = doubly_centred(-0.5 * squared_up(in_range(pairs) if np.max(pairs, initial=0.0) > 1e100 else pairs))
    if not np.isfinite(kernel).all():
        return np.full(len(kernel), np.nan), np.full(kernel.shape, np.nan)
    values, vectors = np.linalg.eigh(kernel)
    return np.asarray(values), np.asarray(vectors)


def angle(x: np.ndarray, y: np.ndarray) -> float:
    """Return the angle between two frames, best rotated, to all digits even where they are nearly alike."""
    cosine = aligned(x, y)
    if not cosine > _NEARLY_ALIKE:
        return float(np.arccos(cosine))
    left, _, right = np.linalg.svd(x.T @ y, full_matrices=False)
    # both turned into their common axes; what of a wider side lies outside of them is apart from the other
    a, b = x @ left / np.linalg.norm(x), y @ right.T / np.linalg.norm(y)
    outside = [side - side @ axes @ axes.T for side, axes in ((x, left), (y, right.T))]
    rest = sum(float(np.vdot(part, part) / np.vdot(side, side)) for part, side in zip(outside, (x, y), strict=True))
    apart, together = np.vdot(a - b, a - b) + rest, np.vdot(a + b, a + b) + rest
    return float(2.0 * np.arctan2(np.sqrt(apart), np.sqrt(together)))
