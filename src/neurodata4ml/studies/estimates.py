"""How long a study takes and how much memory it needs: seconds from the numbers of trials, units and shuffles.

Each analysis has a constant, the processor time that it took on the demo (2 cores of a small server, 2026), and a law
by which it grows. What comes of it is an estimate: half of it or twice as much is to be expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neurodata4ml.spec import Spec
from neurodata4ml.study_keys import ANALYSES

FACTOR = 2.0
"""The estimate divided and multiplied by this is the range that is told."""

BASE_MEMORY, PER_COUNT = 0.45e9, 40.0
"""Bytes of a process with its libraries, and for each spike count (trial, bin, unit)."""

PER_REPORT, PER_RECORDING = 3e6, 1.5e6
"""Bytes of a page with its results, and for each recording of many."""


@dataclass(frozen=True)
class Size:
    """How much of a recording is analysed.

    Attributes
    ----------
    n_trials, n_conditions, n_bins : int
    areas : mapping of str to int
        Units by area.
    n_candidates : int
        Layers, twins and baselines that it is compared with.
    is_simulated : bool
        Whether the truth is known, and estimated beside it.
    """

    n_trials: int
    n_conditions: int
    n_bins: int
    areas: Mapping[str, int]
    n_candidates: int = 0
    is_simulated: bool = False

    @property
    def n_units(self) -> int:
        """Units of all areas."""
        return sum(self.areas.values())


DEMO = Size(1994, 100, 25, {"early": 60, "late": 60}, 10, True)
"""What the constants were measured on, with 99 shuffles."""

DECODERS = {
    "lda": (0.02, 0.03),
    "ridge": (0.09, 0.6),
    "logistic": (0.9, 5.1),
    "svm": (2.5, 15.0),
    "knn": (0.06, 0.4),
    "bayes": (0.03, 0.14),
}
"""Processor seconds of one shuffle, all folds, for one area of the demo: the window at once, and bin by bin."""

REDUCERS = {"pca": 0.02, "fa": 0.05, "ica": 0.02, "nmf": 0.05, "dpca": 0.4, "gpfa": 40.0, "tca": 13.0, "cebra": 60.0}
"""Processor seconds of a method of latents for one area of the demo."""

DIMENSIONALITIES = {"participation": 0.8, "cvpca": 0.03, "parallel": 0.5}
"""The same of a method of dimensionality, the intervals included."""

ENCODERS = {"ridge": 0.3, "banded": 11.0, "pls": 0.4, "poisson": 7.5}
"""The same of an encoder, with the ten candidates of the demo."""

METRICS = {"cka": 0.2, "cka_unbiased": 0.7, "rsa_tau_a": 3.7, "predictivity": 3.5, "predictivity_reverse": 3.5}
"""The same of a metric; others take about a second."""


def seconds_of(spec: Spec, size: Size) -> dict[str, float]:
    """Return processor seconds by step of one recording: what is asked, opening it, and the truth of simulated data.

    Parameters
    ----------
    spec : Spec
    size : Size
    """
    asked = list(ANALYSES) if spec.analyses is None else list(spec.analyses)
    found = {"open": 0.5 * _grown(size, "n_trials", "n_units", "n_bins")}
    found |= {name: COSTS[name](spec.options.get(name, {}), spec, size) for name in ANALYSES if name in asked}
    return found | ({"truth": 13.6} if size.is_simulated else {})


def memory_of(size: Size) -> float:
    """Return the bytes that one process needs at most."""
    return BASE_MEMORY + PER_COUNT * size.n_trials * size.n_units * size.n_bins


def _rates(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    return 0.2 * _grown(size, "n_trials", "n_units", "n_bins")


def _decode(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    """Every shuffle is fitted anew, once for the window and once for the bins of time."""
    whole, course = DECODERS.get(str(options.get("decoder", "lda")), DECODERS["lda"])
    fits = 1 + int(options.get("n_shuffles", spec.n_shuffles))
    grid = 5 if options.get("nested") else 1
    once = course + whole * (options.get("over") is None)
    return fits * grid * (once * len(DEMO.areas) * _grown(size, "n_trials", "n_units", "n_conditions") + 2e-3)


def _latents(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    once = REDUCERS.get(str(options.get("method", "pca")), 1.0)
    return once * len(DEMO.areas) * _grown(size, "n_trials", "n_units")


def _dimensionality(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    once = DIMENSIONALITIES.get(str(options.get("method", "participation")), 1.0)
    shuffles = int(options.get("n_shuffles", 99)) / 99 if options.get("method") == "parallel" else 1.0
    return once * shuffles * len(DEMO.areas) * _grown(size, "n_conditions", "n_units")


def _reliability(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    splits = int(options.get("n_splits", 100)) if options.get("method") == "split_half" else 1
    return 0.01 * splits * _grown(size, "n_trials", "n_units")


def _rdm(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    times = 10 if options.get("over") == "time" else 1
    return 0.3 * times * _grown(size, "n_conditions", "n_conditions", "n_units")


def _encode(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    """Features are prepared once for all units; some encoders then fit each unit by itself."""
    once = ENCODERS.get(str(options.get("encoder", "ridge")), 1.0)
    fitted = once * len(DEMO.areas) * _grown(size, "n_candidates", "n_conditions", "n_units")
    return 0.9 * _grown(size, "n_candidates", "n_conditions") + fitted


def _compare(options: Mapping[str, Any], spec: Spec, size: Size) -> float:
    """Beside the metric that is asked for stands RSA, and as many units of every area."""
    once = METRICS.get(str(options.get("metric", "cka_unbiased")), 1.0) * int(options.get("n_shuffles", 999)) / 999
    cells = len(size.areas) * _grown(size, "n_candidates", "n_conditions", "n_conditions")
    return (1.3 + once) * cells


COSTS: dict[str, Callable[[Mapping[str, Any], Spec, Size], float]] = {
    "rates": _rates,
    "decode": _decode,
    "latents": _latents,
    "dimensionality": _dimensionality,
    "reliability": _reliability,
    "rdm": _rdm,
    "encode": _encode,
    "compare": _compare,
}
"""Processor seconds of each analysis of one recording: (its options, the study, the size)."""


def _grown(size: Size, *names: str) -> float:
    """Return how much larger the product of some numbers is than on the demo."""
    found = 1.0
    for name in names:
        found *= max(getattr(size, name), 1) / getattr(DEMO, name)
    return found
