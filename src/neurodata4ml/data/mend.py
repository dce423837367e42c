"""Put the trials of a damaged file right, where the right table agrees with all that the file still has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import xarray as xr

from neurodata4ml.data import repair
from neurodata4ml.data.entries.records import Entry, Layout, Trials
from neurodata4ml.data.nwb.file import NwbFile
from neurodata4ml.data.nwb.types import read_group
from neurodata4ml.data.repair import RightTable
from neurodata4ml.errors import LayoutError

EXACT = 1e-6
"""Seconds, degrees, cycles: how far two copies of one number may differ."""

MOST_STRAYS = 0.01
"""Share of onsets that may lie beside their two-photon frame, as where the microscope dropped one."""


@dataclass(frozen=True)
class Mended:
    """Trials after a repair: what the layout says of them now, their table, and what was done."""

    layout: Trials
    table: xr.Dataset
    facts: dict[str, Any]


Mend = Callable[[str, Trials, xr.Dataset], Mended | None]
"""From the name of an entry's trials, what its layout says and their table in the file; None: leave it as it is."""


def mender(entry: Entry | None, session: str, file: NwbFile, layout: Layout) -> Mend | None:
    """Return what puts tables of stimuli right; None where the dataset needs no repair.

    The right tables are fetched when trials that need them are opened.
    """
    if entry is None or entry.repair is None:
        return None
    damaged = entry.repair.trials

    def mend(name: str, chosen: Trials, table: xr.Dataset) -> Mended | None:
        kept = repair.fetch(entry, session) if name in damaged and chosen.start in table.variables else None
        if kept is None:
            return None
        right = repair.read_kept(kept, name)
        whose = f"{file.name}: {chosen.table} cannot be repaired from {right.url}"
        return _mended(name, chosen, table, right, _clock(file, layout), whose)

    return mend


def sentence(facts: dict[str, Any]) -> str:
    """Return in words what a repair did."""
    return (
        f"{facts['trials']}: stimuli taken from {facts['source']} (ETag {facts['etag'] or 'not stated'}), because the "
        f"published file lost some: {facts['rows_before']:,} rows there, {facts['rows_after']:,} after the repair, "
        f"{facts['blanks']:,} of them blank sweeps"
    )


def _mended(name: str, chosen: Trials, table: xr.Dataset, right: RightTable, clock: np.ndarray, whose: str) -> Mended:
    before = np.asarray(table[chosen.start].data, dtype=np.float64)
    if right.features:
        _check_features(table, right, before, whose)
        stimulus = next((f for f in right.features if chosen.stimulus == _as_published(table, f)), right.features[0])
        columns, onsets = dict(zip(right.features, right.data.T, strict=True)), right.onsets
        chosen = replace(chosen, stimulus=stimulus, blank="nan")
    else:
        _check_indices(table, right, before, clock, whose)
        columns, onsets = {"data": right.data}, before
        chosen = replace(chosen, stimulus="data", blank=-1)
    _check_frames(right, clock, whose)
    labels = columns[chosen.stimulus]
    blanks = np.isnan(labels) if right.features else labels == -1
    ends = np.minimum(right.frames[:, 1], len(clock) - 1)  # the recording may end with the last presentation
    columns |= {chosen.start: onsets, chosen.stop: clock[ends]}
    facts = {
        "trials": name,
        "source": right.url,
        "etag": right.etag,
        "rows_before": len(before),
        "rows_after": len(onsets),
        "blanks": int(blanks.sum()),
    }
    mended = xr.Dataset({key: ("presentation", values) for key, values in columns.items()})
    return Mended(chosen, mended, facts)


def _clock(file: NwbFile, layout: Layout) -> np.ndarray:
    """Return the time of each two-photon frame, s: the clock of the responses."""
    path = next(iter(layout.responses.values()), "")
    series = read_group(file, f"/{path}") if path else xr.Dataset()
    if "timestamps" not in series.coords:
        message = (
            f"{file.name}: stimuli count in two-photon frames, and nothing at {path or 'all'} tells when these were."
        )
        raise LayoutError(message)
    return np.asarray(series.coords["timestamps"].data, dtype=np.float64)


