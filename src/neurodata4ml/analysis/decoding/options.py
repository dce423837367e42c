"""What decode and generalize can be told besides the data and the target, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.null import Null


@dataclass(frozen=True)
class Options:
    """The keywords that ``decode`` and ``generalize`` share; ``decode`` says what each means."""

    decoder: Any = "lda"
    n_folds: int = 5
    folds: Folds | Any = None
    n_shuffles: int = 99
    null: Null | str | None = None
    nested: bool | Mapping[str, Any] | None = None
    scoring: str | None = None
    confounds: str | Sequence[str] | None = None
    correction: str | None = "max-t"
    allow_leak: str | None = None
    seed: int = 0
    n_jobs: int | None = None
