"""The kinds of tolerance: how far a number may lie from the one that is stored, and why that far.

Two runs with the same packages on the same kind of processor give the same bytes. Elsewhere sums are taken in another
order, and a newer numpy may draw other shuffles from the same seed: a rule says how far either can lead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

RELATIVE = 1e-6
"""Of the largest number of an array: what rounding in another order adds up to, with a thousandfold to spare."""

FLOOR = 1e-12
"""Below this no two numbers differ."""

ITERATED = 1e-3
"""Of the largest number: where a search stops depends on its starting point and on rounding."""

ERRORS = 4 * math.sqrt(2)
"""Two independent draws differ by sqrt(2) standard errors; chance exceeds four times that once in 16,000."""

N_SPLITS = 20
"""Random halves behind a value whose result does not say their number: what ``compare`` takes."""

N_RESAMPLES = 200
"""Resamples behind an interval whose result does not say their number: what ``hierarchy`` takes."""

_END = math.sqrt(0.025 * 0.975) / float(stats.norm.pdf(stats.norm.ppf(0.975)))
"""Standard error of the 2.5th percentile of n normal draws, in standard deviations over sqrt(n)."""

_SIDE = float(stats.norm.ppf(0.975))

Bound = Callable[[xr.Dataset, xr.Dataset, str], xr.DataArray]


@dataclass(frozen=True)
class Tolerance:
    """A rule: what it is called, how it reads, and the largest deviation it allows of each entry.

    Attributes
    ----------
    name, words : str
    bound : callable
        ``bound(stored, again, variable)``: in the units of the variable, of dims that it has.
    """

    name: str
    words: str
    bound: Bound


def _values(found: xr.Dataset, name: str) -> xr.DataArray:
    return found[name].astype(float).reset_coords(drop=True).drop_attrs()


def _largest(found: xr.Dataset, name: str) -> float:
    sizes = np.abs(_values(found, name).values)
    return float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))


def _none(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    return xr.DataArray(0.0)


def _rounding(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    return xr.DataArray(RELATIVE * max(_largest(stored, name), _largest(again, name)) + FLOOR)


def _each_rounding(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    return RELATIVE * abs(_values(stored, name)).fillna(0) + FLOOR


def _search(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    return xr.DataArray(ITERATED * max(_largest(stored, name), _largest(again, name)) + FLOOR)


def _last_digit(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    largest = max(_largest(stored, name), _largest(again, name))
    return xr.DataArray(1.01 * 10.0 ** (math.floor(math.log10(largest)) - 5) if largest else FLOOR)


def _four_decimals(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    return xr.DataArray(1.01e-4)


def _spread(stored: xr.Dataset, again: xr.Dataset, low: str, high: str) -> xr.DataArray:
    """Return the standard error that an interval tells: of two, the smaller, so that none is widened to let more by."""
    one, other = (abs(_values(found, high) - _values(found, low)) for found in (stored, again))
    smaller: xr.DataArray = xr.apply_ufunc(np.minimum, one, other)
    return smaller / (2 * _SIDE)


def _number(found: xr.Dataset, name: str, other: float) -> float:
    stated = found.attrs.get(name)
    return float(stated) if isinstance(stated, int | float) and stated > 0 else other


def _flips(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    n_trials = _number(stored, "n_trials", math.inf)
    share = 0.0 if stored.attrs.get("decoder", "lda") in ("lda", "bayes") else 0.01
    return xr.DataArray((2 / n_trials if math.isfinite(n_trials) else 0.0) + share + FLOOR)


def _p(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    n = _number(stored, "n_shuffles", math.inf)
    if math.isinf(n):
        return _rounding(stored, again, name)
    p = ((_values(stored, name) + _values(again, name)) / 2).clip(0, 1)
    return ERRORS * (p * (1 - p) / n) ** 0.5 + 1 / (n + 1)


def _chance(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    n_shuffles, n_trials = (_number(stored, key, math.inf) for key in ("n_shuffles", "n_trials"))
    p = _values(stored, name).clip(0, 1)
    return ERRORS * (p * (1 - p) / n_trials / n_shuffles) ** 0.5 + FLOOR


def _band(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    spread = _spread(stored, again, "null_low", "null_high")
    steps = 2 / _number(stored, "n_trials", math.inf)  # a percentile of shares of trials moves by whole trials
    return ERRORS * _END * spread / math.sqrt(_number(stored, "n_shuffles", math.inf)) + steps + FLOOR


def _drawn(low: str, high: str, n: str, other: float, *, end: bool = False) -> Bound:
    """Return the Monte-Carlo error of a mean over draws, or of the ends of its interval, from the interval stored."""

    def bound(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
        if not {low, high} <= set(stored.variables) & set(again.variables):
            return _search(stored, again, name)
        spread = _spread(stored, again, low, high)
        extra = [dim for dim in spread.dims if dim not in stored[name].dims]
        error = ERRORS * (_END if end else 1.0) * spread.max(extra) / math.sqrt(_number(stored, n, other))
        return error.fillna(0) + _rounding(stored, again, name)

    return bound


def _of_null(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    """Return what the means, and standard deviations, of two sets of draws may differ by; see ``summary_of_null``."""
    draws = next(dim for dim in stored[name].dims if dim in DRAWS)
    n = stored.sizes[draws]
    sd: xr.DataArray = xr.apply_ufunc(np.fmin, *(_values(found, name).std(draws) for found in (stored, again)))
    return xr.concat([ERRORS * sd / math.sqrt(n), ERRORS * sd / math.sqrt(2 * max(n - 1, 1))], "of") + FLOOR


def _of_row(stored: xr.Dataset, again: xr.Dataset, name: str) -> xr.DataArray:
    """Return the tolerance of a table whose rows are quantities of several kinds, in units of their own."""
    rounding = _each_rounding(stored, again, name)
    if "quantity" not in stored:
        return rounding
    quantity, trials = stored["quantity"].astype(str), 2e-3
    spread = _spread(stored, again, "low", "high").fillna(0)
    drawn = ERRORS * _END * spread / math.sqrt(N_SPLITS)
    halves = quantity.isin(["noise ceiling", "dimensionality of the signal"]) | quantity.str.startswith("similarity")
    return rounding + drawn.where(halves, 0.0) + trials * (quantity == "decoding accuracy")


DRAWS = ("shuffle", "draw", "resample")
"""Dims of draws: their order means nothing, and their mean and standard deviation are compared."""

EXACT = Tolerance("exact", "0: counts, labels, yes or no, digests", _none)
CLOSED = Tolerance("closed form", f"{RELATIVE:g} of the largest number of the array", _rounding)
SEARCH = Tolerance("iterative fit", f"{ITERATED:g} of the largest number of the array", _search)
DIGIT = Tolerance("stored to six digits", "one unit of the last digit that is stored", _last_digit)
DECIMAL = Tolerance("stored to four decimals", "one unit of the last decimal that is stored", _four_decimals)
READ = Tolerance("share of trials", "two trials read otherwise; of an iterative decoder one in a hundred more", _flips)
P = Tolerance("p-value", "4 sqrt(2) standard errors sqrt(p (1 - p) / n) of n shuffles, and 1 / (n + 1)", _p)
CHANCE = Tolerance("mean of shuffles", "4 sqrt(2) standard errors of the mean of n shuffles", _chance)
BAND = Tolerance("percentile of shuffles", "4 sqrt(2) standard errors of a percentile of n shuffles", _band)
NULL = Tolerance("null distribution", "4 sqrt(2) standard errors of its mean, and of its standard deviation", _of_null)
ROW = Tolerance(
    "by the row's quantity", f"{RELATIVE:g} of each number; Monte-Carlo error where halves are drawn", _of_row
)


def mean_of(low: str, high: str, n: str = "n_splits", other: float = N_SPLITS) -> Tolerance:
    """Return the rule for a mean over ``n`` random draws, whose spread is told by the interval ``low`` to ``high``."""
    words = "4 sqrt(2) standard errors of a mean over random halves, from its interval"
    return Tolerance("mean of draws", words, _drawn(low, high, n, other))


def end_of(low: str, high: str, n: str = "n_splits", other: float = N_SPLITS) -> Tolerance:
    """Return the rule for either end of the interval ``low`` to ``high`` of ``n`` draws."""
    words = "4 sqrt(2) standard errors of the end of an interval of n draws"
    return Tolerance("end of an interval of draws", words, _drawn(low, high, n, other, end=True))


def interval(value: str, low: str, high: str, n: str = "n_splits", other: float = N_SPLITS) -> dict[str, Tolerance]:
    """Return the rules for a value and both ends of its interval, by the names of the variables."""
    return {value: mean_of(low, high, n, other), **dict.fromkeys((low, high), end_of(low, high, n, other))}


def summary_of_null(values: xr.DataArray) -> xr.DataArray:
    """Return the mean and the standard deviation of draws, dim ``of``: all that two sets of draws have in common."""
    draws = next(dim for dim in values.dims if dim in DRAWS)
    return xr.concat([values.mean(draws), values.std(draws)], "of")
