"""Answers to notebook 00: the whole path."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd

SAME = np.arange(100)[:, None] // 10 == np.arange(100) // 10
APART = ~np.eye(100, dtype=bool)


@cache
def counts() -> xr.DataArray:
    return nd.bin_spikes(nd.open_session("demo"))


@cache
def areas() -> dict[str, xr.DataArray]:
    return dict(nd.firing_rate(counts()).groupby("area"))


@cache
def images() -> xr.DataArray:
    return nd.stimulus_images(nd.open_session("demo"))


@cache
def shared() -> xr.Dataset:
    return nd.compare(areas(), nd.activations(nd.load_model("digits"), images()))


@cache
def square(area: str) -> np.ndarray:
    return nd.rdm(nd.average_by(areas()[area])).values


def by_hand(counts: xr.DataArray) -> list[float]:
    spikes = counts.sum(["trial", "time"]).values / (counts.sizes["trial"] * counts.sizes["time"] * 0.01)
    return [float(spikes[counts.area.values == name].mean()) for name in ("early", "late")]


def similarity(network: str, area: str = "late", layer: str = "penultimate") -> float:
    layers = nd.activations(nd.load_model(network), images(), layers=[layer])
    return nd.compare({area: areas()[area]}, layers).similarity.item()


def pairs_one_by_one(areas: dict[str, Any]) -> float:
    distances: dict[bool, list[float]] = {True: [], False: []}
    for i in range(100):
        for j in range(i):
            distances[i // 10 == j // 10].append(square("late")[i, j])
    return float(np.mean(distances[False]) / np.mean(distances[True]))


ANSWERS = {
    "00-1A": Answers(
        given=lambda: {"counts": counts()},
        right={
            "as the notebook": lambda counts: nd.firing_rate(counts).mean("trial").groupby("area").mean(),
            "a list by hand": by_hand,
            "in the other order, labelled": lambda counts: (
                nd.firing_rate(counts).mean("trial").groupby("area").mean().isel(area=[1, 0])
            ),
            "pandas": lambda counts: (
                (counts.mean(["trial", "time"]) / 0.01).to_series().groupby(counts.area.values).mean()
            ),
        },
        wrong={
            "per bin": (
                lambda counts: counts.mean(["trial", "time"]).groupby("area").mean(),
                "spikes per bin of 0.01 s",
            ),
            "per trial": (lambda counts: np.array(by_hand(counts)) * 0.25, "spikes per trial of 0.25 s"),
            "exchanged": (lambda counts: by_hand(counts)[::-1], "the areas are exchanged"),
            "sum over units": (lambda counts: np.array(by_hand(counts)) * 60, "Is it the sum over units"),
            "one number for all": (lambda counts: np.mean(by_hand(counts)), r"should be \(area\), shape \(2,\)"),
            "the median": (
                lambda counts: nd.firing_rate(counts).mean("trial").groupby("area").median(),
                "average over trials, time and units",
            ),
        },
    ),
    "00-2A": Answers(
        given=lambda: {"areas": areas()},
        right={
            "with masks": lambda areas: square("late")[~SAME].mean() / square("late")[SAME & APART].mean(),
            "pair by pair": pairs_one_by_one,
            "as an array": lambda areas: xr.DataArray(pairs_one_by_one(areas)),
        },
        wrong={
            "with the diagonal": (
                lambda areas: square("late")[~SAME].mean() / square("late")[SAME].mean(),
                "zeros of the diagonal",
            ),
            "upside down": (lambda areas: 1 / pairs_one_by_one(areas), "within over between"),
            "the early area": (
                lambda areas: square("early")[~SAME].mean() / square("early")[SAME & APART].mean(),
                "ratio of another area",
            ),
            "both areas": (lambda areas: [1.0, 2.0], "should be one number; this has 2"),
        },
    ),
    "00-3A": Answers(
        given=lambda: {"shared": shared()},
        right={
            "as the notebook": lambda shared: [str(shared.best.sel(x=name).item()) for name in ("early", "late")],
            "a tuple": lambda shared: ("conv1", "penultimate"),
            "by area": lambda shared: {"late": "penultimate", "early": "conv1"},
            "an array": lambda shared: shared.similarity.idxmax("y"),
        },
        wrong={
            "exchanged": (lambda shared: ["penultimate", "conv1"], "the other way round"),
            "the last layer": (lambda shared: ["conv1", "logits"], "late area's similarity to logits is 0.8"),
            "one only": (lambda shared: "penultimate", "two names of conv1, conv2, penultimate, logits"),
            "places": (lambda shared: [0, 2], "two names of conv1"),
        },
    ),
    "00-3B": Answers(
        given=lambda: {"areas": areas(), "images": images()},
        right={
            "a difference": lambda areas, images: similarity("digits") - similarity("digits-untrained"),
            "an array": lambda areas, images: xr.DataArray([similarity("digits") - similarity("digits-untrained")]),
        },
        wrong={
            "turned": (lambda areas, images: similarity("digits-untrained") - similarity("digits"), "untrained minus"),
            "the twin alone": (lambda areas, images: similarity("digits-untrained"), "one of the two similarities"),
            "a ratio": (lambda areas, images: similarity("digits-untrained") / similarity("digits"), "is a ratio"),
            "the early area": (
                lambda areas, images: similarity("digits", "early") - similarity("digits-untrained", "early"),
                "take the late area",
            ),
        },
    ),
}
