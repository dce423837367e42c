"""A null: the labellings that the experiment could have had instead, and what a p-value from them is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.inference.p_values import ROUNDING, permutation_p


@dataclass(frozen=True)
class Null:
    """Labels as they might have been, if the responses knew nothing of them.

    Attributes
    ----------
    labels : ndarray (n_shuffles, n_used)
        One labelling of the used samples per row, of the type of the target; the observed one is not among them
        by construction (a draw may equal it by chance, and an enumeration holds it once less).
    used : ndarray of int (n_used,)
        Positions of the samples that take part, observed and shuffled alike: all, but for the linear shift.
    observed : ndarray (n_used,)
        The observed labels of the used samples.
    scheme : str
        A key of ``SCHEMES``, the table in the documentation: "within blocks", "all trials", "whole blocks", "whole
        stimuli", "pseudosession", "session swap", "circular shift", "linear shift", "none".
    why : str
        Why this scheme, as a sentence that a report can print.
    n_arrangements : float
        Distinct labellings that the design could have given; infinite where they are not counted.
    enumerated : bool
        All of them are in ``labels``, none drawn by chance.
    no_p : str
        Why p is NaN; "" where p is valid.
    n_equal : int
        Labellings, the observed one among them, that only rename the classes: they always score the same.
    """

    labels: np.ndarray
    used: np.ndarray
    observed: np.ndarray
    scheme: str
    why: str = ""
    n_arrangements: float = float("inf")
    enumerated: bool = False
    no_p: str = ""
    n_equal: int = 1

    @property
    def n_shuffles(self) -> int:
        """The number of labellings besides the observed one."""
        return len(self.labels)

    @property
    def smallest_p(self) -> float:
        """The smallest p that these labellings can give; NaN without any."""
        return self.n_equal / (1 + self.n_shuffles) if self.n_shuffles else float("nan")

    def p_value(self, observed: float | np.ndarray, null: np.ndarray) -> np.ndarray:
        """Return ``(1 + #{null >= observed}) / (1 + n)``, or NaN where the design allows no p (``no_p`` says why).

        ``null`` has the shape (n_shuffles, ...), ``observed`` (...). Equal scores count as at least as large, also
        where they differ by rounding (Phipson & Smyth 2010, SAGMB 9:39).
        """
        p = permutation_p(np.asarray(observed) - ROUNDING, null)
        return np.full_like(p, np.nan) if self.no_p else p
