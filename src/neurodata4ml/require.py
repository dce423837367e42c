"""What a number must be, asked at every door in the same words."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from neurodata4ml.errors import DesignError


def require_whole(value: object, name: str, *, least: int, most: int | None = None, left_out: str = "") -> None:
    """Refuse what is no whole number of at least ``least``, and at most ``most``, where there is such a limit.

    ``left_out`` says what None means, where it may be None.
    """
    if value is None and left_out:
        return
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        message = f"{name} takes a whole number, {least} or more; got {value!r}."
    elif most is not None and int(value) > most:
        message = f"{name} takes a whole number, {least} to {most}; got {value!r}."
    else:
        return
    raise DesignError(message + (f" Leave it out for {left_out}." if left_out else ""))


def require_names(value: Any, name: str, *, example: str) -> list[Any]:
    """Return one name, or several, as a list; refuse what holds none, and say what to type (``example``)."""
    try:
        found = [value] if isinstance(value, str) else list(value)
    except TypeError:
        found = [None]
    if isinstance(value, Mapping) or not all(isinstance(one, str | numbers.Integral) for one in found):
        message = f"{name} takes names; got {value!r}. Type {name}={example}."
        raise DesignError(message)
    return found
