"""A sequence memory of cells in columns: which cell of a column fires tells what came before (Hawkins & Ahmad 2016)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

CONNECTED, START = 0.5, 0.3
"""Permanence from which a synapse counts, and of a new one."""

UP, DOWN, PUNISHED = 0.1, 0.05, 0.02
"""By which a permanence rises and falls when its segment predicted rightly, and falls when it predicted in vain."""

ACTIVE, MATCHING, GROWN = 6, 4, 8
"""Connected synapses on active cells that make a segment active; synapses that make it match; most that it grows."""


@dataclass(frozen=True)
class Step:
    """What the memory did in one step; arrays (column, cell) of bool, and (column,).

    Attributes
    ----------
    active, predictive : ndarray (column, cell)
        Cells that fire now, and that are ready to fire in the next step.
    bursting : ndarray (column,)
        Active columns that were not predicted: all their cells fire.
    """

    active: np.ndarray
    predictive: np.ndarray
    bursting: np.ndarray

    @property
    def surprise(self) -> float:
        """Share of active columns that burst: 1 where nothing was expected, 0 where all was; NaN without input."""
        n = self.active.any(axis=1).sum()
        return float(self.bursting.sum() / n) if n else float("nan")


@dataclass
class TemporalMemory:
    """Columns of cells whose distal segments learn which cells fire just before them.

    A column that was predicted fires by its predicted cells alone; one that was not bursts. Segments that predicted
    rightly learn, those that predicted in vain forget (Hawkins & Ahmad 2016, Frontiers in Neural Circuits 10:23; Cui,
    Ahmad & Hawkins 2016, Neural Computation 28:2474).

    Attributes
    ----------
    n_columns, n_cells : int
        Cells per column.
    seed : int
        Of ties, and of which cells a segment grows to.
    """

    n_columns: int = 128
    n_cells: int = 6
    seed: int = 0
    owner: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    permanence: np.ndarray = field(default_factory=lambda: np.empty((0, 0)), repr=False)

    def __post_init__(self) -> None:
        """Begin without a segment, as if nothing had been shown."""
        for value, name in ((self.n_columns, "n_columns"), (self.n_cells, "n_cells")):
            require_whole(value, name, least=1)
        require_whole(self.seed, "seed", least=0)
        self.permanence = np.empty((0, self.n_columns * self.n_cells))
        self._rng = np.random.default_rng(self.seed)
        self.reset()

    def reset(self) -> None:
        """Forget the present, not what was learnt: the next input follows nothing."""
        self._active = np.zeros(self.n_columns * self.n_cells, dtype=bool)
        self._winner = self._active.copy()

    def step(self, columns: np.ndarray, *, learn: bool = True) -> Step:
        """Show which columns are driven now.

        Parameters
        ----------
        columns : ndarray of int
        learn : bool

        Raises
        ------
        DesignError
            A column that there is not.
        """
        columns = np.unique(np.asarray(columns, dtype=np.int64))
        if len(columns) and not 0 <= columns[0] <= columns[-1] < self.n_columns:
            message = f"columns must be from 0 to {self.n_columns - 1}; got {columns.min()} to {columns.max()}."
            raise DesignError(message)
        before, winners = self._active, np.flatnonzero(self._winner)
        is_active, matches = self._segments(before)
        active, winner = np.zeros_like(before), np.zeros_like(before)
        bursting = np.zeros(self.n_columns, dtype=bool)
        of_column = self.owner // self.n_cells
        for column in columns:
            own = np.flatnonzero(is_active & (of_column == column))
            if len(own):
                active[self.owner[own]] = winner[self.owner[own]] = True
                teachers = own
            else:
                bursting[column] = True
                active[column * self.n_cells : (column + 1) * self.n_cells] = True
                segment, cell = self._best(column, matches, of_column, grow=learn and len(winners) > 0)
                winner[cell] = True
                teachers = np.array([segment] if segment >= 0 else [], dtype=np.int64)
            if learn:
                for teacher in teachers.tolist():
                    self._reinforce(teacher, before, winners)
        if learn:
            n = len(of_column)
            vain = np.flatnonzero((matches >= MATCHING) & ~np.isin(of_column, columns))
            self.permanence[:n][vain] = np.clip(self.permanence[vain] - PUNISHED * before, 0, 1)
        self._active, self._winner = active, winner
        predicted = np.zeros_like(active)
        predicted[self.owner[self._segments(active)[0]]] = True
        shape = (self.n_columns, self.n_cells)
        return Step(active.reshape(shape), predicted.reshape(shape), bursting)

    def _segments(self, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which segments are active, and how many synapses of each, connected or not, lie on active cells."""
        on = self.permanence[:, active]
        return (on >= CONNECTED).sum(axis=1) >= ACTIVE, (on > 0).sum(axis=1)

    def _best(self, column: int, matches: np.ndarray, of_column: np.ndarray, *, grow: bool) -> tuple[int, int]:
        """Return the segment of a column that nearly matched and its cell; else a new one, of the least used cell."""
        own = np.flatnonzero((of_column == column) & (matches >= MATCHING))
        if len(own):
            segment = int(own[matches[own].argmax()])
            return segment, int(self.owner[segment])
        cells = np.arange(column * self.n_cells, (column + 1) * self.n_cells)
        used = np.array([(self.owner == cell).sum() for cell in cells])
        cell = int(self._rng.choice(cells[used == used.min()]))
        if not grow:
            return -1, cell
        self.owner = np.append(self.owner, cell)
        self.permanence = np.vstack([self.permanence, np.zeros(self.permanence.shape[1])])
        return len(self.owner) - 1, cell

    def _reinforce(self, segment: int, before: np.ndarray, winners: np.ndarray) -> None:
        """Let a segment learn the cells that fired before, and grow to some of those that won."""
        row = self.permanence[segment]
        there = row > 0
        row[there & before] += UP
        row[there & ~before] -= DOWN
        np.clip(row, 0, 1, out=row)
        lacking = winners[~there[winners]]
        n_new = min(GROWN - int((there & before).sum()), len(lacking))
        if n_new > 0:
            row[self._rng.choice(lacking, n_new, replace=False)] = START
