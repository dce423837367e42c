"""The null of shifts in time: a p-value that allows for what shifts are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.design.null import Null


@dataclass(frozen=True)
class ShiftNull(Null):
    """A null whose labellings are shifts; see ``continuous.circular_shift`` and ``continuous.linear_shift``.

    Attributes
    ----------
    factor : float
        By which p is multiplied: (2 N + 1) / (N + 1) for a linear shift of N each way (Harris 2020, arXiv:2012.06862).
    excluded : float
        Share of shifts that were left out as too near, and that count as at least as large as the observed one.
    """

    factor: float = 1.0
    excluded: float = 0.0

    @property
    def smallest_p(self) -> float:
        """The smallest p that these shifts can give; NaN without any."""
        return float(self._allowed(np.asarray(super().smallest_p)))

    def p_value(self, observed: float | np.ndarray, null: np.ndarray) -> np.ndarray:
        """Return p as ``Null`` does, made larger by what the shifts are not."""
        return self._allowed(super().p_value(observed, null))

    def _allowed(self, p: np.ndarray) -> np.ndarray:
        return np.minimum(1.0, self.factor * (self.excluded + (1 - self.excluded) * p))


def valid_p(null: Null, p: float | np.ndarray) -> np.ndarray:
    """Return p-values made from scores of this null by other ways (max-T, clusters) as far as the design allows them.

    NaN where it allows none (``null.no_p``); larger for shifts, as in ``Null.p_value``.
    """
    p = np.asarray(p, dtype=np.float64)
    if null.no_p:
        return np.full_like(p, np.nan)
    return null._allowed(p) if isinstance(null, ShiftNull) else p
