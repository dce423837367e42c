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
    "similarity": ("jackknife",),
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
        metric = str(array.attrs.get("metric", ""))
        used.update(_OF_METRIC.get(metric, ("rdm", "rsa") if metric.startswith("rsa") else ()))
    return tuple(sorted(known[name] for name in used))
