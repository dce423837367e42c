"""Memories of sequences, recorded: what does a population do that expects something?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation
from neurodata4ml.suggest import did_you_mean
from neurodata4ml.systems.predictor_hierarchy import N_UNITS, run_hierarchy
from neurodata4ml.systems.temporal_memory import TemporalMemory

MEMORIES = ("temporal", "hierarchy")
"""Cells in columns (``temporal_memory``), or levels of predictors (``predictor_hierarchy``)."""

SEQUENCES = ("ABCDEF", "GBCDHI")
"""Two that share their middle: what follows D depends on what came four elements before."""

SYMBOLS = "ABCDEFGHI"
PER_SYMBOL = 12
"""Columns that a symbol drives; no two symbols share one."""

ELEMENT, PAUSE = 0.1, 0.3
"""Seconds: of an element; between two sequences."""

FIRING, READY, RESTING = 25.0, 5.0, 0.5
"""Hz: of a cell that is active; of one that is ready to fire, and now and then does; of the others."""


@dataclass(frozen=True)
class _Shown:
    """What is shown: one row per element."""

    symbol: np.ndarray[Any, Any]
    sequence: np.ndarray[Any, Any]
    position: np.ndarray[Any, Any]
    presentation: np.ndarray[Any, Any]
    expected: np.ndarray[Any, Any]


def record(
    *, seed: int = 0, memory: str = "temporal", n_presentations: int = 120, n_units: int = 300, violations: float = 0.25
) -> Simulation:
    """Record a memory while it learns two sequences of six symbols that share their middle.

    After half of the presentations some elements are replaced by a symbol that does not belong there. Learning goes on
    all the time.

    Parameters
    ----------
    seed, n_presentations, n_units : int
        ``n_units`` cells are recorded, drawn at random: most of a memory's cells are silent most of the time.
    memory : {"temporal", "hierarchy"}
    violations : float
        Share of the later presentations in which one element is wrong.

    Returns
    -------
    Simulation
        A trial is one element: ``stimulus`` (the symbol), ``sequence``, ``position``, ``block`` (a tenth of all),
        ``is_expected`` (whether it belongs there). Areas are ``memory``, or ``level 1`` to ``level 3``. Truth:
        ``surprise`` (trial), share of columns that burst; ``predicted`` (trial), the symbol that was expected before
        (empty: none); ``context`` (trial), the sequence, where one is shown rightly; ``column`` and ``symbol`` (unit).

    Raises
    ------
    DesignError
        There is no such memory; numbers that cannot be.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_presentations, "n_presentations", least=10)
    require_whole(n_units, "n_units", least=10)
    if memory not in MEMORIES:
        message = f"there is no memory {memory!r}{did_you_mean(str(memory), MEMORIES)} They are {', '.join(MEMORIES)}."
        raise DesignError(message)
    if not 0 <= violations <= 1:
        message = f"violations is a share, from 0 to 1; got {violations!r}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    shown = _shown(n_presentations, violations, rng)
    start = (np.arange(len(shown.symbol)) + 1) * ELEMENT + (shown.presentation + 1) * PAUSE
    rates, truth, units = _temporal(shown, seed) if memory == "temporal" else _levels(shown, seed)
    kept = np.sort(rng.choice(rates.shape[1], min(n_units, rates.shape[1]), replace=False))
    truth = truth.isel(unit=kept)
    return Simulation(
        system="sequence",
        description=f"Cells of a memory ({memory}) that learns two sequences which share their middle.",
        seed=seed,
        units={name: column[kept] for name, column in units.items()},
        spike_times=_spikes(rates[:, kept], start, rng),
        trials={
            "start_time": start,
            "stop_time": start + ELEMENT,
            "stimulus": np.array(list(SYMBOLS))[shown.symbol],
            "sequence": np.array(SEQUENCES)[shown.sequence],
            "position": shown.position,
            "block": shown.presentation * 10 // n_presentations,
            "is_expected": shown.expected,
        },
        truth=truth,
        stop=float(start[-1] + ELEMENT + PAUSE),
    )


def first_order_markov(symbols: np.ndarray, *, begins: np.ndarray) -> np.ndarray:
    """Predict each symbol by what followed the one before most often so far: the memory that has no context.

    Parameters
    ----------
    symbols : ndarray (step,) of int, from 0
    begins : ndarray (step,) of bool
        Where a sequence begins, so that nothing came before.

    Returns
    -------
    ndarray (step,) of int
        -1 where nothing can be said yet.
    """
    symbols = np.asarray(symbols)
    counts = np.zeros((int(symbols.max()) + 1,) * 2)
    found = np.full(len(symbols), -1)
    for step in range(1, len(symbols)):
        if not begins[step]:
            row = counts[symbols[step - 1]]
            found[step] = int(row.argmax()) if row.any() else -1
            row[symbols[step]] += 1
    return found


