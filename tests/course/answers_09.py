"""Answers to notebook 09: spiking networks that learn."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd
from neurodata4ml.systems import superspike
from neurodata4ml.systems.pattern_learning import Learnt, frozen_noise, learn_pattern
from neurodata4ml.systems.surrogate import smooth_spike


@cache
def learnt() -> Learnt:
    return learn_pattern(frozen_noise(seed=1, n_inputs=60), np.array([0.1, 0.2, 0.3, 0.4]), n_epochs=60, seed=1)


@cache
def hidden(trained: bool) -> xr.DataArray:
    session = nd.open_simulation(superspike.record(seed=0, trained=trained, n_trials=120))
    counts = nd.bin_spikes(session, window=(0, 0.06), bin_width=0.06).sum("time")
    return counts.isel(unit=(counts.area == "hidden").values)


def score(x: xr.DataArray) -> float:
    return float(nd.decode(x, n_shuffles=0).score)


def both() -> dict[str, Any]:
    return {"trained": hidden(True), "untrained": hidden(False)}


ANSWERS = {
    "09-1A": Answers(
        given=dict,
        right={
            "one line": lambda: lambda u, beta: 1 / (1 + beta * np.abs(u - 1)) ** 2,
            "one by one": lambda: lambda u, beta: [(1 + beta * max(x - 1, 1 - x)) ** -2 for x in u],
        },
        wrong={
            "no square": (lambda: lambda u, beta: 1 / (1 + beta * np.abs(u - 1)), "the square is missing"),
            "no size": (lambda: lambda u, beta: 1 / (1 + beta * (u - 1)) ** 2, "what of the sign of U - 1"),
            "threshold at 0": (lambda: lambda u, beta: 1 / (1 + beta * np.abs(u)) ** 2, "the threshold is 1"),
            "the output": (lambda: lambda u, beta: smooth_spike(u, beta=beta), "smooth output itself"),
        },
    ),
    "09-2A": Answers(
        given=lambda: {"learnt": learnt()},
        right={
            "one minus": lambda learnt: 1 - learnt.distance[-20:].mean() / learnt.distance[0],
            "what was lost": lambda learnt: (
                np.sum(learnt.distance[0] - learnt.distance[-20:]) / 20 / learnt.distance[0]
            ),
        },
        wrong={
            "what is left": (lambda learnt: learnt.distance[-20:].mean() / learnt.distance[0], "what is left"),
            "percent": (
                lambda learnt: 100 * (1 - learnt.distance[-20:].mean() / learnt.distance[0]),
                "in percent",
            ),
            "in spikes": (lambda learnt: learnt.distance[0] - learnt.distance[-20:].mean(), "by how much it fell"),
            "the best": (lambda learnt: 1 - learnt.distance.min() / learnt.distance[0], "chosen afterwards"),
        },
    ),
    "09-3A": Answers(
        given=both,
        right={
            "difference of scores": lambda trained, untrained: score(trained) - score(untrained),
            "labelled": lambda trained, untrained: (
                nd.decode(trained, n_shuffles=0).score - nd.decode(untrained, n_shuffles=0).score
            ),
        },
        wrong={
            "turned": (lambda trained, untrained: score(untrained) - score(trained), "untrained less trained"),
            "one alone": (lambda trained, untrained: score(trained), "one of the two scores"),
            "above chance": (lambda trained, untrained: score(trained) - 0.1, "above chance"),
        },
    ),
    "09-4A": Answers(
        given=lambda: {"energies": {"spikes": 4.2e-9, "spikes_and_leaks": 24.6e-9, "dense": 21.8e-9}},
        right={
            "a ratio": lambda energies: energies["spikes_and_leaks"] / energies["dense"],
            "rounded": lambda energies: np.round(24.6 / 21.8, 3),
        },
        wrong={
            "without leaks": (lambda energies: energies["spikes"] / energies["dense"], "the leaks are left out"),
            "upside down": (lambda energies: energies["dense"] / energies["spikes_and_leaks"], "dense over spiking"),
            "a difference": (lambda energies: 1e9 * (energies["spikes_and_leaks"] - energies["dense"]), "in nJ"),
        },
    ),
}
