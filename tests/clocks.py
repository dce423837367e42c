"""Another clock for one module: other threads of the process keep theirs."""

import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def own_time(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **replaced: Any) -> None:
    """Replace functions of ``time`` (``sleep=naps.append``) as one module sees them, and no other."""
    was = vars(getattr(module, "time", time))
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**was, **replaced}))
