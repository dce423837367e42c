"""How the numbers of a report were made: paragraphs with references, from what was used and not from what could be."""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from neurodata4ml.report.facts import asked_for, level_words
from neurodata4ml.report.sections.decoding_reading import DECODERS, folds_words
from neurodata4ml.report.sections.encoding import ENCODERS
from neurodata4ml.report.sections.population import REDUCERS
from neurodata4ml.report.sources import cited, used_by
from neurodata4ml.report.words import (
    bin_words,
    compact,
    count,
    distance_words,
    listing,
    metric_words,
    named,
    over_words,
    plain,
    score_words,
    texts,
)
from neurodata4ml.results import Results


def paragraphs(results: Results) -> tuple[str, ...]:
    """Return one paragraph on the data, and one on the analyses, each sentence with the papers it rests on."""
    said = [make(results, results.arrays[name]) for name, make in _SAID.items() if name in results.arrays]
    own = _own_options(results)
    return tuple(filter(None, (_data(results), " ".join(filter(None, said)), own)))


def _data(results: Results) -> str:
    spec, data = results.spec, results.data
    source = named(data.get("dataset") or data.get("source") or spec.get("source") or "the recording")
    window, width = spec.get("window"), spec.get("bin_width")
    said = [
        f"Of {source}, {count(data.get('n_units'), 'unit')} and {count(data.get('n_trials'), 'trial')} were analysed"
        + (f"; trials where {plain(spec['where'])}" if spec.get("where") else "")
        + _units(spec.get("units"))
        + "."
    ]
    if window and isinstance(width, int | float):
        said.append(
            f"Spikes were counted in bins of {compact(1000 * width)}\u00a0ms from {compact(window[0])} to "
            f"{compact(window[1])}\u00a0s around {plain(spec.get('align') or 'onset')}."
        )
    said.append(f"Conditions are the values of {asked_for(results)}: {count(data.get('n_conditions'), 'condition')}.")
    return " ".join(said)


def _units(units: object) -> str:
    known = {"good": "", "all": "; all units, whatever their quality", None: ""}
    return known.get(units, f"; units where {plain(units)}") if isinstance(units, str | None) else ""


def _psth(results: Results, array: xr.Dataset) -> str:
    level = level_words(array)
    return (
        f"Firing rates are means over trials and units, with {level} jackknife intervals over stretches of trials, for "
        f"these units{_of('psth', array)}."
    )


def _decoding(results: Results, array: xr.Dataset) -> str:
    attrs = array.attrs
    decoder = DECODERS.get(str(attrs.get("decoder")), plain(attrs.get("decoder", "a read-out")))
    confounds = f", with the trace of {plain(attrs['confounds'])} taken out" if attrs.get("confounds") else ""
    return (
        f"The {plain(attrs.get('target', 'stimulus'), 40)} was decoded by {decoder}{confounds}, scored by "
        f"{score_words(attrs.get('scoring', 'balanced_accuracy'))} in {count(attrs.get('n_folds'), 'fold')} of "
        f"{folds_words(array)}, against {count(attrs.get('n_shuffles'), 'shuffle')} of the labels{_in_bins(array)}"
        f"{_of('decoding', array)}."
    )


def _in_bins(array: xr.Dataset) -> str:
    """Return how wide the bins of a course over time are, which are wider than those of the rates."""
    width = bin_words(array)
    return f"; over time, in bins of {width}" if width and array.sizes.get("time", 1) > 1 else ""


def _latents(results: Results, array: xr.Dataset) -> str:
    name = REDUCERS.get(str(array.attrs.get("method", "pca")), ("components", ""))[0]
    after = str(array.attrs.get("averaged")) == "after"
    of = "single trials" if after else "trial-averaged responses"
    n = count(array.sizes.get("component"), name.rstrip("s"), name)
    width = f" in bins of {bin_words(array)}" if bin_words(array) else ""
    return f"Trajectories are {n} of {of}{width}{_of('latents', array)}."


def _dimensionality(results: Results, array: xr.Dataset) -> str:
    method = str(array.attrs.get("method", "participation"))
    known = {
        "participation": "the participation ratio, cross-validated over repeats",
        "cvpca": "the cross-validated spectrum of the signal",
        "parallel": "the number of components above those of unrelated units",
    }
    return f"Dimensionality is {known.get(method, plain(method))}{_of('dimensionality', array)}."


def _reliability(results: Results, array: xr.Dataset) -> str:
    how = {"split_half": "from halves of the trials"}.get(str(array.attrs.get("method")), "by analysis of variance")
    return f"The reliability of each unit's mean responses was estimated {how}{_of('reliability', array)}."


def _rdms(results: Results, array: xr.Dataset) -> str:
    return f"Distances between conditions: {distance_words(array.attrs.get('distance', ''))}{_of('rdms', array)}."


def _encoding(results: Results, array: xr.Dataset) -> str:
    encoder = ENCODERS.get(str(array.attrs.get("encoder")), plain(array.attrs.get("encoder", "a regression")))
    return (
        f"Single units were predicted by {encoder}, in {count(array.attrs.get('n_folds'), 'fold')} of whole stimuli, "
        f"scored by {score_words(array.attrs.get('score', 'r'))}, with bootstrap intervals over units"
        f"{_of('encoding', array)}."
    )


def _similarity(results: Results, array: xr.Dataset) -> str:
    attrs = array.attrs
    over = over_words(attrs.get("over", ""))
    interval = f", with {level_words(array)} jackknife intervals over {over}" if over else ""
    second = f", beside {metric_words(attrs['second_metric'])}" if attrs.get("second_metric") else ""
    networks = listing([named(one) for one in dict.fromkeys(texts(array, "network")) if one], 6)
    compared = f" The networks are {networks}." if networks else ""
    return (
        f"Areas were compared with {count(array.sizes.get('candidate'), 'candidate')} by "
        f"{metric_words(attrs.get('metric', 'similarity'))}{second}{interval}{_of('similarity', array)}.{compared}"
    )


def _own_options(results: Results) -> str:
    """Return the options that the study chose itself, as it wrote them."""
    options = results.spec.get("options") or {}
    said = [
        f"{plain(name)} = {plain(value, 80)} ({plain(table)})"
        for table in options
        for name, value in options[table].items()
    ]
    return f"Options chosen by the study: {listing(said, 30)}; all others have their defaults." if said else ""


def _of(section: str, array: xr.Dataset) -> str:
    return cited(used_by(section, array))


_SAID: dict[str, Callable[[Results, xr.Dataset], str]] = {
    "psth": _psth,
    "decoding": _decoding,
    "latents": _latents,
    "dimensionality": _dimensionality,
    "reliability": _reliability,
    "rdms": _rdms,
    "encoding": _encoding,
    "similarity": _similarity,
}
"""Section -> the sentence on how its numbers were made."""