def prediction_accuracy(predicted: np.ndarray, came: np.ndarray) -> float:
    """Share of steps in which the symbol came that was predicted; a step without a prediction counts as a miss."""
    return float((np.asarray(predicted) == np.asarray(came)).mean())


def columns_of(symbol: int) -> np.ndarray:
    """Return the columns that a symbol drives."""
    return np.arange(symbol * PER_SYMBOL, (symbol + 1) * PER_SYMBOL)


def _shown(n_presentations: int, violations: float, rng: np.random.Generator) -> _Shown:
    which = rng.integers(len(SEQUENCES), size=n_presentations)
    length = len(SEQUENCES[0])
    symbol = np.array([[SYMBOLS.index(one) for one in SEQUENCES[k]] for k in which])
    expected = np.ones(symbol.shape, dtype=bool)
    late = np.arange(n_presentations) >= n_presentations // 2
    for k in np.flatnonzero(late & (rng.random(n_presentations) < violations)):
        place = int(rng.integers(1, length))
        others = [one for one in range(len(SYMBOLS)) if one not in symbol[:, place]]
        symbol[k, place], expected[k, place] = rng.choice(others), False
    return _Shown(
        symbol.ravel(),
        np.repeat(which, length),
        np.tile(np.arange(length), n_presentations),
        np.repeat(np.arange(n_presentations), length),
        expected.ravel(),
    )


def _temporal(shown: _Shown, seed: int) -> tuple[np.ndarray, xr.Dataset, dict[str, np.ndarray]]:
    """Return rates (trial, cell) in Hz, with those that are ready in the trial before; truth; columns of the units."""
    memory = TemporalMemory(n_columns=PER_SYMBOL * len(SYMBOLS), seed=seed)
    n = memory.n_columns * memory.n_cells
    rates, surprise = np.full((len(shown.symbol), n), RESTING), np.zeros(len(shown.symbol))
    predicted = np.full(len(shown.symbol), "", dtype=object)
    ready: np.ndarray = np.zeros(memory.n_columns, dtype=bool)
    for trial, (symbol, position) in enumerate(zip(shown.symbol, shown.position, strict=True)):
        if position == 0:
            memory.reset()
            ready[:] = False
        votes = ready.reshape(len(SYMBOLS), -1).sum(axis=1)
        predicted[trial] = SYMBOLS[int(votes.argmax())] if votes.max() >= PER_SYMBOL // 2 else ""
        step = memory.step(columns_of(int(symbol)))
        rates[trial, step.predictive.ravel()] = READY
        rates[trial, step.active.ravel()] = FIRING
        surprise[trial] = step.surprise
        ready = np.asarray(step.predictive.any(axis=1))
    column = np.repeat(np.arange(memory.n_columns), memory.n_cells)
    its = np.array(list(SYMBOLS))[column // PER_SYMBOL]
    truth = _truth(shown, predicted, {"column": ("unit", column), "symbol": ("unit", its)})
    truth["surprise"] = ("trial", surprise, {"units": "1"})
    return rates, truth, {"area": np.full(n, "memory")}


def _levels(shown: _Shown, seed: int) -> tuple[np.ndarray, xr.Dataset, dict[str, np.ndarray]]:
    done = run_hierarchy(shown.symbol, seed=seed)
    n_levels = done.states.shape[1]
    rates = np.where(done.states.reshape(len(done.states), -1), FIRING, RESTING)
    level = np.repeat(np.arange(1, n_levels + 1), N_UNITS)
    predicted = np.array(list(SYMBOLS), dtype=object)[done.predicted]
    truth = _truth(shown, predicted, {"level": ("unit", level)})
    truth["surprise"] = ("trial", (done.predicted != shown.symbol).astype(float), {"units": "1"})
    return rates, truth, {"area": np.array([f"level {one}" for one in level])}


def _truth(shown: _Shown, predicted: np.ndarray, more: dict[str, tuple[str, np.ndarray]]) -> xr.Dataset:
    context = np.where(shown.expected, np.array(SEQUENCES)[shown.sequence], "")
    return xr.Dataset({"predicted": ("trial", predicted.astype(str)), "context": ("trial", context), **more})


def _spikes(rates: np.ndarray, start: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw Poisson spikes (trial, unit) at these rates within each element."""
    counts = rng.poisson(rates * ELEMENT)
    return [np.sort(np.repeat(start, n) + ELEMENT * rng.random(int(n.sum()))) for n in counts.T]
