"""What a metric promises: its range, what it ignores, what independent data give, and what would break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurodata4ml.errors import DesignError, DimensionError


@dataclass(frozen=True)
class Metric:
    """One way to compare two representations, and the promises that the tests hold it to.

    Attributes
    ----------
    function : callable (prepared, prepared) -> float
        The similarity; grows with likeness.
    on : "responses" or "rdm"
        What is compared: matrices (n_stimuli, n_features), or vectors of the pairs above an RDM's diagonal.
    invariant_to : frozenset of "rotation", "scale", "offset", "invertible", "permutation"
        Maps of the first side's features that change nothing: orthogonal, one positive factor, one added vector, any
        invertible matrix, another order. For metrics on RDMs: with euclidean distances.
    identity : float or None
        The similarity of a representation with itself (for rank metrics: without ties); None where cross-validation
        leaves it below 1.
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
    form : "gram", "pairs" or "other"
        Where the similarity is the cosine of what was prepared: a symmetric matrix (n_stimuli, n_stimuli), or a vector
        of pairs. Many comparisons are then one matrix product.
    whole_rdm : bool
        Needs the distance of every pair of its stimuli: stimuli without all distances are left out, not pairs.
    direct : callable (x, y) -> float, or None
        The same from two matrices as they are, where that is cheaper for a single pair.
    about, bias, breaks : str
        In words: what is estimated; what the numbers of stimuli and of units do to it; what would break it.
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
    form: str = "other"
    whole_rdm: bool = False
    direct: Callable[[np.ndarray, np.ndarray], float] | None = None
    about: str = ""
    bias: str = ""
    breaks: str = ""

    def __call__(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the similarity of two matrices (or, on RDMs, of two vectors of pairs).

        Raises
        ------
        DimensionError
            Sides of different lengths.
        DesignError
            Too few stimuli.
        """
        x, y = np.asarray(x), np.asarray(y)
        n_dims, what = (2, "matrices (stimuli, features)") if self.on == "responses" else (1, "vectors of pairs")
        if x.ndim != n_dims or y.ndim != n_dims or len(x) != len(y):
            message = (
                f"A metric compares two {what} of the same stimuli; got shapes {x.shape} and {y.shape}. "
                f"Match them by label: compare(x, y)."
            )
            raise DimensionError(message)
        if self.on == "responses" and len(x) < self.min_stimuli:
            message = f"This metric needs at least {self.min_stimuli} stimuli; got {len(x)}. Compare more conditions."
            raise DesignError(message)
        return self.direct(x, y) if self.direct is not None else self.function(self.prepare(x), self.prepare(y))
