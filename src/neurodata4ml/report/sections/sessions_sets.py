"""Which candidates share most geometry over many recordings, and which cannot be told from them: in sentences."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS
from neurodata4ml.report.sections.sessions_words import mean_said, recordings_of
from neurodata4ml.report.words import as_float, bounds, count, labels, listing, metric_words, named, number, values
from neurodata4ml.results import Results


def best_sentences(results: Results) -> str:
    """Return one sentence: the candidate of highest mean similarity of every area, with interval and ceiling."""
    array = results.arrays["similarity_sessions"]
    areas, metric = labels(array, "area"), metric_words(array.attrs.get("metric", "similarity"))
    stimuli = count(array.attrs.get("n_stimuli"), "stimulus", "stimuli") if "n_stimuli" in array.attrs else "stimuli"
    claimed = {area: str(array["best"].sel(area=area).item()) for area in areas}
    start = f"Over {recordings_of(array)}, for these {stimuli},"
    if not any(claimed.values()):
        few = as_float(array.attrs.get("n_samples")) < 3
        why = ": an interval needs 3 of them" if few else " that lies above zero by its interval"
        return f"{start} no candidate is found to share geometry with an area{why}."
    if len(areas) > FEW_AREAS:
        winners = tally(list(claimed.values()))
        return (
            f"{start} the candidate that shares most geometry ({metric}), of {len(areas)} areas, is {winners}; its "
            f"mean runs from {_range_said(array, claimed)}."
        )
    parts = [
        f"{named(area)} shares most geometry with {named(name)}: mean "
        f"{mean_said(array, 'similarity', short=True, area=area, candidate=name)}{ceiling_said(array, area)}"
        if name
        else f"no candidate is found to share geometry with {named(area)}"
        for area, name in claimed.items()
    ]
    corrected = ", corrected for noise" if "raw" in array else ""
    return f"{start} {', and '.join(parts)} ({metric}{corrected}; 1 is all of the geometry)."


def _range_said(array: xr.Dataset, claimed: dict[str, str]) -> str:
    """Return the lowest and the highest of the claimed means, each with its interval, and the range of the ceilings."""
    found = {area: name for area, name in claimed.items() if name}
    mean = {a: as_float(values(array, "similarity_mean", area=a, candidate=name)) for a, name in found.items()}
    ends = [
        f"{mean_said(array, 'similarity', short=True, area=area, candidate=found[area])} in {named(area)}"
        for area in (min(mean, key=mean.__getitem__), max(mean, key=mean.__getitem__))
    ]
    ceilings = np.atleast_1d(values(array, "ceiling_mean"))
    if not np.isfinite(ceilings).any():
        return " to ".join(ends)
    of = " of raw values" if "raw" in array else ""
    return f"{' to '.join(ends)}, ceilings{of} from {bounds(np.nanmin(ceilings), np.nanmax(ceilings))}"


def set_sentences(results: Results) -> str:
    """Return one sentence: the candidates of every area that cannot be told from its highest, over recordings."""
    array = results.arrays["similarity_sessions"]
    areas = [area for area in labels(array, "area") if bool(array["claim"].sel(area=area))]
    n = array.sizes["candidate"] - 1
    if not areas:
        return "So no candidate is named the highest."
    if n < 1:
        return "There is no other candidate to compare with."
    others = {area: in_set(array, area) for area in areas}
    if not any(others.values()):
        where = "in that area" if len(areas) == 1 else "in either area" if len(areas) == 2 else "in any area"
        return f"None of the {count(n, 'other candidate')} fits as well, {where}."
    if len(areas) > FEW_AREAS:
        alone = sum(not found for found in others.values())
        return (
            f"In {count(alone, 'area')} of {len(areas)} the highest stands alone; in the others, up to "
            f"{max(map(len, others.values()))} of the {n} other candidates cannot be told from it."
        )
    parts = [
        f"{listing([named(name) for name in found]) if found else 'none'} in {named(a)}" for a, found in others.items()
    ]
    return (
        f"Of the {count(n, 'other candidate')}, these cannot be told from the highest, as far as these recordings can "
        f"tell: {'; '.join(parts)}."
    )


def highest(array: xr.Dataset, area: str) -> str:
    """Return the candidate that is claimed to be highest over recordings; nothing where none is."""
    return str(array["best"].sel(area=area).item()) if bool(array["claim"].sel(area=area)) else ""


def in_set(array: xr.Dataset, area: str) -> list[str]:
    """Return the candidates that cannot be told from the highest of an area; that one is not among them."""
    among = np.atleast_1d(values(array, "among_best", area=area)) > 0
    top = highest(array, area)
    return [name for name, yes in zip(labels(array, "candidate"), among, strict=True) if yes and name != top]


def others_said(array: xr.Dataset, area: str) -> str:
    """Return which candidates cannot be told from the highest of an area, as a part of a sentence."""
    found = in_set(array, area)
    return f"{listing([named(n) for n in found])} cannot be told from it" if found else "no other comes as near"


def tally(winners: list[str]) -> str:
    """Return in how many areas each candidate is the highest: ``conv1 in 3, fc in 2 and none in 1``."""
    named_ones = [name for name in winners if name]
    counts = sorted({name: named_ones.count(name) for name in named_ones}.items(), key=lambda one: (-one[1], one[0]))
    said = [f"{named(name)} in {n}" for name, n in counts]
    none = len(winners) - len(named_ones)
    return listing(said + ([f"none in {none}"] if none else []), 6)


def ceiling_said(array: xr.Dataset, area: str) -> str:
    """Return the mean ceiling of an area as it ends a sentence; nothing where there is none."""
    ceiling = as_float(values(array, "ceiling_mean", area=area))
    of = " of raw values" if "raw" in array else ""
    return f", ceiling{of} {number(ceiling)}" if np.isfinite(ceiling) else ""
