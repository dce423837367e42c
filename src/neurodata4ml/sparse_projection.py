"""Sparse random projection: few columns instead of very many, which keep the distances of all rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

FAILURE = 0.05
"""Probability allowed to any distance at all of being kept worse than stated."""

WHOLE = 30_000_000
"""Entries of R up to which a third of them is drawn: 120 MB."""

BLOCK = 1 << 23
"""Elements of a batch that are projected at once, 64 MB in float64."""


@dataclass(frozen=True)
class Projection:
    """A sparse random projection of a layer's p features to k components.

    y = x R / sqrt(k), with the entries of R (p, k) independent: sqrt(s) times +1 or -1 with probability 1/(2 s) each,
    else 0. Inner products and squared distances are unbiased, E[y . y'] = x . x', with variance
    (|x|^2 |x'|^2 + (x . x')^2 + (s - 3) sum_i x_i^2 x'_i^2) / k (Li, Hastie & Church 2006, KDD, lemma 2).

    Where R is small, s = 3, for which the bound on distances is a theorem (Achlioptas 2003, J. Comput. Syst. Sci.
    66:671). Where it has more than ``WHOLE`` entries, s = sqrt(p) ("very sparse", Li, Hastie & Church 2006): each
    component sums sqrt(p) features only, and the bound holds in the limit of many features, as far as no few of them
    dominate: (s - 3) sum_i x_i^4 must be small against |x|^4. In a layer of 1,000 it often is not; of 100,000, it is.

    Attributes
    ----------
    n_components : int
    n_stimuli : int
    seed : int
        With the layer's name it determines R: two layers have independent ones, a network and its twin the same.
    """

    n_components: int
    n_stimuli: int
    seed: int

    @property
    def distortion(self) -> float:
        """The eps that :func:`distortion` gives."""
        return distortion(self.n_components, self.n_stimuli)

    def words(self, n_features: int) -> str:
        """Return what is done to a layer, and what is promised, in words."""
        promise = f"all within 1 +- {self.distortion:.3g} with probability {1 - FAILURE:g}"
        promise = promise if np.isfinite(self.distortion) else "without a bound below 1: too few components"
        source = (
            "Achlioptas 2003"
            if self.spacing(n_features) == 3
            else (
                "Dasgupta & Gupta 2003; for very sparse projections in the limit of many features, none dominant: "
                "Li, Hastie & Church 2006"
            )
        )
        return (
            f"sparse random projection (density 1/{self.spacing(n_features):.4g}, seed {self.seed}) of "
            f"p = {n_features} features to {self.n_components}; inner products unbiased; squared distances of "
            f"{self.n_stimuli} stimuli {promise} ({source})"
        )

    def spacing(self, n_features: int) -> float:
        """Return s: one in so many entries of R is not 0."""
        return 3.0 if n_features * self.n_components <= WHOLE else float(np.sqrt(n_features))

    def matrix(self, layer: str, n_features: int) -> Any:
        """Return the transposed signs of R, sparse (k, p) of -1 and +1, without the factor sqrt(s / k)."""
        from scipy.sparse import csr_array

        words = np.frombuffer(hashlib.sha256(layer.encode()).digest(), dtype=np.uint32)
        rng = np.random.default_rng([self.seed, *words.tolist()])
        places = _bernoulli(n_features * self.n_components, 1 / self.spacing(n_features), rng)
        signs = rng.choice(np.array([-1.0, 1.0]), size=places.size)
        starts = np.searchsorted(places, np.arange(self.n_components + 1, dtype=np.int64) * n_features)
        columns = (places % n_features).astype(np.int32 if n_features < 2**31 else np.int64)
        return csr_array((signs, columns, starts), shape=(self.n_components, n_features))

    def apply(self, values: np.ndarray, matrix: Any, dtype: type = np.float32) -> np.ndarray:
        """Return responses (n, p) as ``dtype`` (n, k); each row depends on its own responses alone, to the bit."""
        step = max(1, BLOCK // values.shape[1])
        factor = np.sqrt(self.spacing(values.shape[1]) / self.n_components)
        found: np.ndarray = np.empty((len(values), self.n_components), dtype=dtype)
        for start in range(0, len(values), step):
            block = np.ascontiguousarray(values[start : start + step].T, dtype=np.float64)
            found[start : start + step] = (matrix @ block).T * factor
        return found


def components_for(eps: float, n_stimuli: int, *, failure: float = FAILURE) -> int:
    """Return how many components keep all squared distances of n stimuli within a factor 1 +- eps.

    From the tails of Dasgupta & Gupta (2003, Random Struct. Algorithms 22:60, lemma 2.2),
    exp(-k (eps^2/2 - eps^3/3) / 2) on either side of each of the n (n - 1) / 2 distances, together at most ``failure``:
    k >= 2 ln(n (n - 1) / failure) / (eps^2/2 - eps^3/3). Their own k >= 4 ln n / (...) has failure = 1 - 1/n.
    """
    return int(np.ceil(2 * np.log(n_stimuli * (n_stimuli - 1) / failure) / (eps**2 / 2 - eps**3 / 3)))


def distortion(n_components: int, n_stimuli: int, *, failure: float = FAILURE) -> float:
    """Return the eps that so many components promise (see :func:`components_for`); infinite where they promise none."""
    need = 2 * np.log(n_stimuli * (n_stimuli - 1) / failure) / n_components
    if need >= 1 / 6:  # eps^2/2 - eps^3/3 at eps = 1
        return float("inf")
    return float(brentq(lambda eps: eps**2 / 2 - eps**3 / 3 - need, 0.0, 1.0))


def _bernoulli(n: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Return the places of the successes among ``n`` trials, by the gaps between them."""
    parts, last = [], -1
    while last < n:
        size = int((n - last) * probability * 1.01) + 100
        places = last + np.cumsum(rng.geometric(probability, size=size))
        parts.append(places)
        last = int(places[-1])
    found = np.concatenate(parts)
    return np.asarray(found[found < n])
