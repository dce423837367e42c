"""What several answers need: enough conditions, wider bins, one result per area stacked, words that explain it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.dims import Labelled
from neurodata4ml.errors import DesignError
from neurodata4ml.studies.material import Material

MIN_CONDITIONS = 4
"""Below four conditions an RDM has fewer than six entries, and unbiased CKA is not defined."""

_TOLD = (
    "What is asked",
    "What is estimated",
    "What the interval is over",
    "What independent data give",
    "What independent features give",
    "What equal responses give",
    "What chance gives",
    "What a perfect model would reach",
    "What changes nothing",
    "What would break it",
    "What it does not show",
)
"""Headings of an explanation that a page repeats; numbers and tests it shows itself."""

_MOST_TOLD = 6


def need_conditions(m: Material, least: int, what: str) -> None:
    """Refuse what needs more conditions than the study has.

    Parameters
    ----------
    m : Material
    least : int
    what : str
        What needs them, as it begins a sentence.

    Raises
    ------
    DesignError
        Fewer than ``least``.
    """
    labels = [str(v) for v in np.unique(m.counts["stimulus"].values)]
    if len(labels) < least:
        message = (
            f"{what} needs at least {least} conditions; {m.spec.by!r} has {len(labels)}: {', '.join(labels)}. "
            f"Choose a column with more values: --by COLUMN."
        )
        raise DesignError(message)


def clock(counts: xr.DataArray, m: Material) -> dict[str, Any]:
    """Return what a figure over time says of it: the width of its bins in seconds, and the event at zero."""
    return {"bin_width": counts.attrs["bin_width"], "align": m.spec.align}


def stack(parts: Sequence[Labelled], areas: list[str]) -> Labelled:
    """Put one result per area on a common dim, leaving behind the coordinates of single units.

    Where areas differ in the number of components, the absent ones are NaN.
    """
    plain = [part.drop_vars([n for n, c in part.coords.items() if n not in part.dims]) for part in parts]
    return xr.concat(plain, dim="area", join="outer", combine_attrs="override").assign_coords(area=areas)


def explained(result: xr.Dataset | xr.DataArray) -> list[str]:
    """Return what a result estimates and does not show, one sentence per heading of ``explain``, six at most."""
    parts = dict(part.split("\n", 1) for part in str(explain(result)).split("\n\n"))
    told = [(title, " ".join(parts[title].split())) for title in _TOLD if title in parts]
    told = [(title, text) for title, text in told if not text.startswith("No interval")]
    while len(told) > _MOST_TOLD:
        told.remove(next(one for one in told if one[0] in _LEAST_NEEDED))
    return [f"{title}: {_denial(text) if title == _DENIED else _first(text)}" for title, text in told]


_LEAST_NEEDED = ("What the interval is over", "What a perfect model would reach", "What chance gives", "What is asked")


_DENIED = "What it does not show"


def _first(text: str) -> str:
    """Return the first sentence."""
    return _sentences(text)[0]


def _denial(text: str) -> str:
    """Return the first sentence that says no."""
    return next((one for one in _sentences(text) if re.search(r"\b(not|never|nor|no)\b", one)), _first(text))


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.;])\s+(?=[A-Z]|[a-z0-9_]+: )", text)
