"""What a confidence must be, asked at every door that gives intervals."""

from __future__ import annotations

import numbers

from neurodata4ml.errors import DesignError


def require_confidence(confidence: object, *, step: str) -> None:
    """Refuse a confidence that is no number between 0 and 1."""
    if not isinstance(confidence, numbers.Real) or not 0 < float(confidence) < 1:
        message = f"{step} needs a confidence between 0 and 1; got {confidence!r}. Type confidence=0.95."
        raise DesignError(message)
