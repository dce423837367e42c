"""Answers to notebook 11: open issues."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd
from neurodata4ml.systems import inference, sequence


@cache
def elements() -> xr.DataArray:
    session = nd.open_simulation(sequence.record(seed=1))
    return nd.bin_spikes(session, window=(0, 0.1), bin_width=0.1).isel(time=0)


@cache
def cues() -> xr.DataArray:
    session = nd.open_simulation(inference.record(seed=0, n_trials=300))
    counts = nd.bin_spikes(session, window=(0, 0.5), bin_width=0.5).isel(time=0)
    return counts.assign_coords(width=("trial", nd.truth(session).posterior_width.values))


def ratio(counts: xr.DataArray, *, first: int = 1, block: int = 5) -> float:
    total = counts.sum("unit")
    asked = (counts.position >= first) & (counts.block >= block)
    return float(total[(asked & ~counts.is_expected).values].mean() / total[(asked & counts.is_expected).values].mean())


def read(counts: xr.DataArray, position: int, block: int = 5) -> float:
    chosen = (counts.position == position) & counts.is_expected & (counts.block >= block)
    return float(nd.decode(counts.isel(trial=np.flatnonzero(chosen.values)), "sequence", n_shuffles=0).score)


def doubt(x: xr.DataArray) -> float:
    return float(nd.decode(x, "width", decoder="ridge", scoring="r2", n_shuffles=0).score)


def total(counts: xr.DataArray) -> xr.DataArray:
    return (
        counts.isel(unit=(counts.area != "hidden").values).sum("unit").expand_dims(unit=[0]).transpose("trial", "unit")
    )


ANSWERS = {
    "11-1A": Answers(
        given=lambda: {"counts": elements()},
        right={
            "a ratio of means": ratio,
            "per unit": lambda counts: ratio(counts.astype(float) / counts.sizes["unit"]),
        },
        wrong={
            "turned": (lambda counts: 1 / ratio(counts), "expected over unexpected"),
            "with the first": (lambda counts: ratio(counts, first=0), "Leave out position 0"),
            "one": (lambda counts: 1.0, "is not the ratio of mean spikes"),
        },
    ),
    "11-2A": Answers(
        given=lambda: {"counts": elements()},
        right={
            "decoded": lambda counts: read(counts, 3),
            "an array": lambda counts: np.array([read(counts, 3)]),
        },
        wrong={
            "the next element": (lambda counts: read(counts, 4), "the symbols themselves differ"),
            "the first element": (lambda counts: read(counts, 0), "the symbols themselves differ"),
            "chance": (lambda counts: 0.5, "of expected elements at position 3"),
        },
    ),
    "11-3A": Answers(
        given=lambda: {"counts": cues()},
        right={
            "one unit": lambda counts: doubt(total(counts)),
            "the mean instead of the sum": lambda counts: doubt(total(counts) / 80.0),
        },
        wrong={
            "hidden units": (
                lambda counts: doubt(counts.isel(unit=(counts.area == "hidden").values)),
                "from the hidden",
            ),
            "nothing": (lambda counts: 0.0, "the sum over units of both cues"),
            "a correlation": (lambda counts: np.sqrt(doubt(total(counts))), "this is a correlation"),
        },
    ),
    "11-3B": Answers(
        given=dict,
        right={"as told": lambda: "carries uncertainty", "in capitals": lambda: "Carries Uncertainty "},
        wrong={
            "computes": (lambda: "computes uncertainty", "an untrained layer"),
            "nothing": (lambda: "knows nothing of it", "can be read from the hidden units"),
            "something else": (lambda: "represents it", "should be one of computes uncertainty"),
        },
    ),
}
