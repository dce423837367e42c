"""Which candidates share most geometry with each area, and which cannot be told from them: said in sentences."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS, level, n_units
from neurodata4ml.report.words import (
    as_float,
    count,
    interval,
    labels,
    listing,
    metric_words,
    named,
    number,
    over_words,
    texts,
    values,
)
from neurodata4ml.results import Results


def best_sentences(results: Results) -> tuple[str, ...]:
    """Return one sentence: the best candidate of every area, with interval and ceiling, for these stimuli."""
    array = results.arrays["similarity"]
    areas, names = labels(array, "area"), labels(array, "candidate")
    metric = metric_words(array.attrs.get("metric", "similarity"))
    stimuli = count(array.attrs.get("n_stimuli"), "stimulus", "stimuli")
    found = {area: best_of(array, area) for area in areas}
    if not any(found.values()):
        return (f"For these {stimuli}, no similarity between an area and a candidate is found to lie above zero.",)
    if len(areas) > FEW_AREAS:
        winners = [named(name) for name in found.values() if name]
        tally = sorted(
            {name: winners.count(name) for name in names if winners.count(name)}.items(), key=lambda v: -v[1]
        )
        said = listing([f"{name} in {n}" for name, n in tally])
        return (
            f"For these {stimuli}, the candidate that shares most geometry ({metric}) is, of {len(areas)} areas, "
            f"{said}.",
        )
    parts = [_best_part(results, array, area, name) for area, name in found.items()]
    all_of = "the geometry" if _is_geometry(array) else "it"
    scale = f"{metric}{', corrected for noise' if 'raw' in array else ''}; 1 is all of {all_of}"
    if _is_zero_for_unrelated(str(array.attrs.get("metric", ""))):
        scale += ", 0 is expected of unrelated data"
    over = str(array.attrs.get("over", ""))
    scale += f"; intervals over {over_words(over)}" if over else ""
    return (f"For these {stimuli}, {', and '.join(parts)} ({scale}).",)


def _is_geometry(array: xr.Dataset) -> bool:
    """Return whether a metric compares how stimuli lie to each other, rather than predicts or pairs units."""
    known = ("cka", "rsa", "procrustes", "angular", "bures", "similarity")
    return str(array.attrs.get("metric", "similarity")).startswith(known)


def _is_zero_for_unrelated(metric: str) -> bool:
    return "unbiased" in metric or metric.startswith("rsa")


def _best_part(results: Results, array: xr.Dataset, area: str, name: str) -> str:
    size = n_units(results, area)
    among = f"{named(area)} ({count(size, 'unit')})" if size else named(area)
    if not name:
        return f"no candidate is found to share geometry with {among}: no similarity lies above zero"
    value, low, high, raw = (values(array, v, area=area, candidate=name) for v in ("similarity", "low", "high", "raw"))
    ceiling = as_float(values(array, "ceiling", area=area))
    limit = f", raw {number(raw)} where noise allows {number(ceiling)}"
    limit = limit if "raw" in array else f", ceiling {number(ceiling)}"
    zero = ", which is not above zero" if as_float(low) <= 0 else ""
    found = interval(value, low, high, level=level(array))
    alike = "shares most geometry with" if _is_geometry(array) else "is matched best by"
    return f"{among} {alike} {named(name)}: {found}{zero}{limit if np.isfinite(ceiling) else ''}"


def alternative_sentences(results: Results) -> tuple[str, ...]:
    """Return one sentence: the candidates of every area that cannot be told from its best."""
    array = results.arrays["similarity"]
    areas, names = labels(array, "area"), labels(array, "candidate")
    if "among_best" not in array:
        return ("Whether other candidates fit as well was not tested.",)
    if not any(best_of(array, a) for a in areas):
        return ("So no candidate is named the best.",)
    if len(names) < 2:
        return ("There is no other candidate to compare with.",)
    areas = [area for area in areas if best_of(array, area)]
    others = {a: [n for n in equals_of(array, a) if n != best_of(array, a)] for a in areas}
    if len(areas) > FEW_AREAS:
        alone = sum(not found for found in others.values())
        return (
            f"In {count(alone, 'area')} of {len(areas)} the best stands alone; in the others, up to "
            f"{max(map(len, others.values()))} of the {len(names) - 1} other candidates cannot be told from it.",
        )
    if not any(others.values()) and len(names) == 2:
        return ("The other candidate does not fit equally well.",)
    if not any(others.values()):
        return (
            f"None of the {len(names) - 1} other candidates fits equally well, in "
            f"{'either' if len(areas) == 2 else 'any'} area.",
        )
    parts = [f"{listing([named(n) for n in found]) if found else 'none'} in {named(a)}" for a, found in others.items()]
    return (
        f"Of the {len(names) - 1} other candidates, these fit equally well, as far as these data can tell: "
        f"{'; '.join(parts)}.",
    )


def best_of(array: xr.Dataset, area: str) -> str:
    """Return the candidate named best for an area; nothing where none is above zero; unstated, the highest."""
    value, names = values(array, "similarity", area=area), labels(array, "candidate")
    if not np.isfinite(value).any():
        return ""
    stated = texts(array, "best") if "best" in array.variables else []
    if len(stated) == array.sizes["area"]:
        name = stated[labels(array, "area").index(area)]
        return name if name in names else ""
    return names[int(np.nanargmax(value))]


def equals_of(array: xr.Dataset, area: str) -> list[str]:
    """Return the candidates that are not distinguishable from the best of an area; none where that was not tested."""
    if "among_best" not in array:
        return []
    among = np.nan_to_num(np.atleast_1d(values(array, "among_best", area=area))) > 0
    return [name for name, yes in zip(labels(array, "candidate"), among, strict=True) if yes]


def twin_sentences(array: xr.Dataset, of: str = "") -> tuple[str, ...]:
    """Return one sentence: how far every network lies above its untrained twin, in every area, and ``of`` what."""
    if "twin_gap" not in array:
        return ()
    areas = labels(array, "area")
    if len(areas) > FEW_AREAS:
        low = values(array, "twin_gap_low")
        above = int((low > 0).sum())
        return (
            f"The highest layer of a network lies above the highest of its untrained twin, by the interval of their "
            f"difference{of}, in {above} of {count(low.size, 'case')} (areas by networks).",
        )
    parts = []
    for name in labels(array, "trained_name"):
        gaps = [
            [values(array, v, area=area, trained_name=name) for v in ("twin_gap", "twin_gap_low", "twin_gap_high")]
            for area in areas
        ]
        said = [f"{interval(*gap, level=level(array))} in {named(a)}" for gap, a in zip(gaps, areas, strict=True)]
        parts.append(f"{named(name)} by {listing(said)}")
    return (f"Highest layer above the highest of the untrained twin: {'; '.join(parts)}{of}.",)
