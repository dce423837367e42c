"""Similarity metrics on plain matrices; each states what it ignores, its range, and what identical inputs give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

_MAPS = frozenset({"rotation", "scale", "offset"})
"""What a Gram matrix of centred patterns, and a Euclidean RDM, cannot see."""

_ROUNDING = 1e-12
"""Spread below this fraction of the values themselves is rounding, not signal."""


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment, biased: in [0, 1], grows with likeness and with the number of features.

    ``||Y'X||^2 / (||X'X|| ||Y'Y||)``, Frobenius norms of the column-centred matrices
    (Kornblith et al. 2019, eq. 5). Independent data do not give 0; see ``null_of_cka``.

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), the same stimuli in the same order
    """
    return _cosine(_centred_gram(x), _centred_gram(y))


def cka_unbiased(x: np.ndarray, y: np.ndarray) -> float:
    """Linear CKA from the unbiased HSIC_1: in [-1, 1], about 0 for independent data of any size.

    ``HSIC_1(K, L) / sqrt(HSIC_1(K, K) HSIC_1(L, L))`` (Song et al. 2012, JMLR 13:1393, eq. 5;
    Murphy et al. 2024, arXiv:2405.01012). The ratio is approximately unbiased. Needs four stimuli.

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), the same stimuli in the same order
    """
    return _cosine(_u_centred_gram(x), _u_centred_gram(y))


def procrustes(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of the angular Procrustes distance: in [0, 1], 1 when a rotation and a scale map one onto the other.

    ``||X'Y||_* / (||X|| ||Y||)`` of the column-centred matrices, the nuclear norm over Frobenius norms
    (Williams et al. 2021, arXiv:2110.14739, whose distance is its arccos).

    Parameters
    ----------
    x, y : ndarray (n_stimuli, n_features), the same stimuli in the same order
    """
    return _aligned(_frame(x), _frame(y))


def hsic(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741 - K and L are the letters of the literature
    """Return the unbiased HSIC_1 of two Gram matrices (Song et al. 2012, eq. 5), shape (n_stimuli, n_stimuli)."""
    n = len(k)
    return float(np.sum(u_centred(k) * u_centred(l)) / (n * (n - 3)))


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


def null_of_cka(n_stimuli: int, n_x: int, n_y: int) -> float:
    """Return the expected biased CKA of independent data, sqrt(pq / ((p + n)(q + n))).

    For white features (p = ``n_x``, q = ``n_y``); correlated features act like fewer, and lower it.
    """
    return float(np.sqrt(n_x * n_y / ((n_x + n_stimuli) * (n_y + n_stimuli))))


@dataclass(frozen=True)
class Metric:
    """One way to compare two representations, and the promises that the tests hold it to.

    Attributes
    ----------
    function : callable (prepared, prepared) -> float
        The similarity; grows with likeness.
    on : "responses" or "rdm"
        What is compared: matrices (n_stimuli, n_features), or vectors of the pairs above an RDM's diagonal.
    invariant_to : frozenset of "rotation", "scale", "offset", "invertible"
        Maps of one side's features that change nothing: orthogonal, one positive factor, one added vector, any
        invertible matrix. For metrics on RDMs: with euclidean distances.
    identity : float or None
        The similarity of a representation with itself (for rank metrics: without ties).
    range : (float, float)
    unbiased : bool
        Independent data give about 0, whatever their size.
    reference : str
    symmetric : bool
    min_stimuli : int
        Fewer cannot be compared.
    prepare : callable ndarray -> ndarray
        The part that concerns one side alone, done once when many are compared.
    null : callable (n_stimuli, n_x, n_y) -> float, or None
        Expected value for independent data, where a closed form is known.
    """

    function: Callable[[np.ndarray, np.ndarray], float]
    on: str
    invariant_to: frozenset[str]
    identity: float | None
    range: tuple[float, float]
    unbiased: bool
    reference: str
    symmetric: bool = True
    min_stimuli: int = 3
    prepare: Callable[[np.ndarray], np.ndarray] = np.asarray
    null: Callable[[int, int, int], float] | None = None

    def __call__(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the similarity of two matrices (or, on RDMs, of two vectors of pairs)."""
        return self.function(self.prepare(x), self.prepare(y))


def centred(x: np.ndarray) -> np.ndarray:
    """Return ``x`` minus the mean of each column; columns that only differ by rounding become exactly 0."""
    x = np.asarray(x, dtype=np.float64)
    out = x - x.mean(axis=0)
    flat = np.abs(out).max(axis=0) <= _ROUNDING * np.abs(x).max(axis=0)
    return np.where(flat, 0.0, out)


def _centred_gram(x: np.ndarray) -> np.ndarray:
    x = centred(x)
    return np.asarray(x @ x.T)


def _u_centred_gram(x: np.ndarray) -> np.ndarray:
    return u_centred(_centred_gram(x))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.sum(a * b)) / norm if norm > 0 else float("nan")


