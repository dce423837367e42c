"""Numbers and lists as they stand in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

MAPS = {
    "rotation": "a rotation of the units",
    "scale": "one factor for all responses",
    "offset": "a constant added to each unit",
    "invertible": "any invertible linear map of the units",
    "permutation": "another order of the units",
    "pattern scale": "a factor for each stimulus",
    "pattern offset": "a constant added to all units at a stimulus",
}
"""What a metric or distance may be blind to, in words."""


def number(value: Any) -> str:
    """Return a number with two decimals, small ones with two digits; words for NaN."""
    found = float(value)
    if not math.isfinite(found):
        return "not defined" if math.isnan(found) else ("infinite" if found > 0 else "minus infinite")
    if found == 0 or 0.095 <= abs(found) < 1e4:
        return f"{found:.2f}"
    return f"{found:.2g}" if abs(found) > 1e-4 else ("below 0.0001" if found > 0 else "-0.00")


def estimate(value: Any, low: Any = math.nan, high: Any = math.nan) -> str:
    """Return an estimate with its interval: ``0.41 (0.35 to 0.47)``."""
    known = math.isfinite(float(low)) and math.isfinite(float(high))
    return number(value) + (f" ({number(low)} to {number(high)})" if known else "")


def count(n: Any, noun: str, nouns: str | None = None) -> str:
    """Return a number of things: ``1 unit``, ``4,096 features``."""
    return f"{int(n):,} {noun if int(n) == 1 else nouns or noun + 's'}"


def listed(items: Sequence[Any], most: int = 6) -> str:
    """Return ``a, b and c``; beyond ``most``, ``a, b and 9 more``."""
    shown = [str(item) for item in items]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def sentence(text: str) -> str:
    """Return text that begins with a capital and ends with a stop; nothing stays nothing."""
    text = text.strip()
    return text and text[0].upper() + text[1:] + ("" if text[-1] in ".!?:" else ".")


def percent(level: Any) -> str:
    """Return a confidence level: ``95 %``."""
    return f"{100 * float(level):.4g} %"


def things(name: str) -> str:
    """Return the plural of what is drawn or left out: ``stimuli``, ``animals``."""
    return {"stimulus": "stimuli"}.get(name, name if name.endswith("s") else f"{name}s")


def names(array: xr.Dataset | xr.DataArray, dim: str) -> list[str]:
    """Return the labels along ``dim``; positions where there are none."""
    return [str(v) for v in array[dim].values] if dim in array.coords else [str(i) for i in range(array.sizes[dim])]


def span(values: Any, noun: str) -> str:
    """Return how many there are of something that differs: ``60 units``, ``40 to 60 units``."""
    low, high = int(np.min(values)), int(np.max(values))
    return count(low, noun) if low == high else f"{low:,} to {count(high, noun)}"


def value_of(result: xr.Dataset, name: str, **where: Any) -> float:
    """Return one number of a result, at the labels or positions of the dims it has; NaN where it is absent."""
    if name not in result:
        return math.nan
    found = result[name]
    return float(found.isel({dim: k for dim, k in where.items() if dim in found.dims}).values)
