"""Libraries that are not needed by all: imported when they are used, or what to type for them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from neurodata4ml.errors import DesignError


def need(module: str, *, step: str, install: str) -> Any:
    """Return an optional library.

    Raises
    ------
    DesignError
        It is not installed; the message says what to type.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.split(".")[0]
        message = f"{step} needs {library}, which is not installed here ({error}). Type: pip install {install}"
        raise DesignError(message) from error
