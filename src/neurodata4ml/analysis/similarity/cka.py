"""Centred kernel alignment: the likeness of two Gram matrices, linear or of Gaussians, biased or not."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.similarity.centring import centred, centred_gram, cosine, in_range

RBF_FRACTION = 0.8
"""Bandwidth of the Gaussian kernel over the median distance: the widest of Kornblith et al. (2019), since a narrow one
sees only which stimuli are neighbours, and of 118 stimuli few are."""


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment, biased: in [0, 1], grows with likeness and with the number of features.

    ``||Y'X||^2 / (||X'X|| ||Y'Y||)``, Frobenius norms of the column-centred matrices
    (Kornblith et al. 2019, eq. 5). Independent data do not give 0; see ``null_of_cka``. With more stimuli than
    features no matrix (n_stimuli, n_stimuli) is made.

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), the same stimuli in the same order
    """
    if _are_narrow(x, y):
        x, y = centred(in_range(x)), centred(in_range(y))
        return _ratio(_squares(x, y), _squares(x, x), _squares(y, y))
    return cosine(centred_gram(x), centred_gram(y))


def cka_unbiased(x: np.ndarray, y: np.ndarray) -> float:
    """Linear CKA from the unbiased HSIC_1: in [-1, 1], about 0 for independent data of any size.

    ``HSIC_1(K, L) / sqrt(HSIC_1(K, K) HSIC_1(L, L))`` (Song et al. 2012, JMLR 13:1393, eq. 5;
    Murphy et al. 2024, arXiv:2405.01012). The ratio is approximately unbiased. Needs four stimuli. With more stimuli
    than features no matrix (n_stimuli, n_stimuli) is made; see ``hsic_of_features``.

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), the same stimuli in the same order
    """
    if _are_narrow(x, y):
        x, y = centred(in_range(x)), centred(in_range(y))
        return _ratio(hsic_of_features(x, y), hsic_of_features(x, x), hsic_of_features(y, y))
    return cosine(u_centred_gram(x), u_centred_gram(y))


def hsic(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741 - K and L are the letters of the literature
    """Return the unbiased HSIC_1 of two Gram matrices (Song et al. 2012, eq. 5), shape (n_stimuli, n_stimuli)."""
    n = len(k)
    return float(np.sum(u_centred(k) * u_centred(l)) / (n * (n - 3)))


def hsic_of_features(x: np.ndarray, y: np.ndarray) -> float:
    """Return HSIC_1 of the linear kernels of two column-centred matrices, without their Gram matrices.

    Rows of a centred Gram matrix sum to 0, so that without its diagonal k (squared norms) they sum to -k, and the
    three terms of Song et al. (2012, eq. 5) become ``||X'Y||^2 - k'l + sum(k) sum(l) / ((n - 1)(n - 2)) -
    2 / (n - 2) k'l``, over n(n - 3).

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), each column of mean 0
    """
    n = len(x)
    k, l = (np.einsum("ij,ij->i", side, side) for side in (x, y))  # noqa: E741
    total = _squares(x, y) - n / (n - 2) * float(k @ l) + float(k.sum() * l.sum()) / ((n - 1) * (n - 2))
    return total / (n * (n - 3))


def u_centred(gram: np.ndarray) -> np.ndarray:
    """Return the U-centred Gram matrices, shape (..., n, n): zero diagonal, and every row sums to zero.

    The inner product of two of them over n(n - 3) is HSIC_1 (Szekely & Rizzo 2014, Ann. Stat. 42:2382, eq. 2.2),
    so that centring is done once per matrix. The diagonal of ``gram``, where noise meets itself, is never read.
    """
    n = gram.shape[-1]
    hollow = gram * (1.0 - np.eye(n))
    rows = hollow.sum(axis=-1, keepdims=True) / (n - 2)
    columns = hollow.sum(axis=-2, keepdims=True) / (n - 2)
    total = hollow.sum(axis=(-2, -1), keepdims=True) / ((n - 1) * (n - 2))
    return np.asarray((hollow - rows - columns + total) * (1.0 - np.eye(n)))


def u_centred_gram(x: np.ndarray) -> np.ndarray:
    """Return the U-centred Gram matrix (n_stimuli, n_stimuli) of responses (n_stimuli, n_features)."""
    return u_centred(centred_gram(x))


def rbf_gram(x: np.ndarray, *, fraction: float = RBF_FRACTION) -> np.ndarray:
    """Return ``exp(-d^2 / (2 s^2))`` for the Euclidean distances d, s being ``fraction`` of their median.

    Shape (n_stimuli, n_stimuli). 0 where the median distance is: most stimuli are then one.
    """
    gram = centred_gram(x)
    own = gram.diagonal()
    squared = np.maximum(own[:, None] + own - 2.0 * gram, 0.0)
    median = float(np.median(np.sqrt(squared[np.triu_indices(len(gram), 1)])))
    if not median > 0:
        return np.zeros_like(gram)
    return np.asarray(np.exp(-squared / (2.0 * (fraction * median) ** 2)))


def centred_rbf_gram(x: np.ndarray) -> np.ndarray:
    """Return the Gaussian Gram matrix (n_stimuli, n_stimuli), rows and columns of mean 0."""
    return doubly_centred(rbf_gram(x))


def u_centred_rbf_gram(x: np.ndarray) -> np.ndarray:
    """Return the U-centred Gaussian Gram matrix (n_stimuli, n_stimuli)."""
    return u_centred(rbf_gram(x))


def doubly_centred(gram: np.ndarray) -> np.ndarray:
    """Return a matrix (..., n, n) minus the means of its rows and columns: its rows and columns sum to 0."""
    rows, columns = gram.mean(axis=-1, keepdims=True), gram.mean(axis=-2, keepdims=True)
    return np.asarray(gram - rows - columns + rows.mean(axis=-2, keepdims=True))


def null_of_cka(n_stimuli: int, n_x: int, n_y: int) -> float:
    """Return the expected biased CKA of independent data, sqrt(pq / ((p + n)(q + n))).

    For white features (p = ``n_x``, q = ``n_y``); correlated features act like fewer, and lower it.
    """
    return float(np.sqrt(n_x * n_y / ((n_x + n_stimuli) * (n_y + n_stimuli))))


def _are_narrow(x: np.ndarray, y: np.ndarray) -> bool:
    return bool(len(x) > x.shape[1] + y.shape[1])


def _squares(x: np.ndarray, y: np.ndarray) -> float:
    product = x.T @ y
    return float(np.vdot(product, product))


def _ratio(both: float, own_x: float, own_y: float) -> float:
    norm = float(np.sqrt(max(own_x, 0.0)) * np.sqrt(max(own_y, 0.0)))
    return both / norm if norm > 0 else float("nan")
