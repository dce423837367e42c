"""Random features: an RBF kernel, or very many features, in as many columns as one can afford."""

from __future__ import annotations

import numbers

import numpy as np
from scipy.sparse import csc_array

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

_N_RANDOM = 2000
"""Random features unless told otherwise: an error of a kernel entry of about 1 / sqrt(2000) = 0.02."""

_ROWS = 256


def mapped(
    features: list[np.ndarray], kernel: str | None, n_random: int | None, gamma: float | None, seed: int
) -> tuple[list[np.ndarray], str]:
    """Return features mapped at random, and what is approximated ("" where nothing is).

    Parameters
    ----------
    features : list of ndarray (n, n_features)
        Each is mapped by itself.
    kernel : {None, "linear", "rbf"}
        "rbf": random Fourier features (Rahimi & Recht 2007, NIPS, algorithm 1) of features that are z-scored over all
        rows (no response is seen in that). "linear" or None: where ``n_random`` is given and smaller than the number
        of features, a very sparse random projection (Li, Hastie & Church 2006, KDD, eq. 2).
    n_random : int, optional
        Columns; 2000 for "rbf" when left out.
    gamma : float, optional
        ``exp(-gamma |x - z|^2)``; left out, 1 over the number of features.
    seed : int

    Raises
    ------
    DesignError
        An unknown kernel, fewer than 1 column, or a gamma that is not above 0.
    """
    require_whole(n_random, "n_random", least=1, left_out="as many as suit")
    if kernel not in (None, "linear", "rbf"):
        message = f'ridge knows kernel="rbf" and "linear"; got {kernel!r}. Leave it out for a linear model.'
        raise DesignError(message)
    number = isinstance(gamma, numbers.Real) and not isinstance(gamma, bool)
    if gamma is not None and (kernel != "rbf" or not number or not 0 < gamma < np.inf):
        message = f'gamma is the width of kernel="rbf", above 0; got gamma={gamma!r} with kernel={kernel!r}.'
        raise DesignError(message)
    streams = np.random.SeedSequence(seed).spawn(len(features))
    rngs = [np.random.default_rng(stream) for stream in streams]
    if kernel == "rbf":
        size = n_random or _N_RANDOM
        found = [fourier(x, size, gamma, rng) for x, rng in zip(features, rngs, strict=True)]
        return found, f"{size} random Fourier features of an RBF kernel (error of an entry about {size**-0.5:.2g})"
    if n_random is None or all(x.shape[1] <= n_random for x in features):
        return features, ""
    found = [projected(x, n_random, rng) if x.shape[1] > n_random else x for x, rng in zip(features, rngs, strict=True)]
    bound = distortion(len(features[0]), n_random)
    return found, f"a sparse random projection to {n_random} features (distances kept within about {bound:.0%})"


def fourier(x: np.ndarray, n_random: int, gamma: float | None, rng: np.random.Generator) -> np.ndarray:
    """Return ``sqrt(2 / D) cos(w'x + b)`` (n, D), whose inner products are an RBF kernel's on average."""
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    heard = deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    width = (1 / max(1, int(heard.sum()))) if gamma is None else gamma
    weights = rng.standard_normal((int(heard.sum()), n_random)) * np.sqrt(2 * width) / deviation[heard, None]
    phase = rng.uniform(0, 2 * np.pi, n_random) - mean[heard] @ weights
    result = np.empty((len(x), n_random))
    for start in range(0, len(x), _ROWS):
        some = slice(start, start + _ROWS)
        np.cos(x[some][:, heard] @ weights + phase, out=result[some])
    result *= np.sqrt(2 / n_random)
    return result


def projected(x: np.ndarray, n_random: int, rng: np.random.Generator) -> np.ndarray:
    """Return a very sparse random projection (n, n_random): one entry of +-1 in every sqrt(n_features) on average."""
    n_features, density = x.shape[1], 1 / np.sqrt(x.shape[1])
    counts = rng.binomial(n_features, density, n_random)
    rows = np.concatenate([rng.choice(n_features, count, replace=False) for count in counts])
    signs = rng.choice([-1.0, 1.0], len(rows)) / np.sqrt(n_random * density)
    ends = np.concatenate([[0], np.cumsum(counts)])
    weights = csc_array((signs, rows, ends), shape=(n_features, n_random))
    return np.asarray(x @ weights)


def distortion(n_rows: int, n_random: int) -> float:
    """Return the relative error of squared distances that, for all pairs of rows, is seldom exceeded.

    ``sqrt(8 ln n / D)``: Johnson & Lindenstrauss 1984, with the constant of Dasgupta & Gupta 2003 (Random Struct.
    Algorithms 22:60) for small errors.
    """
    return float(np.sqrt(8 * np.log(max(n_rows, 2)) / n_random))
