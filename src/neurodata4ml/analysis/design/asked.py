"""What a null is made from, and what a scheme makes of it: labels in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Simulate = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class Asked:
    """The labels of one session and what is known of how they came about.

    Attributes
    ----------
    labels : ndarray (n,)
        In the order of time.
    target : str
        Their name, for messages.
    blocks, session, stimuli : ndarray (n,) or None
        ``stimuli`` only where the label is a property of the stimulus.
    unit : str
        What a sample is called: "trials" or "bins".
    n_shuffles, alpha, randomised, sessions, simulate
        As in ``permutation_null``.
    rng : numpy Generator
    order : int, optional
        Of the Markov chain that the labels look like, where that was tested.
    """

    labels: np.ndarray
    target: str
    n_shuffles: int
    alpha: float
    rng: np.random.Generator
    blocks: np.ndarray | None = None
    session: np.ndarray | None = None
    stimuli: np.ndarray | None = None
    unit: str = "trials"
    randomised: bool | None = None
    sessions: Sequence[Any] | None = None
    simulate: str | Simulate | None = None
    order: int | None = None

    @property
    def groups(self) -> np.ndarray | None:
        """Within what labels were dealt: blocks, else sessions, else nothing."""
        return self.session if self.blocks is None else self.blocks


@dataclass(frozen=True)
class Drawn:
    """Labellings (n_drawn, n_kept) in the order of time, and what they are worth; see ``Null`` and ``ShiftNull``."""

    labels: np.ndarray
    why: str
    n_arrangements: float = float("inf")
    enumerated: bool = False
    no_p: str = ""
    n_equal: int = 1
    kept: slice | None = None
    factor: float = 1.0
    excluded: float = 0.0
