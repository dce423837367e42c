"""Answers to notebook 01: a brain beside a machine."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd
from neurodata4ml.systems import processor, processor_lesions


@cache
def session() -> xr.Dataset:
    return nd.open_simulation(processor.record(seed=3, n_trials=10))


def counts(session: xr.Dataset) -> np.ndarray:
    return (session.spike_stop - session.spike_start).values


@cache
def needed() -> xr.DataArray:
    return processor_lesions.lesions(n_inputs=2, seed=0) < 1


@cache
def seen() -> dict[str, Any]:
    alike = processor.state_correlation(processor.trace("multiply", [13, 11]).state)
    return {"alike": alike, "known": nd.truth(session())}


def joined(known: xr.Dataset, n: int) -> np.ndarray:
    found = np.zeros((n, n), dtype=bool)
    found[known.source.values, known.target.values] = True
    return found


def by_pairs(alike: xr.DataArray, known: xr.Dataset) -> float:
    wires = {frozenset(pair) for pair in zip(known.source.values.tolist(), known.target.values.tolist(), strict=True)}
    rows, columns = np.nonzero(np.triu(np.abs(alike.values) > 0.9, 1))
    return sum(frozenset(p) in wires for p in zip(rows.tolist(), columns.tolist(), strict=True)) / len(rows)


def share(alike: xr.DataArray, known: xr.Dataset, *, either: bool = True, absolute: bool = True) -> float:
    x = np.abs(alike.values) if absolute else alike.values
    wires = joined(known, len(x))
    return float((wires | wires.T if either else wires)[np.triu(x > 0.9, 1)].mean())


def recovered(alike: xr.DataArray, known: xr.Dataset) -> float:
    wires = joined(known, len(alike))
    wires = np.triu(wires | wires.T, 1)
    return float((np.abs(alike.values) > 0.9)[wires].mean())


ANSWERS = {
    "01-1A": Answers(
        given=lambda: {"session": session()},
        right={
            "by the slices": lambda session: (counts(session) == 0).mean(),
            "labelled": lambda session: (session.spike_start == session.spike_stop).mean(),
            "a fraction": lambda session: 1 - np.count_nonzero(counts(session)) / session.sizes["unit"],
        },
        wrong={
            "how many": (lambda session: (counts(session) == 0).sum(), "as a share of all units"),
            "percent": (lambda session: 100 * (counts(session) == 0).mean(), "in percent"),
            "those that fire": (lambda session: (counts(session) > 0).mean(), "of those that do fire"),
            "seldom ones": (lambda session: (counts(session) < 3).mean(), "no spike between"),
        },
    ),
    "01-2A": Answers(
        given=lambda: {"needed": needed()},
        right={
            "a sum": lambda needed: int((needed.sum("program") == 1).sum()),
            "numpy": lambda needed: np.count_nonzero(needed.values.sum(axis=1) == 1),
            "an array": lambda needed: (needed.sum("program") == 1).sum(),
        },
        wrong={
            "one or more": (lambda needed: int((needed.sum("program") >= 1).sum()), "by one program or more"),
            "all": (lambda needed: int(needed.all("program").sum()), "needed by every program"),
            "none": (lambda needed: int((~needed).all("program").sum()), "needed by none"),
            "share": (lambda needed: float((needed.sum("program") == 1).mean()), "this is a share"),
        },
    ),
    "01-2B": Answers(
        given=lambda: {"survives": processor_lesions.register_lesions()},
        right={
            "a list": lambda survives: ["logic", "fibonacci"],
            "a set": lambda survives: {"fibonacci", "logic"},
            "from the table": lambda survives: survives.program[survives.sel(register="C") == 1].values,
        },
        wrong={
            "those that fail": (lambda survives: ["multiply", "divisor", "sort"], "these are those that go wrong"),
            "one too many": (lambda survives: ["fibonacci", "logic", "sort"], "sort goes wrong in some trials"),
            "one missing": (lambda survives: ["logic"], "one that survives is missing"),
            "no program": (lambda survives: ["carry"], "'carry' is no program"),
        },
    ),
    "01-3A": Answers(
        given=seen,
        right={"by a mask": share, "pair by pair": by_pairs},
        wrong={
            "one way": (lambda alike, known: share(alike, known, either=False), "whichever of both comes first"),
            "wires that were found": (recovered, "how many of the wires were found"),
            "only alike": (lambda alike, known: share(alike, known, absolute=False), "below -0.9"),
            "all wires": (lambda alike, known: 0.5, "Take each pair once"),
        },
    ),
    "01-4A": Answers(
        given=dict,
        right={"its name": lambda: "divisor", "with a capital": lambda: "Divisor"},
        wrong={
            "multiply": (lambda: "multiply", "it would shift A"),
            "sort": (lambda: "sort", "halts after fifty-odd"),
            "fibonacci": (lambda: "fibonacci", "begin by clearing A"),
            "logic": (lambda: "logic", "thirteen instructions and no jump"),
        },
    ),
}
