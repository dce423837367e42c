"""Compile a function of loops by numba, whose import takes its time: only files of loops import this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` when it is called; keep the machine code on disk where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder can be written (a read-only container): compile in every process
        return numba.njit(nogil=True)(function)
