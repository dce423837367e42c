"""Random features: an RBF kernel, or features too many for an exact fit, in as many columns as one can afford."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodata4ml.analysis.linear.ridge_turned import blocks
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.sparse_projection import Projection

LARGEST_EXACT = 10_000
"""Rows or features, the fewer of the two, up to which a fit is exact unless asked otherwise.

An exact form decomposes a matrix with so many rows and columns in every training set (15 of them with 5 folds): above
this it is more than 0.8 GB, of which a thread holds about three, and takes a core some ten minutes.
"""

N_PROJECTED = 4000
"""Columns that features too many for an exact fit become: inner products are off by about 1 / sqrt(4000) = 1.6 %."""

_N_FOURIER = 2000
"""Random Fourier features unless told otherwise: an error of a kernel entry of about 1 / sqrt(2000) = 0.02."""

_ROWS = 256
_COLUMNS = 1000


@dataclass(frozen=True)
class Mapped:
    """Features as the fit sees them.

    Attributes
    ----------
    bands : list of ndarray (n, n_columns)
    words : str
        What is approximated; "" where nothing is.
    projected : bool
        They are a random projection of the features, z-scored before if at all.
    """

    bands: list[np.ndarray]
    words: str = ""
    projected: bool = False


def mapped(features: list[np.ndarray], own: Mapping[str, Any], seed: int) -> Mapped:
    """Return features mapped at random where that was asked for, or where the exact forms do not fit.

    Parameters
    ----------
    features : list of ndarray (n, n_features)
        Each is mapped by itself.
    own : mapping
        ``kernel`` ("rbf": random Fourier features, Rahimi & Recht 2007, NIPS, algorithm 1, of features that are
        z-scored over all rows; None or "linear"); ``form`` ("random": a sparse random projection, see ``Projection``;
        None: where there are more than ``LARGEST_EXACT`` rows and as many features, with a warning); ``n_random``,
        columns, which asks for a projection too; ``gamma`` of ``exp(-gamma |x - z|^2)``, 1 over the number of features
        when left out; ``standardise``, z-scores before a projection. No response is seen in any of this.
    seed : int

    Raises
    ------
    DesignError
        An unknown kernel, fewer than 1 column, a gamma that is not above 0, or random features beside
        ``form="exact"``.
    """
    _require(own)
    if own["kernel"] == "rbf":
        size = own["n_random"] or _N_FOURIER
        rngs = [np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(len(features))]
        found = [fourier(x, size, own["gamma"], rng) for x, rng in zip(features, rngs, strict=True)]
        return Mapped(
            found, f"{size} random Fourier features of an RBF kernel (error of an entry about {size**-0.5:.2g})"
        )
    size = _columns(len(features[0]), sum(x.shape[1] for x in features), own)
    wide = [x.shape[1] for x in features if size is not None and x.shape[1] > size]
    if size is None or not wide:
        return Mapped(features)
    projection = Projection(size, max(2, len(features[0])), seed)
    found = [projected(x, projection, f"encode {b}", standardise=own["standardise"]) for b, x in enumerate(features)]
    return Mapped(found, "; ".join(projection.words(p) for p in wide), projected=True)


def fourier(x: np.ndarray, n_random: int, gamma: float | None, rng: np.random.Generator) -> np.ndarray:
    """Return ``sqrt(2 / D) cos(w'x + b)`` (n, D), whose inner products are an RBF kernel's on average."""
    mean, deviation = spread(x)
    heard = deviation > 0
    width = (1 / max(1, int(heard.sum()))) if gamma is None else gamma
    weights = rng.standard_normal((int(heard.sum()), n_random)) * np.sqrt(2 * width) / deviation[heard, None]
    phase = rng.uniform(0, 2 * np.pi, n_random) - mean[heard] @ weights
    result = np.empty((len(x), n_random))
    for start in range(0, len(x), _ROWS):
        some = slice(start, start + _ROWS)
        np.cos(x[some][:, heard] @ weights + phase, out=result[some])
    result *= np.sqrt(2 / n_random)
    return result


def projected(x: np.ndarray, projection: Projection, name: str, *, standardise: bool) -> np.ndarray:
    """Return a sparse random projection (n, n_components) of features divided by their standard deviations.

    What is no wider than the projection is divided alone.
    """
    n_features = x.shape[1]
    deviation = spread(x)[1] if standardise else np.ones(n_features)
    factor = np.divide(1.0, deviation, out=np.zeros(n_features), where=deviation > 0)
    if n_features <= projection.n_components:
        return np.asarray(x * factor)
    weights = projection.matrix(name, n_features)
    weights.data *= factor[weights.indices]
    return projection.apply(x, weights, dtype=np.float64)


def spread(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column, without a copy of all; 0 for one that does not change."""
    parts = [x[:, some] for some in blocks(x.shape[1], _COLUMNS)]
    mean = np.concatenate([part.mean(axis=0, dtype=np.float64) for part in parts])
    deviation = np.concatenate([part.std(axis=0, dtype=np.float64) for part in parts])
    return mean, np.where(deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300), deviation, 0.0)


def _columns(n_rows: int, n_features: int, own: Mapping[str, Any]) -> int | None:
    """Return to how many columns features are to be projected; None where the fit is to be exact."""
    if own["n_random"] is not None or own["form"] == "random":
        return int(own["n_random"] or N_PROJECTED)
    fewer = min(n_rows, n_features)
    if own["form"] is not None or fewer <= LARGEST_EXACT:
        return None
    message = (
        f"ridge: with {n_rows} rows and {n_features} features an exact fit decomposes matrices of {fewer} x {fewer} "
        f"({8e-9 * fewer**2:.2g} GB each); above {LARGEST_EXACT} it takes {N_PROJECTED} random features instead, which "
        f'is approximate (attrs[\'form\'] says how far). Type form="exact" for the exact fit, or form="random" to say '
        f"that you know."
    )
    warnings.warn(message, stacklevel=6)
    return N_PROJECTED


def _require(own: Mapping[str, Any]) -> None:
    kernel, gamma = own["kernel"], own["gamma"]
    require_whole(own["n_random"], "n_random", least=1, left_out="as many as suit")
    if kernel not in (None, "linear", "rbf"):
        message = f'ridge knows kernel="rbf" and "linear"; got {kernel!r}. Leave it out for a linear model.'
        raise DesignError(message)
    number = isinstance(gamma, numbers.Real) and not isinstance(gamma, bool)
    if gamma is not None and (kernel != "rbf" or not number or not 0 < gamma < np.inf):
        message = f'gamma is the width of kernel="rbf", above 0; got gamma={gamma!r} with kernel={kernel!r}.'
        raise DesignError(message)
    if own["form"] == "exact" and (kernel == "rbf" or own["n_random"] is not None):
        asked = 'kernel="rbf"' if kernel == "rbf" else f"n_random={own['n_random']}"
        message = f'form="exact" takes no random features, and {asked} asks for them. Leave one of the two out.'
        raise DesignError(message)
