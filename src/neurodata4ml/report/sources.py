"""Whom a report rests on: the references of the methods that it used."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from neurodata4ml.results import Results

_NEEDED = {
    "psth": ("jackknife",),
    "decoding": ("estimators", "balanced", "permutation", "maximum", "jackknife"),
    "dimensionality": ("dimensionality", "jackknife"),
    "reliability": ("reliability",),
    "rdms": ("rdm",),
    "similarity": ("jackknife", "permutation", "maximum"),
}

_OF_METRIC = {"cka": ("cka",), "cka_unbiased": ("cka", "hsic", "unbiased"), "procrustes": ("procrustes",)}


def references(results: Results) -> tuple[str, ...]:
    """Return the references of the methods that made these results, in alphabetical order."""
    known = tomllib.loads(files("neurodata4ml.report").joinpath("references.toml").read_text(encoding="utf-8"))
    used = {"data", "arrays"}
    for name, array in results.arrays.items():
        used.update(_NEEDED.get(name, ()))
        if "crossnobis" in str(array.attrs.get("distance", "")):
            used.add("crossnobis")
        for metric in (str(array.attrs.get(name, "")) for name in ("metric", "second_metric")):
            used.update(_OF_METRIC.get(metric, ("rdm", "rsa") if metric.startswith("rsa") else ()))
        if "hierarchy" in array:
            used.add("hierarchy")
    return tuple(sorted(known[name] for name in used))
