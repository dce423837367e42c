"""Whom a report rests on: the references of the methods that it used."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

import xarray as xr

from neurodata4ml.results import Results

_NEEDED = {
    "psth": ("jackknife",),
    "decoding": ("estimators", "permutation", "jackknife"),
    "reliability": ("reliability",),
    "rdms": ("rdm",),
    "encoding": ("encoding", "jackknife"),
    "similarity": ("jackknife", "permutation"),
}
"""Section -> what it always rests on."""

_CHOSEN = {
    "decoding": {
        "decoder": {"lda": "ledoit", "ridge": "ridge", "svm": "svm", "bayes": "bayes"},
        "scoring": {"balanced_accuracy": "balanced"},
    },
    "latents": {"method": {m: m for m in ("pca", "fa", "ica", "nmf", "dpca", "gpfa", "tca", "cebra")}},
    "dimensionality": {
        "method": {"participation": "dimensionality", "cvpca": "cvpca", "parallel": "parallel"},
    },
    "reliability": {"method": {"split_half": "halves"}},
    "rdms": {"distance_brain": {"crossnobis": "crossnobis", "mahalanobis": "crossnobis"}},
    "encoding": {
        "encoder": {"ridge": "ridge", "banded": "banded"},
        "corrected": {"cc_norm": "cc_norm", "r2_er": "r2_er"},
    },
    "similarity": {
        "correction": {"max-t": "maximum", "holm": "holm", "fdr": "fdr"},
        "second_distance": {"crossnobis": "crossnobis"},
        "distance": {"crossnobis": "crossnobis"},
    },
}
"""Section -> attribute of its array -> the reference of each choice."""

_OF_METRIC = {"cka": ("cka",), "cka_unbiased": ("cka", "hsic", "unbiased"), "procrustes": ("procrustes",)}


OVER_RECORDINGS = ("student", "animals", "summary", "prevalence", "bonferroni", "fisher", "ceiling")
"""What rests on these is said over recordings."""


def references(results: Results, also: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the references of the methods that made these results, and of ``also``, in alphabetical order."""
    used = {"data", "arrays", *also}
    for name, array in results.arrays.items():
        used.update(used_by(name, array))
    return tuple(sorted(_known()[name] for name in used))


def used_by(section: str, array: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the references that a section rests on, by what was chosen in it."""
    used = list(_NEEDED.get(section, ()))
    for attribute, of_choice in _CHOSEN.get(section, {}).items():
        used.append(of_choice.get(str(array.attrs.get(attribute, "")), ""))
    if section == "decoding" and "p_value_corrected" in array:
        used.append("maximum")
    if section == "dimensionality" and "participation_ratio" in array:
        used += ["dimensionality", "jackknife"]
    if "crossnobis" in str(array.attrs.get("distance", "")):
        used.append("crossnobis")
    for metric in (str(array.attrs.get(name, "")) for name in ("metric", "second_metric")):
        used += _OF_METRIC.get(metric, ("rdm", "rsa") if metric.startswith("rsa") else ())
    if "hierarchy" in array:
        used.append("hierarchy")
    return tuple(dict.fromkeys(filter(None, used)))


def cited(names: tuple[str, ...]) -> str:
    """Return references as they stand in a sentence: ``(Horn 1965; Walther et al. 2016)``; nothing for none."""
    said = sorted({_short(_known()[name]) for name in names})
    return f" ({'; '.join(said)})" if said else ""


def _short(reference: str) -> str:
    """Return ``Yu et al. 2009`` of a whole reference."""
    authors, year = re.match(r"(.*?) \((\d{4})\)", reference).groups()  # type: ignore[union-attr]
    names = [re.sub(r" [A-Z]+$", "", one) for one in authors.removesuffix(" et al.").split(", ")]
    if authors.endswith("et al.") or len(names) > 2:
        return f"{names[0]} et al. {year}"
    return f"{' & '.join(names)} {year}"


@cache
def _known() -> dict[str, str]:
    text = files("neurodata4ml.report").joinpath("references.toml").read_text(encoding="utf-8")
    return {name: str(reference) for name, reference in tomllib.loads(text).items()}
