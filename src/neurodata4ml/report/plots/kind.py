"""One line of the register of plots: which results it is for, how they are cut into panels, how a panel is drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.report.figures.canvas import palette
from neurodata4ml.report.words import compact, plain

Panels = list[tuple[str, Any]]
"""Title and content of every panel."""


def whole(result: Any) -> Panels:
    """Return the result as one panel."""
    return [("", result)]


@dataclass(frozen=True)
class Plot:
    """How one kind of result is drawn.

    Attributes
    ----------
    name : str
        What it draws, as a reader would call it.
    shows : str
        What is to be seen, in a few words; the page docs/plot.md has the same.
    matches : callable (result) -> bool
        Whether the result is of this kind, by what it says of itself.
    draw : callable (ax, part, **options)
        Draws one panel.
    panels : callable (result) -> list of (title, part)
        Cuts the result into panels.
    size : callable (part) -> (width, height)
        Inches that a panel wants.
    square : bool
        Whether a panel is as high as wide, whatever the room.
    """

    name: str
    shows: str
    matches: Callable[[Any], bool]
    draw: Callable[..., None]
    panels: Callable[[Any], Panels] = whole
    size: Callable[[Any], tuple[float, float]] = lambda part: (4.4, 2.9)
    square: bool = False


def step_of(result: Any) -> str:
    """Return the last step that made a labelled result; "" where it says none."""
    try:
        steps = json.loads(result.attrs.get("steps", "[]"))
        return str(steps[-1]["step"]) if steps else ""
    except (AttributeError, TypeError, ValueError, KeyError, IndexError):
        return ""


def holds(*names: str) -> Callable[[Any], bool]:
    """Match a Dataset that holds all of these variables."""
    return lambda result: isinstance(result, xr.Dataset) and all(name in result.data_vars for name in names)


def shaped(*dims: str) -> Callable[[Any], bool]:
    """Match an array of exactly these dims, in any order."""
    return lambda result: isinstance(result, xr.DataArray) and set(result.dims) == set(dims)


def along(*dims: str) -> Callable[[Any], Panels]:
    """Cut a result into one panel for each label of those of ``dims`` that it has."""

    def cut(result: Any) -> Panels:
        parts: Panels = [("", result)]
        for dim in dims:
            if dim in result.dims:
                parts = [
                    (", ".join(filter(None, (title, label_of(part, dim, i)))), part.isel({dim: i}))
                    for title, part in parts
                    for i in range(part.sizes[dim])
                ]
        return parts

    return cut


def label_of(result: Any, dim: str, i: int) -> str:
    """Return the label at position ``i`` of ``dim`` as the title of a panel."""
    if dim not in result.coords:
        return f"{dim} {i}"
    label = result[dim].values[i]
    if isinstance(label, np.generic):
        label = label.item()
    said = compact(round(label, 6)) if isinstance(label, float) else plain(label, 28)
    return f"{said} s" if dim == "time" else said if isinstance(label, str) else f"{dim} {said}"


def names_of(result: Any, dim: str) -> list[str]:
    """Return the labels along ``dim`` as text; positions where there are none."""
    return [str(v) for v in result[dim].values] if dim in result.coords else [str(i) for i in range(result.sizes[dim])]


def areas_of(result: Any, dim: str = "unit") -> list[str] | None:
    """Return the area (or layer) of every unit; None where none is known."""
    for name in ("area", "layer"):
        if name in result.coords and result[name].dims == (dim,):
            return [str(v) for v in result[name].values]
    return None


def area_colours(areas: Iterable[str]) -> dict[str, str]:
    """Return one colour per area, by the alphabet: whatever is drawn of the same areas has the same colours."""
    return palette(sorted(set(areas)))


def rows_high(n: int) -> float:
    """Return inches for a panel of ``n`` labelled rows with its axis and legend."""
    return 1.0 + 0.22 * max(n, 1)


def with_units(what: str, units: Any) -> str:
    """Return a quantity with its units of measure in brackets, where it has any."""
    units = plain(units or "", 20)
    return what if units in ("", "1", "none") else f"{what} ({units.replace('^2', '²')})"


def floats(values: Any) -> np.ndarray:
    """Return values as floats, whatever they are stored as."""
    return np.asarray(getattr(values, "values", values), dtype=float)


def variable(result: xr.Dataset, name: str, n: Sequence[int] = ()) -> np.ndarray:
    """Return a variable as floats; NaN of the shape ``n`` where the result lacks it."""
    return floats(result[name]) if name in result else np.full(tuple(n), np.nan)