def _check_frames(right: RightTable, clock: np.ndarray, whose: str) -> None:
    """Raise unless each presentation lies in the recording, ends after it began, and begins at its onset."""
    first, last = right.frames.T
    if not len(first) or first.min() < 0 or first.max() >= len(clock) or last.max() > len(clock):
        span = f"{first.min():,} to {last.max():,}" if len(first) else "none"
        _refuse(whose, f"it counts in frames {span}, and the recording has {len(clock):,}")
    if (last <= first).any():
        row = int(np.argmax(last <= first))
        _refuse(whose, f"in row {row} it ends in frame {last[row]:,} and begins in frame {first[row]:,}")
    early, late = clock[np.maximum(first - 1, 0)], clock[np.minimum(first + 1, len(clock) - 1)]
    strays = ~((right.onsets > early - EXACT) & (right.onsets < late + EXACT))
    if strays.mean() > MOST_STRAYS:
        row = int(np.argmax(strays))
        _refuse(
            whose,
            f"{strays.sum():,} of {len(first):,} onsets are not at their two-photon frames (row {row} begins at "
            f"{right.onsets[row]:.3f} s, and frame {first[row]:,} is at {clock[first[row]]:.3f} s)",
        )


def _check_indices(table: xr.Dataset, right: RightTable, before: np.ndarray, clock: np.ndarray, whose: str) -> None:
    """Raise unless the file has the same stimuli at the same times, but for a 0 in place of each -1."""
    shown = np.asarray(table["data"].data)
    if len(shown) != len(right.data):
        _refuse(whose, f"it has {len(right.data):,} rows, and the file {len(shown):,}")
    differ = (np.maximum(shown, 0) != np.maximum(right.data, 0)) | (right.data < -1)
    if differ.any():
        row = int(np.argmax(differ))
        _refuse(
            whose,
            f"{differ.sum():,} of {len(shown):,} stimuli are not those of the file (row {row} is {right.data[row]} "
            f"there, and {shown[row]} in the file)",
        )
    frame, apart = np.median(np.diff(clock)), np.abs(right.onsets - before).max()
    if not apart <= frame:
        _refuse(whose, f"onsets differ by up to {apart:.3g} s, and a two-photon frame takes {frame:.3g} s")


def _check_features(table: xr.Dataset, right: RightTable, before: np.ndarray, whose: str) -> None:
    """Raise unless the rows that the file still has are the first ones of the right table."""
    n_rows = len(before)
    if n_rows > len(right.onsets):
        _refuse(whose, f"it has {len(right.onsets):,} rows, and the file {n_rows:,}")
    known = {"onset": (before, right.onsets)}
    for feature, values in zip(right.features, right.data.T, strict=True):
        column = _as_published(table, feature)
        if column is not None:
            known[feature] = (np.asarray(table[column].data, dtype=np.float64), values)
    for word, (published, values) in known.items():
        same = np.isclose(published, values[:n_rows], rtol=0, atol=EXACT, equal_nan=True)
        if not same.all():
            row = int(np.argmin(same))
            _refuse(whose, f"the {word} of row {row} is {values[row]:.6g} there, and {published[row]:.6g} in the file")


def _as_published(table: xr.Dataset, feature: str) -> str | None:
    """Return the file's column of a feature: of the same name, or with its unit (``orientation_in_degrees``)."""
    names = map(str, table.variables)
    return next((name for name in names if name == feature or name.startswith(f"{feature}_in_")), None)


def _refuse(whose: str, why: str) -> NoReturn:
    message = (
        f"{whose}: {why}. It is another experiment's, or one of the two files changed; nothing was guessed. "
        "Please report it. The table as published: neurodata4ml.open_nwb(path)."
    )
    raise LayoutError(message)
