"""Read what a student answered, however it is written, or say what it should be."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.suggest import did_you_mean

_DOES_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST"}
"""What a function that is still empty compiles to."""


class Off(Exception):
    """An answer is not right; the message is a sentence to the student that says what is off."""


def is_open(answer: Any) -> bool:
    """Return whether nobody has answered yet: ``...`` or None, or a function that is still empty."""
    if answer is None or answer is Ellipsis:
        return True
    steps = list(dis.get_instructions(answer)) if isinstance(answer, FunctionType) else []
    returned = [step.argval for step in steps if "CONST" in step.opname]
    return bool(steps) and {step.opname for step in steps} <= _DOES_NOTHING and set(returned) <= {None, Ellipsis}


def number(answer: Any, name: str) -> float:
    """Return one number: a Python or numpy number, or an array with one entry.

    Raises
    ------
    Off
        It is no number, more than one, or NaN.
    """
    try:
        values = np.asarray(_plain(answer), dtype=float).ravel()
    except (TypeError, ValueError):
        message = f"{name} should be one number; this is a {type(answer).__name__}: {_short(answer)}."
        raise Off(message) from None
    if values.size != 1:
        message = f"{name} should be one number; this has {values.size}. Which of them, or their mean over what?"
        raise Off(message)
    if not np.isfinite(values[0]):
        message = f"{name} is {values[0]}. Is there a NaN in what it was computed from, or a division by zero?"
        raise Off(message)
    return float(values[0])


def values(answer: Any, name: str, *, like: xr.DataArray) -> np.ndarray:
    """Return an array in the order of ``like``: labelled arrays meet by label, others by position.

    Raises
    ------
    Off
        It is no array of numbers, of another shape, lacks labels of ``like``, or holds NaN where ``like`` does not.
    """
    if isinstance(answer, xr.Dataset):
        message = f"{name} should be one array; this is a Dataset of {', '.join(map(str, answer))}. Which of them?"
        raise Off(message)
    if isinstance(answer, xr.DataArray) and set(answer.dims) == set(like.dims):
        answer = _in_order(answer, name, like)
    try:
        found = np.asarray(_plain(answer), dtype=float)
    except (TypeError, ValueError):
        message = f"{name} should be numbers ({_dims(like)}); this is a {type(answer).__name__}: {_short(answer)}."
        raise Off(message) from None
    if found.shape != like.shape:
        turned = " It is turned: .T" if found.shape == like.shape[::-1] and found.ndim > 1 else ""
        message = f"{name} should be ({_dims(like)}), shape {like.shape}; this has shape {found.shape}.{turned}"
        raise Off(message)
    if (np.isnan(found) & ~np.isnan(np.asarray(like.values, dtype=float))).any():
        message = f"{name} holds {int(np.isnan(found).sum())} NaN where there is a number."
        raise Off(message)
    return found


def labels(answer: Any, name: str) -> list[Any]:
    """Return several labels as a list, sorted: of a list, a set, an array, or one alone.

    Raises
    ------
    Off
        It is a number of labels instead of the labels, or no collection at all.
    """
    if isinstance(answer, str):
        return [answer]
    try:
        found = list(np.asarray(_plain(answer)).ravel().tolist() if not isinstance(answer, set) else answer)
    except TypeError:
        found = []
    if not isinstance(answer, Iterable) or not all(isinstance(one, str | int | float) for one in found):
        message = f"{name} should be a list of labels; this is a {type(answer).__name__}: {_short(answer)}."
        raise Off(message)
    return sorted(set(found), key=str)


def word(answer: Any, name: str, *, among: Iterable[str]) -> str:
    """Return the one of ``among`` that was meant, in whatever case and with whatever blanks around it.

    Raises
    ------
    Off
        It is none of them.
    """
    known = {one.casefold(): one for one in among}
    said = str(_plain(answer)).strip().casefold()
    if said not in known:
        message = f"{name} should be one of {', '.join(known.values())}; this is {_short(answer)}"
        raise Off(message + did_you_mean(said, list(known)))
    return known[said]


def truth_value(answer: Any, name: str) -> bool:
    """Return yes or no: True or False of Python or numpy, or the words.

    Raises
    ------
    Off
        It is neither.
    """
    said = str(_plain(answer)).strip().casefold()
    if said not in ("true", "false", "yes", "no"):
        message = f"{name} should be True or False; this is {_short(answer)}."
        raise Off(message)
    return said in ("true", "yes")


def function(answer: Any, name: str) -> Callable[..., Any]:
    """Return a function that was written.

    Raises
    ------
    Off
        It is none: most likely it was called.
    """
    if not callable(answer):
        message = f"{name} should be a function; this is a {type(answer).__name__}. Give the function, without ()."
        raise Off(message)
    return answer  # type: ignore[no-any-return]


def is_near(found: Any, expected: Any, *, within: float) -> bool:
    """Return whether all numbers are within ``within`` of those expected (NaN where NaN is expected)."""
    return bool(np.allclose(found, expected, rtol=0, atol=within, equal_nan=True))


def _in_order(answer: xr.DataArray, name: str, like: xr.DataArray) -> xr.DataArray:
    for dim in like.dims:
        if dim not in like.indexes or dim not in answer.indexes:
            continue
        missing = [one for one in like.indexes[dim] if one not in answer.indexes[dim]]
        if missing:
            message = f"{name} has nothing for {dim} {missing[0]!r} ({len(missing)} of {like.sizes[dim]} are missing)."
            raise Off(message)
        answer = answer.sel({dim: like[dim].values})
    return answer.transpose(*like.dims)


def _plain(answer: Any) -> Any:
    if isinstance(answer, xr.DataArray | pd.Series | pd.DataFrame | pd.Index):
        return answer.to_numpy()
    return list(answer) if isinstance(answer, map | range | filter | zip) else answer


def _dims(like: xr.DataArray) -> str:
    return ", ".join(map(str, like.dims))


def _short(answer: Any) -> str:
    text = " ".join(repr(answer).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
