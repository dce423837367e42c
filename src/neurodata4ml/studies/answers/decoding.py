"""What can be read out of the units, against chance: in the whole window, and bin by bin."""

from __future__ import annotations

from typing import Any

import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.studies.answers.shared import clock, explained, need_conditions, stack
from neurodata4ml.studies.answers.splits import of_all
from neurodata4ml.studies.material import Material

_OF_WINDOW = {
    "score": "accuracy_window",
    "low": "accuracy_window_low",
    "high": "accuracy_window_high",
    "chance": "chance_window",
    "p_value": "p_window",
}
"""Variable of ``decode`` -> what the results call it."""

_OVER_TIME = {"score": "accuracy", "chance": "chance", "p_value": "p_value", "p_value_corrected": "p_value_corrected"}


def decoding(m: Material) -> xr.Dataset:
    """How well a read-out tells conditions apart: in the whole window, and bin by bin.

    With ``over = "time"`` among the options of ``decode``, bin by bin alone.
    """
    need_conditions(m, 2, "decoding")
    options = m.options("decode")
    course_alone = options.pop("over", None) == "time"
    course = [_course(m, area, options) for area in m.areas]
    whole = [] if course_alone else [decode(m.of_area(m.totals, area), **_on_stimulus(options)) for area in m.areas]
    parts = [stack([_of_time(part) for part in course], m.areas)]
    if whole:
        parts.append(stack([part[list(_OF_WINDOW)].rename(_OF_WINDOW) for part in whole], m.areas))
    found = xr.merge(parts, combine_attrs="override")
    found.attrs = _told(course[0], m) | {"splits_sha256": of_all(p.attrs["splits_sha256"] for p in (*course, *whole))}
    found.attrs["correction"] = str(options.get("correction") or "max-t")
    found.attrs["explained"] = explained((whole or course)[0].assign_attrs(target=found.attrs["target"]))
    return found


def _on_stimulus(options: dict[str, Any]) -> dict[str, Any]:
    return {"target": "stimulus", **options}


def _course(m: Material, area: str, options: dict[str, Any]) -> xr.Dataset:
    return decode(m.of_area(m.coarse, area), over="time", **_on_stimulus(options))


def _of_time(course: xr.Dataset) -> xr.Dataset:
    """Return score, chance and p of every bin, with the middle 95 % of the shuffles."""
    found = course[[name for name in _OVER_TIME if name in course]].rename(
        {old: new for old, new in _OVER_TIME.items() if old in course}
    )
    if course.sizes.get("shuffle", 0):
        null = course["null"].quantile([0.025, 0.975], dim="shuffle")
        found["null_low"], found["null_high"] = (null.isel(quantile=k, drop=True) for k in (0, 1))
    return found


def _told(course: xr.Dataset, m: Material) -> dict[str, Any]:
    """Return what the results say of the read-out: the target by the name that the study gave it."""
    asked = m.options("decode").get("target", "stimulus")
    kept = {name: value for name, value in course.attrs.items() if not name.endswith("_dropped")}
    target = m.spec.by if asked == "stimulus" else asked
    return kept | {"target": target} | clock(m.coarse, m)
