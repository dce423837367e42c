"""Answers to notebook 06: learning from brains."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers
from scipy import stats


@cache
def found() -> dict[float, xr.Dataset]:
    """Four strengths, with other p-values against each control."""
    names = ["activity", "none", "shuffled", "noise", "own"]
    p = {
        1: [np.nan, 0.3, 0.6, 0.2, 0.7],
        3: [np.nan, 0.04, 0.2, 0.01, 0.6],
        10: [np.nan, 0.01, 0.03, 0.01, 0.2],
        30: [np.nan, 0.01, 0.02, 0.01, 0.01],
    }
    gain = [np.nan, 0.05, 0.04, 0.06, 0.01]
    return {
        s: xr.Dataset({"p_value": ("weighting", its), "gain": ("weighting", gain)}, {"weighting": names})
        for s, its in p.items()
    }


def t_test(x: Any, n_train: int, n_test: int, *, share: float | None = None, sides: int = 2) -> float:
    n = len(x)
    error = np.sqrt(np.var(x, ddof=1) * (1 / n + n_test / n_train if share is None else share))
    return float(sides * stats.t.sf(abs(np.mean(x)) / error, n - 1))


ANSWERS = {
    "06-1A": Answers(
        given=dict,
        right={
            "mean": lambda: lambda c, strength: (1 + strength * c) / np.mean(1 + strength * c),
            "sum": lambda: lambda c, strength: len(c) * (1 + strength * c) / np.sum(1 + strength * c),
            "a list": lambda: lambda c, s: [(1 + s * one) / (1 + s * sum(c) / len(c)) for one in c],
        },
        wrong={
            "not scaled": (lambda: lambda c, s: 1 + s * c, "their mean is not one"),
            "to one": (lambda: lambda c, s: (1 + s * c) / np.sum(1 + s * c), "they add up to one"),
            "without 1": (lambda: lambda c, s: s * c / np.mean(s * c), "would count nothing"),
            "no strength": (lambda: lambda c, s: (1 + c) / np.mean(1 + c), "strength is not in it"),
            "one number": (lambda: lambda c, s: 1.0, "one weight for each stimulus"),
        },
    ),
    "06-2A": Answers(
        given=dict,
        right={
            "by hand": lambda: t_test,
            "through scipy": lambda: (
                lambda x, a, b: (
                    2 * stats.t.sf(abs(stats.ttest_1samp(x, 0).statistic) / np.sqrt(1 + len(x) * b / a), len(x) - 1)
                )
            ),
        },
        wrong={
            "plain": (lambda: lambda x, a, b: stats.ttest_1samp(x, 0).pvalue, "this is the plain t-test"),
            "turned": (lambda: lambda x, a, b: t_test(x, b, a), "not the other way round"),
            "one side": (lambda: lambda x, a, b: t_test(x, a, b, sides=1), "one-sided"),
            "without 1 / n": (lambda: lambda x, a, b: t_test(x, a, b, share=b / a), "1 / n is missing"),
            "a constant": (lambda: lambda x, a, b: 0.9, "for 25 differences it gives"),
        },
    ),
    "06-2B": Answers(
        given=dict,
        right={"as it is": lambda: "own", "in capitals": lambda: " Own"},
        wrong={
            "none": (lambda: "none", "nobody asked whose"),
            "shuffled": (lambda: "shuffled", "which picture of a class"),
            "noise": (lambda: "noise", "any weights at all"),
            "another": (lambda: "brain", "should be one of none, shuffled, noise, own"),
        },
    ),
    "06-3A": Answers(
        given=lambda: {"found": found()},
        right={
            "a list": lambda found: [10, 30],
            "from the results": lambda found: {
                s for s, x in found.items() if x.p_value.sel(weighting="shuffled") < 0.05
            },
            "an array": lambda found: np.array([30.0, 10.0]),
        },
        wrong={
            "against none": (lambda found: [3, 10, 30], "beat all weights alike"),
            "against the features": (lambda found: [30], "beat the features' own"),
            "gains": (lambda found: [1, 3, 10, 30], "is its p-value below"),
            "another": (lambda found: [5], "the strengths are 1, 3, 10, 30"),
            "some": (lambda found: [1, 10], "look up p_value"),
        },
    ),
}