def _frame(x: np.ndarray) -> np.ndarray:
    """Centre, and with more features than stimuli keep an n x n matrix of the same Gram: all that rotation leaves."""
    x = centred(x)
    return np.linalg.qr(x.T)[1].T if x.shape[1] > x.shape[0] else x


def _aligned(x: np.ndarray, y: np.ndarray) -> float:
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.linalg.norm(x.T @ y, ord="nuc")) / norm if norm > 0 else float("nan")


def _centred_ranks(pairs: np.ndarray) -> np.ndarray:
    return centred(stats.rankdata(pairs))


def _rho_a(a: np.ndarray, b: np.ndarray) -> float:
    n = len(a)
    return float(12.0 * np.dot(a, b) / (n**3 - n))


def _tau_a(a: np.ndarray, b: np.ndarray) -> float:
    """Concordant minus discordant over all pairs of pairs: scipy's tau-b with its correction for ties undone."""
    n = len(a)
    untied = [1.0 - np.sum(count * (count - 1.0)) / (n * (n - 1.0)) for count in map(_tied, (a, b))]
    if min(untied) <= 0:
        return 0.0
    return float(stats.kendalltau(a, b, method="asymptotic").statistic * np.sqrt(untied[0] * untied[1]))


def _tied(a: np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(a, return_counts=True)[1])


def _rdm_metric(
    function: Callable[[np.ndarray, np.ndarray], float],
    reference: str,
    *,
    prepare: Callable[[np.ndarray], np.ndarray] = np.asarray,
    unbiased: bool = True,
) -> Metric:
    return Metric(
        function,
        on="rdm",
        invariant_to=_MAPS,
        identity=1.0,
        range=(-1.0, 1.0),
        unbiased=unbiased,
        reference=reference,
        prepare=prepare,
    )


_NILI = "Nili et al. 2014, PLoS Comput Biol 10:e1003553"
_SCHUETT = "Schuett et al. 2023, eLife 12:e82566"

METRICS: dict[str, Metric] = {
    "cka": Metric(
        _cosine,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference="Kornblith et al. 2019, arXiv:1905.00414",
        prepare=_centred_gram,
        null=null_of_cka,
    ),
    "cka_unbiased": Metric(
        _cosine,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(-1.0, 1.0),
        unbiased=True,
        reference="Song et al. 2012, JMLR 13:1393; Murphy et al. 2024, arXiv:2405.01012",
        min_stimuli=4,
        prepare=_u_centred_gram,
    ),
    "procrustes": Metric(
        _aligned,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference="Williams et al. 2021, arXiv:2110.14739",
        prepare=_frame,
    ),
    "rsa_pearson": _rdm_metric(_cosine, _NILI, prepare=centred),
    "rsa_spearman": _rdm_metric(_cosine, _NILI, prepare=_centred_ranks),
    "rsa_rho_a": _rdm_metric(_rho_a, _SCHUETT, prepare=_centred_ranks),
    "rsa_tau_a": _rdm_metric(_tau_a, _NILI),
    # 0 means "same" only in crossnobis distances: between other RDMs of pure noise the cosine is about 0.96
    "rsa_cosine": _rdm_metric(_cosine, "Diedrichsen et al. 2021, NBDT 5:1", unbiased=False),
}
"""Every metric by name."""
