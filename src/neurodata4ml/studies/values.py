"""What the value of an option may be, beyond its type: one of a few words, or a number of a range."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from neurodata4ml.analysis.comparison.significance import CORRECTIONS
from neurodata4ml.analysis.decoding.decoders import DECODERS
from neurodata4ml.analysis.decoding.scoring import find_score
from neurodata4ml.analysis.design.nulls import SCHEMES
from neurodata4ml.analysis.dimensions.dimensionality import DIMENSIONALITIES
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.noise import PRECISIONS
from neurodata4ml.analysis.encoding.encoders import ENCODERS
from neurodata4ml.analysis.encoding.scores import SCORES
from neurodata4ml.analysis.inference import corrections
from neurodata4ml.analysis.latents.choice import CRITERIA
from neurodata4ml.analysis.latents.latents import REDUCERS
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.errors import DesignError
from neurodata4ml.study_keys import MOST_NUMBER, MOST_SEED, MOST_SHUFFLES
from neurodata4ml.suggest import guess

WORDS: dict[tuple[str, str], Sequence[str]] = {
    ("decode", "decoder"): tuple(DECODERS),
    ("decode", "over"): ("time",),
    ("decode", "null"): tuple(SCHEMES),
    ("decode", "correction"): (*corrections.CORRECTIONS, "none"),
    ("latents", "method"): tuple(REDUCERS),
    ("latents", "criterion"): tuple(CRITERIA),
    ("dimensionality", "method"): tuple(DIMENSIONALITIES),
    ("reliability", "method"): ("anova", "split_half"),
    ("rdm", "distance"): tuple(DISTANCES),
    ("rdm", "precision"): tuple(PRECISIONS),
    ("rdm", "over"): ("time",),
    ("encode", "encoder"): tuple(ENCODERS),
    ("encode", "scores"): tuple(SCORES),
    ("encode", "weigh"): ("trials", "equal"),
    ("compare", "metric"): tuple(METRICS),
    ("compare", "distance"): tuple(DISTANCES),
    ("compare", "correction"): CORRECTIONS,
}
"""What an option may be, where it is one of a few words."""


class Range(NamedTuple):
    """The numbers that an option may be: from ``low`` to ``high``, without the ends that are ``open``."""

    low: float
    high: float = math.inf
    low_is_open: bool = False
    high_is_open: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a number is one of them; none that is not finite is."""
        above = value > self.low if self.low_is_open else value >= self.low
        below = value < self.high if self.high_is_open else value <= self.high
        return abs(value) < MOST_NUMBER and above and below  # NaN is below nothing

    @property
    def words(self) -> str:
        """Return the range as it is read: ``above 0 and below 1``, ``of at least 2``."""
        low = f"above {self.low:g}" if self.low_is_open else f"of at least {self.low:g}"
        if self.high == math.inf:
            return low
        return f"{low} and below {self.high:g}" if self.high_is_open else f"from {self.low:g} to {self.high:,.0f}"


_SHARE = Range(0, 1, low_is_open=True, high_is_open=True)
_ABOVE_ZERO, _ZERO_OR_MORE, _ONE_OR_MORE = Range(0, low_is_open=True), Range(0), Range(1)

RANGES: dict[str, Range] = {
    "n_folds": Range(2),
    "n_groups": Range(2),
    "seed": Range(0, MOST_SEED),
    "n_shuffles": Range(0, MOST_SHUFFLES),
    **dict.fromkeys(("n_splits", "n_restarts", "n_repeats", "n_iter", "max_iter", "max_iterations"), _ONE_OR_MORE),
    **dict.fromkeys(("n_components", "candidates", "n_random", "n_jobs", "batch_size", "time_offsets"), _ONE_OR_MORE),
    **dict.fromkeys(("learning_rate", "temperature", "timescale", "gamma", "alphas", "project"), _ABOVE_ZERO),
    **dict.fromkeys(("regularizer", "purge", "min_variance", "tol"), _ZERO_OR_MORE),
    "bin_width": _ABOVE_ZERO,
    "margin": Range(0, 1, high_is_open=True),
    "quantile": _SHARE,
    "confidence": _SHARE,
}
"""What a number may be, by the name of its option; any other only has to be finite."""

_WHOLE = ("seed", "max_iter", "max_iterations", "candidates", "batch_size", "time_offsets")
_EXAMPLES = {"confidence": "0.95", "margin": "0.03", "alphas": "[1.0, 100.0]", "quantile": "0.95", "n_shuffles": "999"}


def wrong_value(table: str, name: str, value: Any) -> str | None:
    """Return what is wrong with a value that has the right type, or None.

    Parameters
    ----------
    table, name : str
        ``"decode"``, ``"n_folds"``.
    value : object
        As TOML has it; of a list each entry is looked at.
    """
    words = WORDS.get((table, name))
    for one in value if isinstance(value, list) else [value]:
        if words is not None and one not in words:
            return f"[{table}] {name} = {_shown(one)} is not known.{guess(one, words)} Known: {', '.join(words)}."
    if name == "alphas" and value == []:
        return f"[{table}] alphas = [] names no penalty. Type alphas = {_EXAMPLES[name]}, or leave it out."
    if (table, name) == ("decode", "scoring"):
        return _wrong_score(value)
    fitting = RANGES.get(name, Range(-math.inf))
    for one in _numbers(value):
        if not fitting.holds(one):
            example = f", e.g. {_EXAMPLES[name]}" if name in _EXAMPLES else ""
            kind = "a whole number" if name in _WHOLE or name.startswith("n_") else "a number"
            said = f"{kind} {fitting.words}" if name in RANGES else "a finite number"
            return f"[{table}] {name} = {_shown(one)} must be {said}{example}."
    return None


def _numbers(value: Any) -> Iterator[float]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, int | float) and not isinstance(one, bool):
            yield one


def _wrong_score(name: str) -> str | None:
    """Return what is wrong with a score of ``decode``: it must exist, for classes or for numbers."""
    said = []
    for continuous in (False, True):
        try:
            find_score(name, continuous=continuous)
        except DesignError as error:
            said.append(str(error))
    return f"[decode] scoring = {_shown(name)}: {said[0]}" if len(said) == 2 else None


def _shown(value: Any) -> str:
    return reprlib.repr(value)
