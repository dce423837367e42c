"""Answers to notebook 04: brain meets network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd

SIZES = {"n_features": 4096, "n_units": 60, "at_most": 0.1}


@cache
def areas() -> dict[str, xr.DataArray]:
    return dict(nd.firing_rate(nd.bin_spikes(nd.open_session("demo"), bin_width=0.25)).groupby("area"))


@cache
def images() -> xr.DataArray:
    return nd.stimulus_images(nd.open_session("demo"))


@cache
def table() -> xr.Dataset:
    return nd.brain_vs_network(areas(), "digits", images=images(), n_shuffles=0)


@cache
def few() -> xr.Dataset:
    early = areas()["early"]
    poor = {"early": early.isel(trial=slice(early.sizes["trial"] // 3), unit=slice(10))}
    return nd.brain_vs_network(poor, "digits", images=images(), metrics="cka_unbiased", n_shuffles=0)


def pairs(square: xr.DataArray) -> np.ndarray:
    return square.values[np.triu_indices(len(square), 1)]


def by_halves(trials: xr.DataArray) -> float:
    """Differences in one half of the blocks times those in the other."""
    blocks = np.unique(trials.block)
    means = [
        nd.average_by(trials.isel(trial=trials.block.isin(some).values)).transpose("stimulus", "unit").values
        for some in (blocks[::2], blocks[1::2])
    ]
    one, other = (mean[:, None] - mean for mean in means)
    products = (one * other).mean(axis=2)
    return float(products[~np.eye(len(products), dtype=bool)].mean())


def less_the_noise(trials: xr.DataArray) -> float:
    """Distances of means less what the variance within stimuli foretells."""
    n = len(np.unique(trials.block))
    noise = float(trials.groupby("stimulus").var("trial", ddof=1).mean())
    return float(pairs(nd.rdm(nd.average_by(trials), distance="euclidean")).mean() - 2 * noise / n)


def honest(trials: xr.DataArray) -> xr.DataArray:
    return nd.rdm(trials, distance="crossnobis")


def null(n: Any, power: float = 0.5) -> Any:
    p, q = SIZES["n_features"], SIZES["n_units"]
    return (p * q / ((p + n) * (q + n))) ** power


def first_below(of: Callable[[Any], Any]) -> int:
    n = np.arange(1, 200_000)
    return int(n[of(n) <= SIZES["at_most"]][0])


def overlapping(few: xr.Dataset) -> list[str]:
    part = few.isel(metric=0, area=0)
    best = float(part.low[part.similarity.values.argmax()])
    return [str(name) for name in part.candidate.values[part.high.values >= best]]


def in_set(few: xr.Dataset) -> list[str]:
    part = few.isel(metric=0, area=0)
    return [str(name) for name in part.candidate.values[part.among_best.values]]


def highest(table: xr.Dataset, *kinds: str, metric: str = "cka_unbiased") -> xr.DataArray:
    return table.similarity.sel(metric=metric).where(table.kind.isin(kinds)).max("candidate")


def by_loop(table: xr.Dataset) -> dict[str, float]:
    found = {}
    for area in table.area.values:
        column = table.similarity.sel(metric="cka_unbiased", area=area).to_series()
        trained = [name for name in column.index if name.startswith("digits/")]
        found[str(area)] = column[trained].max() - column.drop(trained).max()
    return found


def same_layer(table: xr.Dataset) -> list[float]:
    own = table.similarity.sel(metric="cka_unbiased")
    nearest = {"early": "conv1", "late": "penultimate"}
    return [
        float(
            own.sel(area=area, candidate=f"digits/{layer}") - own.sel(area=area, candidate=f"digits-untrained/{layer}")
        )
        for area, layer in nearest.items()
    ]


def with_a_mask(x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> float:
    apart = drawn[:, None] != drawn
    return float(np.corrcoef(x[np.ix_(drawn, drawn)][apart], y[np.ix_(drawn, drawn)][apart])[0, 1])


def pair_by_pair(x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> float:
    both = [(x[a, b], y[a, b]) for k, a in enumerate(drawn.tolist()) for b in drawn[:k].tolist() if a != b]
    return float(np.corrcoef(np.array(both).T)[0, 1])


def by_weights(x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> float:
    times = np.bincount(drawn, minlength=len(x))
    i, j = np.triu_indices(len(x), 1)
    return float(np.cov(x[i, j], y[i, j], fweights=times[i] * times[j])[0, 1]) / float(
        np.sqrt(np.cov(x[i, j], fweights=times[i] * times[j]) * np.cov(y[i, j], fweights=times[i] * times[j]))
    )


def of_draw(x: np.ndarray, y: np.ndarray, drawn: np.ndarray, *, diagonal: int) -> float:
    i, j = np.triu_indices(len(drawn), diagonal)
    return float(np.corrcoef(x[drawn[i], drawn[j]], y[drawn[i], drawn[j]])[0, 1])


def of_each_once(x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> float:
    return of_draw(x, y, np.unique(drawn), diagonal=1)


def of_ranks(x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> float:
    return with_a_mask(
        x.ravel().argsort().argsort().reshape(x.shape), y.ravel().argsort().argsort().reshape(y.shape), drawn
    )


ANSWERS = {
    "04-1A": Answers(
        given=dict,
        right={
            "crossnobis": lambda: lambda trials: pairs(honest(trials)).mean(),
            "halves of the blocks": lambda: by_halves,
            "the noise taken off": lambda: less_the_noise,
            "trial by trial, as an array": lambda: (
                lambda trials: xr.DataArray(pairs(nd.rdm(trials, distance="crossnobis", folds="trial")).mean())
            ),
        },
        wrong={
            "of means": (
                lambda: lambda trials: pairs(nd.rdm(nd.average_by(trials), distance="euclidean")).mean(),
                "answered alike it finds 0.[45]",
            ),
            "clipped": (lambda: lambda trials: pairs(honest(trials)).clip(0).mean(), "negative distances were set"),
            "with the diagonal": (lambda: lambda trials: honest(trials).mean(), "zeros of the diagonal"),
            "a sum over units": (
                lambda: lambda trials: pairs(honest(trials)).mean() * trials.sizes["unit"],
                "a sum over units",
            ),
            "a root": (lambda: lambda trials: np.sqrt(pairs(honest(trials)).clip(0)).mean(), "not its square"),
            "all of them": (lambda: honest, "should be one number; this has 10000"),
            "called": (lambda: 0.0, "should be a function"),
            "by correlation": (
                lambda: lambda trials: pairs(nd.rdm(nd.average_by(trials))).mean(),
                "where the truth is 0; of others",
            ),
        },
    ),
    "04-2A": Answers(
        given=lambda: SIZES,
        right={
            "the first that is below": lambda **_: first_below(null),
            "the root of the square, unrounded": lambda **_: -2078 + np.sqrt(2078**2 + 4096 * 60 * 99),
            "about": lambda **_: 3300,
        },
        wrong={
            "without the root": (lambda **_: first_below(lambda n: null(n, 1.0)), "without its root"),
            "those of the experiment": (lambda **_: 118, "still come to 0.572: more are wanted for 0.1"),
            "too many": (lambda **_: 50_000, "fewer are wanted"),
            "below zero": (lambda **_: -7430.0, "cannot be shown"),
            "several": (lambda **_: [118, 3274], "should be one number"),
        },
    ),
    "04-3A": Answers(
        given=lambda: {"few": few(), "area": "early"},
        right={
            "with masks": lambda few, area: few.candidate[
                (few.high >= few.low.sel(candidate="digits/conv1")).values.ravel() & ~few.among_best.values.ravel()
            ],
            "a set": lambda few, area: set(overlapping(few)) - set(in_set(few)),
            "a list in another order": lambda few, area: sorted(set(overlapping(few)) - set(in_set(few)))[::-1],
        },
        wrong={
            "the set": (lambda few, area: in_set(few), "the set itself"),
            "all that overlap": (lambda few, area: overlapping(few), "these are all that overlap"),
            "all outside the set": (
                lambda few, area: [one for one in few.candidate.values if one not in in_set(few)],
                "all that are not in the set",
            ),
            "one too few": (
                lambda few, area: [one for one in overlapping(few) if one not in in_set(few)][1:],
                "1 of 4 not named: is it in the set",
            ),
            "layers without their network": (lambda few, area: ["conv2"], "'conv2' is no candidate; they are digits/"),
            "a number": (lambda few, area: 4, "should be a list of labels"),
        },
    ),
    "04-3B": Answers(
        given=lambda: {"table": table()},
        right={
            "with where": lambda table: highest(table, "network") - highest(table, "untrained", "baseline"),
            "a list": lambda table: list(by_loop(table).values()),
            "in the other order, labelled": lambda table: (
                highest(table, "network") - highest(table, "untrained", "baseline")
            ).isel(area=[1, 0]),
            "rounded": lambda table: np.round(list(by_loop(table).values()), 2),
        },
        wrong={
            "turned": (lambda table: -np.array(list(by_loop(table).values())), "the sign is turned"),
            "the twins alone": (
                lambda table: highest(table, "network") - highest(table, "untrained"),
                "these are the twins alone",
            ),
            "the same layer": (same_layer, "the same layer of the twin"),
            "the mean of the controls": (
                lambda table: (
                    highest(table, "network")
                    - table.similarity.sel(metric="cka_unbiased").where(table.kind != "network").mean("candidate")
                ),
                "the mean of the controls",
            ),
            "by RSA": (
                lambda table: (
                    highest(table, "network", metric="rsa_rho_a")
                    - highest(table, "untrained", "baseline", metric="rsa_rho_a")
                ),
                "differences in rsa_rho_a",
            ),
            "no difference": (lambda table: highest(table, "network"), "one of the two similarities"),
            "a ratio": (
                lambda table: highest(table, "network") / highest(table, "untrained", "baseline"),
                "take, in each area, the highest",
            ),
            "one number": (lambda table: 0.19, r"should be \(area\), shape \(2,\)"),
        },
    ),
    "04-4A": Answers(
        given=dict,
        right={"a mask": lambda: with_a_mask, "pair by pair": lambda: pair_by_pair, "weights": lambda: by_weights},
        wrong={
            "copies kept": (lambda: lambda x, y, drawn: of_draw(x, y, drawn, diagonal=1), "copies of a stimulus still"),
            "with the diagonal": (
                lambda: lambda x, y, drawn: np.corrcoef(x[drawn][:, drawn].ravel(), y[drawn][:, drawn].ravel())[0, 1],
                "the diagonal is in it",
            ),
            "each once": (lambda: of_each_once, "each stimulus counts once"),
            "not drawn": (
                lambda: lambda x, y, drawn: of_draw(x, y, np.arange(len(x)), diagonal=1),
                "does not depend on the draw",
            ),
            "ranks": (lambda: of_ranks, "Which pairs are in"),
            "a matrix": (lambda: lambda x, y, drawn: np.corrcoef(x, y), "should be one number"),
        },
    ),
}
