"""What decode and generalize can be told besides the data and the target, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.null import Null
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


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

    def __post_init__(self) -> None:
        """Refuse what no number of shuffles, seed, number of threads or grid can be."""
        require_whole(self.n_shuffles, "n_shuffles", least=0)
        require_whole(self.seed, "seed", least=0)
        require_whole(self.n_jobs, "n_jobs", least=1, left_out="all cores")
        if not isinstance(self.nested, bool | Mapping | None):
            message = (
                f"nested takes True, False or a grid such as {{'C': [0.1, 1, 10]}}; got {self.nested!r}. Leave it out "
                f"for the decoder's own way."
            )
            raise DesignError(message)
