"""What is meant by the words for a session's parts: which tables, series and paths of its layout."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from neurodata4ml.data.entries.records import Layout

ROOMS = ("acquisition", "analysis", "processing", "stimulus", "stimulus/presentation", "stimulus/templates")
"""Groups that NWB asks every file to have, even where nothing is in them."""


def restricted(layout: Layout, what: Sequence[str]) -> Layout:
    """Return the layout of what an excerpt has: its trials, also under other names, its series, its responses."""
    tables = {layout.trials[name].table for name in what if name in layout.trials}
    return replace(
        layout,
        trials={name: trials for name, trials in layout.trials.items() if trials.table in tables},
        series={name: path for name, path in layout.series.items() if name in what},
        responses={name: path for name, path in layout.responses.items() if name in what},
        images=layout.images if "images" in what else "",
    )


def fingerprint(layout: Layout, what: Sequence[str]) -> str:
    """Return a digest of what the layout says of these parts: with other quality rules, other units would be kept."""
    return hashlib.sha256(repr(restricted(layout, what)).encode()).hexdigest()[:16]


def has_trials(layout: Layout, what: Sequence[str], trials: str | None) -> bool:
    """Return whether an excerpt of ``what`` has the trials of this name (None: the default ones), or their table."""
    kept = restricted(layout, what).trials
    tables = {one.table.strip("/") for one in kept.values()}
    wanted = trials or layout.default_trials
    return wanted in kept or wanted.strip("/") in tables | {table.rpartition("/")[2] for table in tables}


def lacking(layout: Layout, what: Sequence[str], trials: str | None) -> str:
    """Return the word for what an excerpt lacks to be opened as a session; empty where it lacks nothing."""
    if layout.units and not {"units", "all-units"} & set(what):
        return "units"
    if not layout.units and not restricted(layout, what).responses:
        return next(iter(layout.responses), "units")
    if has_trials(layout, what, trials):
        return ""
    wanted = trials or layout.default_trials
    named = [name for name, one in layout.trials.items() if wanted in (one.table, one.table.rpartition("/")[2])]
    return named[0] if named else wanted


def places(layout: Layout, what: Sequence[str]) -> list[str]:
    """Return the paths of what an excerpt has, with what tells the areas of its units."""
    units = [layout.units] if {"units", "all-units"} & set(what) else []
    area = [layout.area.table.rpartition("/")[0]] if layout.area is not None else []
    tables = [trials.table for trials in layout.trials.values()]
    its = [*units, *area, *tables, layout.invalid_times, layout.images, *layout.series.values()]
    return [path for path in (*its, *layout.responses.values(), *ROOMS[-2:]) if path]
