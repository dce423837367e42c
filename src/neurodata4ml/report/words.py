"""Numbers and names as words: every number with its interval, every name as harmless text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

NBSP = "\u00a0"


def plain(value: Any, limit: int | None = None) -> str:
    """Return any value as text that cannot steer a page.

    Control and direction marks become spaces, the scheme of an address is dropped (a report names addresses, it
    never links to them) and a DOI reads ``doi:10...``. Longer than ``limit`` characters: cut in the middle.
    """
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") else c for c in str(value))
    text = re.sub(r"\b(?:https?|ftp)://(?:dx\.)?doi\.org/", "doi:", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(?:https?|s?ftp)://", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+", " ", text.replace("\u00a0", "\ue000")).replace("\ue000", "\u00a0").strip(" ")
    if limit is None or len(text) <= limit:
        return text
    head = (limit - 1) * 3 // 5
    return f"{text[:head].rstrip()}…{text[len(text) - (limit - 1 - head) :].lstrip()}"


def named(label: Any) -> str:
    """Return the name of an area or a candidate as it stands in a sentence: never longer than a line."""
    return plain(label, 56) or "(no name)"


def sentence(text: Any) -> str:
    """Return text that begins with a capital and ends with a stop."""
    said = plain(text)
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?", ":")) else ".")


def number(value: Any, digits: int = 2) -> str:
    """Return a measured number to read: ``digits`` significant ones or one more, a true minus, words for none."""
    value = as_float(value)
    size = abs(value)
    if not math.isfinite(value):
        return "not available"
    if value == 0:
        return "0"
    if not 1e-4 <= size < 1e6:
        text = f"{value:.{digits - 1}e}"
    elif size < 0.0995:
        text = f"{value:.{digits - 1 - math.floor(math.log10(size))}f}"
    else:
        text = f"{value:,.{digits if size < 10 else digits - 1 if size < 100 else digits - 2}f}"
    return text.replace("-", "−")


def compact(value: Any) -> str:
    """Return a number that was chosen, not measured, as it was written: ``0.35``, ``10``."""
    value = as_float(value)
    return f"{value:g}".replace("-", "−") if math.isfinite(value) else "not available"


def interval(estimate: Any, low: Any, high: Any, *, units: str = "", level: float = 0.95) -> str:
    """Return an estimate with its interval: ``0.82 (95 % interval 0.78 to 0.86)``."""
    suffix = f"{NBSP}{units}" if units else ""
    if not (math.isfinite(as_float(low)) and math.isfinite(as_float(high))):
        return number(estimate) + suffix
    return f"{number(estimate)}{suffix} ({confidence(level)} interval {number(low)} to {number(high)})"


def bounds(low: Any, high: Any, digits: int = 2) -> str:
    """Return an interval for a table cell: ``0.78 to 0.86``."""
    known = math.isfinite(as_float(low)) and math.isfinite(as_float(high))
    return f"{number(low, digits)} to {number(high, digits)}" if known else "not available"


def confidence(level: float) -> str:
    """Return a confidence level as per cent: ``95 %``, ``99.9 %``."""
    return f"{100 * level:.4g}{NBSP}%"


def bin_words(array: xr.Dataset) -> str:
    """Return how wide the time bins of a result are, in ms; nothing where it does not say."""
    width = array.attrs.get("bin_width")
    return f"{compact(1000 * width)}\u00a0ms" if isinstance(width, int | float) else ""


def percent(fraction: Any, digits: int = 0) -> str:
    """Return a fraction as per cent, with the space that typographers want."""
    value = as_float(fraction)
    return f"{100 * value:.{digits}f}{NBSP}%" if math.isfinite(value) else "not available"


def p_value(value: Any, n_shuffles: int | None = None) -> str:
    """Return a permutation p-value, and say where the number of shuffles is what bounds it."""
    value = as_float(value)
    if not math.isfinite(value):
        return "p not available"
    smallest = n_shuffles is not None and math.isclose(value, 1 / (n_shuffles + 1), rel_tol=1e-6)
    return f"p{NBSP}={NBSP}{number(value)}" + (f", the smallest that {n_shuffles} shuffles allow" if smallest else "")


def count(n: Any, noun: str, nouns: str | None = None) -> str:
    """Return a number of things: ``1 trial``, ``34,057 spikes``."""
    known = math.isfinite(as_float(n))
    shown = f"{int(as_float(n)):,}" if known else "an unknown number of"
    return f"{shown}{NBSP if known else ' '}{noun if as_float(n) == 1 else (nouns or noun + 's')}"


def listing(items: Sequence[str], limit: int = 4) -> str:
    """Return ``a, b and c``; beyond ``limit``, ``a, b, c and 9 more``."""
    shown = list(items) if len(items) <= limit else [*items[: limit - 1], f"{len(items) - limit + 1} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def as_float(value: Any) -> float:
    """Return a float; what is missing or no number is NaN."""
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError):
        return math.nan


def values(array: xr.Dataset, name: str, **where: Any) -> np.ndarray:
    """Return variable ``name`` as floats, at labels ``where``; NaN of the same shape as its dims when absent.

    Parameters
    ----------
    array : Dataset
        One entry of ``Results.arrays``.
    name : str
        Any variable; an absent one reads as a scalar NaN.
    **where
        Labels to select, by dim; dims that the variable lacks are ignored.
    """
    if name not in array:
        return np.array(math.nan)
    found = array[name]
    for dim, label in where.items():
        if dim in found.dims:
            found = found.isel({dim: labels(array, dim).index(str(label))})
    return np.asarray(found.values, dtype=object).astype(float)


def column(array: xr.Dataset, name: str, n: int, **where: Any) -> np.ndarray:
    """Return :func:`values` as ``n`` floats; a scalar, or the NaN of an absent variable, is repeated."""
    return np.broadcast_to(values(array, name, **where), (n,))


def labels(array: xr.Dataset, dim: str) -> list[str]:
    """Return the labels of ``dim`` as strings, in order; positions where there are none."""
    return [str(v) for v in array[dim].values] if dim in array.coords else [str(i) for i in range(array.sizes[dim])]


def texts(array: xr.Dataset, name: str, default: str = "") -> list[str]:
    """Return a one-dimensional variable or coordinate as strings; ``default`` where it is absent or empty."""
    if name not in array.variables:
        return [default]
    return [default if v is None else str(v) for v in np.atleast_1d(array[name].values)]


def metric_words(name: Any) -> str:
    """Return the name of a metric as people say it."""
    known = {
        "cka": "linear CKA",
        "cka_unbiased": "unbiased linear CKA",
        "procrustes": "Procrustes similarity",
        "rsa_pearson": "RSA, Pearson",
        "rsa_spearman": "RSA, Spearman",
        "rsa_rho_a": "RSA, rho-a",
        "rsa_tau_a": "RSA, tau-a",
        "rsa_cosine": "RSA, cosine",
    }
    return known.get(str(name), plain(name))


def distance_words(name: Any) -> str:
    """Return the name of a distance as people say it."""
    known = {
        "correlation": "correlation distance (1 − r)",
        "euclidean": "squared Euclidean distance per unit",
        "crossnobis": "crossnobis distance per unit",
    }
    return known.get(str(name), plain(name) if " " in str(name) else f"{plain(name)} distance".strip())


def score_words(name: Any) -> str:
    """Return the name of a score as people say it."""
    known = {
        "balanced_accuracy": "balanced accuracy",
        "auc": "area under the ROC curve",
        "accuracy": "accuracy",
        "r2": "R²",
        "r": "correlation (r)",
        "median_error": "median error",
        "cc_norm": "noise-corrected correlation",
        "r2_er": "noise-corrected R²",
        "r_ceiled": "correlation over that of a perfect model",
        "r2_ceiled": "R² over that of a perfect model",
        "deviance": "share of deviance explained",
        "bits_per_spike": "bits per spike",
    }
    return known.get(str(name), plain(name))


def over_words(over: Any) -> str:
    """Return what an interval is over as people say it: ``trials``, ``stimuli and units``."""
    known = {"trial": "trials", "stimulus": "stimuli", "unit": "units"}
    return listing([known.get(part, plain(part)) for part in str(over).split(", ") if part])


def event(array: xr.Dataset) -> str:
    """Return the word for time zero: what the trials were aligned to."""
    return event_words(array.attrs.get("align"))


def event_words(align: Any) -> str:
    """Return the word for the column of the event at time zero."""
    return "onset" if align in (None, "", "start_time") else plain(align, 28)
