"""Linear predictivity: how much of one side a ridge regression on the other foretells, stimulus by stimulus."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.similarity.centring import centred, in_range

PENALTIES = np.logspace(-4.0, 4.0, 17)
"""Penalties to choose from, over the mean eigenvalue of the features' Gram matrix."""


def scores(x: np.ndarray) -> np.ndarray:
    """Return the principal scores (n_stimuli, rank): orthogonal columns, of which the Gram matrix is that of x."""
    x = centred(in_range(x))
    if x.shape[1] > len(x):
        x = np.linalg.qr(x.T)[1].T
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    kept = values > 1e-10 * values[0] if values.size else np.zeros(0, dtype=bool)
    return np.asarray(left[:, kept] * values[kept]) if values.size and values[0] > 0 else np.empty((len(x), 0))


def predictivity(x: np.ndarray, y: np.ndarray) -> float:
    """Fraction of the variance of y foretold from x, for stimuli that were not learnt from: at most 1, may be negative.

    From ``scores`` of each side. Every stimulus is predicted by a ridge regression on all others, whose penalty is that
    which predicts these best, each from the rest of them (leave-one-out within leave-one-out; which stimulus comes
    first means nothing, as it would with folds). ``1 - sum |y_i - f_i|^2 / sum |y_i - m_i|^2`` over stimuli and units
    together, m_i being the mean response to the others. Units count by their variance.

    For a linear smoother with hat matrix H, residuals r = (I - H) y, and a set S left out, the residuals of S are
    ``(I - H_SS)^-1 r_S`` (Cook & Weisberg 1982, Residuals and Influence in Regression, ch. 2), here for one
    stimulus and for two: nothing is fitted twice.
    """
    n = len(x)
    squares = np.einsum("ij,ij->j", x, x)
    total = float(np.vdot(y, y)) * (n / (n - 1)) ** 2
    if not squares.size or not total > 0:
        return float("nan")
    left = x / np.sqrt(squares)
    missed = np.empty((len(PENALTIES), n))
    foretold = np.empty((len(PENALTIES), n))
    inside = left.T @ y
    for k, penalty in enumerate(PENALTIES * squares.sum() / (n - 1)):
        shrunk = squares / (squares + penalty)
        hat = (left * shrunk) @ left.T + 1.0 / n
        residuals = y - (left * shrunk) @ inside
        products = residuals @ residuals.T
        missed[k] = products.diagonal() / (1.0 - hat.diagonal()) ** 2
        foretold[k] = _errors_within(hat, products)
    chosen = foretold.argmin(axis=0)
    return 1.0 - float(missed[chosen, np.arange(n)].sum()) / total


def predictivity_reverse(x: np.ndarray, y: np.ndarray) -> float:
    """Return ``predictivity`` of x from y."""
    return predictivity(y, x)


def no_more_than_the_mean(n_stimuli: int, n_x: int, n_y: int) -> float:
    """Return 0: of independent data nothing is foretold; the penalty keeps what is lost below 0.01."""
    return 0.0


def fitted(x: np.ndarray, y: np.ndarray) -> float:
    """Return the fraction of the variance of y that a regression on x fits: in [0, 1], and 1 with enough features.

    From ``scores`` of each side; not cross-validated (Kornblith et al. 2019, table 1, "linear regression").
    """
    squares = np.einsum("ij,ij->j", x, x)
    total = float(np.vdot(y, y))
    inside = (x / np.sqrt(squares)).T @ y
    return float(np.vdot(inside, inside)) / total if total > 0 and squares.size else float("nan")


def _errors_within(hat: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Return the squared error of the others, each predicted without both, for every stimulus left out (n_stimuli,)."""
    free, own = 1.0 - hat.diagonal(), products.diagonal()
    # of the pair (i, j), the residual of j: ((1 - h_ii) r_j + h_ij r_i) / ((1 - h_ii)(1 - h_jj) - h_ij^2)
    apart = free[:, None] * free - hat**2
    np.fill_diagonal(apart, np.inf)
    error = free[:, None] ** 2 * own + 2.0 * free[:, None] * hat * products + hat**2 * own[:, None]
    return np.asarray((error / apart**2).sum(axis=1))
