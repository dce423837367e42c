"""The right tables of stimuli of a damaged session: kilobytes of an older file of the archive, kept in the cache."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodata4ml import names
from neurodata4ml.data import repair_pins
from neurodata4ml.data.archives.remote import https, reach_beside
from neurodata4ml.data.cache import arrival, disk, parts, receipts
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.data.cache.progress import Progress, shown
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.excerpts.ranged import RangedSource
from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.repair_pins import text
from neurodata4ml.data.storage.file import StoredFile, open_stored
from neurodata4ml.data.storage.index import FIXED_TEXT, NUMBER, TEXT, Dataset
from neurodata4ml.data.supplements import is_kept
from neurodata4ml.errors import LayoutError, NotCachedError
from neurodata4ml.places import cache_folder, offline, shared_caches

BLOCK = 1 << 14
"""Bytes of a small request: what leads to a table lies scattered; the table itself is asked for exactly."""

NUMBERS = ("data", "frame_duration", "timestamps")
"""Datasets of a stimulus in NWB 1: what was shown, in which two-photon frames, and its onsets in s."""

MOST_VALUES = 10_000_000
"""Values that a table of stimuli may have; a larger one is none."""

WHAT = "repair"
"""What a receipt says that the file holds of a session."""

ON_TRUST = "no digest is published; compared with what the session's own file still has"


@dataclass(frozen=True)
class RightTable:
    """A stimulus as an NWB 1 file has it.

    Attributes
    ----------
    data : ndarray (row,) of indices, or (row, feature)
        -1, or NaN in every feature, on a blank sweep.
    features : tuple of str
        What the columns of ``data`` are; empty for indices.
    frames : ndarray (row, 2) of int
        The two-photon frames in which the presentation begins and ends.
    onsets : ndarray (row,), s
    url, etag : str
        Where it comes from.
    """

    data: np.ndarray
    features: tuple[str, ...]
    frames: np.ndarray
    onsets: np.ndarray
    url: str
    etag: str


def fetch(entry: Entry, session: str | int | None = None, *, progress: Progress | bool | None = None) -> Path | None:
    """Return the file of the cache with the right tables of a session, after fetching them where they are not there.

    Only the tables are moved, by byte ranges of the archive's file. They are believed when they are used: then they
    must agree with all that the session's own file still has.

    Returns
    -------
    Path or None
        None where the session needs no repair.

    Raises
    ------
    NotCachedError
        In offline mode, when the tables are not in the cache.
    ArchiveError
        When the archive does not deliver.
    LayoutError
        When its file has no such tables.
    ChecksumError
        When their values are not those that the lock of the present work pins; such tables are not kept.
    """
    found = _id(entry, session)
    if found is None or entry.repair is None:
        return None
    there = cached(entry, session)
    if there is not None:
        repair_pins.hold(entry, found, there)
        receipts.touch(there)
        return there
    final, url = _place(entry, found, cache_folder()), https(entry.repair.url.replace("{id}", found))
    name = entry.default_session if session is None else str(session)
    if offline():
        message = (
            f"{', '.join(entry.repair.trials)} of {entry.name} session {name} are damaged in its file; the right "
            f"tables, from {url}, are not in the cache ({final}), and NEURODATA4ML_OFFLINE forbids to fetch them. "
            f"Where there is a network, unset it and type: neurodata4ml fetch {entry.name} --session {name}"
        )
        raise NotCachedError(message)
    what = f"the stimuli of {entry.name} {name}"
    reach = reach_beside(entry, url)
    with shown(progress, what) as show, RangeFile((url,), what=what, reach=reach, block=BLOCK) as file:
        tables = _read_remote(file, entry.repair.trials, url, show)
        facts = {"url": url, "etag": file.etag, "moved": file.moved, "whole": file.size}
    about = {"dataset": entry.name, "session": name, "version": entry.version, "what": WHAT, "note": ON_TRUST}
    return _keep(final, tables, {**about, **facts}, partial(repair_pins.hold, entry, found))


def cached(entry: Entry, session: str | int | None = None) -> Path | None:
    """Return the file with the right tables of a session where it is in a cache, else None."""
    found = _id(entry, session)
    if found is None or entry.repair is None:
        return None
    for cache in (cache_folder(), *shared_caches()):
        path = _place(entry, found, cache)
        if is_kept(path) and _holds(path, entry.repair.trials):
            return path
    return None


def read_kept(path: Path, trials: str) -> RightTable:
    """Return one of the tables in a file of the cache."""
    with h5py.File(path) as file:
        group = file[trials]
        values = {name: group[name][()] for name in NUMBERS}
        features = tuple(text(name) for name in group["features"][()]) if "features" in group else ()
        url, etag = (text(file.attrs[name]) for name in ("url", "etag"))
    return RightTable(values["data"], features, values["frame_duration"], values["timestamps"], url, etag)


def _id(entry: Entry, session: str | int | None) -> str | None:
    """Return what names the session in the archive's older files; None where it needs no repair."""
    if entry.repair is None:
        return None
    found = re.search(entry.repair.session, entry.default_session if session is None else str(session))
    return found[1] if found else None


def _place(entry: Entry, found: str, cache: Path) -> Path:
    return cache / names.safe(f"{entry.name}/repair/{found}.h5", str(entry.file))


def _holds(path: Path, trials: Iterable[str]) -> bool:
    """Return whether a file of the cache has all tables, also those that a newer catalog names."""
    with h5py.File(path) as file:
        return set(trials) <= set(file)


def _read_remote(
    remote: RangeFile, paths: dict[str, str], url: str, show: Progress | None
) -> dict[str, dict[str, np.ndarray]]:
    """Return the datasets of each table, checked for shape; ``show`` is called with the bytes so far, after each."""
    found = {}
    try:
        file = open_stored(RangedSource(remote))
        for name, path in paths.items():
            found[name] = _datasets(file, path.strip("/"), url)
            if show is not None:
                show(remote.moved, 0)
    except LayoutError as error:
        if "Please report it" in str(error):
            raise
        message = f"{url} cannot be read as HDF5 ({error}). Please report it."
        raise LayoutError(message) from error
    return found


def _datasets(file: StoredFile, path: str, url: str) -> dict[str, np.ndarray]:
    found = {name: _dataset(file, f"{path}/{name}", url) for name in NUMBERS}
    data, frames, onsets = found.values()
    wanted = {"data": (onsets.size, *data.shape[1:2]), "frame_duration": (onsets.size, 2), "timestamps": (onsets.size,)}
    if data.ndim == 2:
        found["features"] = _dataset(file, f"{path}/features", url)
        wanted["features"] = data.shape[1:]
    fits = all(found[name].shape == shape for name, shape in wanted.items())
    if not (fits and all(found[name].dtype.kind in "iuf" for name in NUMBERS)):
        what = ", ".join(f"{name} {values.shape} {values.dtype}" for name, values in found.items())
        message = f"{url}: {path} is no table of stimuli: {what}. Please report it."
        raise LayoutError(message)
    return {**found, "frame_duration": frames.astype(np.int64)}


def _dataset(file: StoredFile, path: str, url: str) -> np.ndarray:
    """Return the values of one dataset that lies in this file, and is no larger than a table of stimuli."""
    item = file.find(path).object
    kinds = (NUMBER, TEXT, FIXED_TEXT)
    if not isinstance(item, Dataset) or item.stored.kind not in kinds or math.prod(item.shape or ()) > MOST_VALUES:
        message = f"{url} has no table of stimuli at {path}. Please report it."
        raise LayoutError(message)
    return file.values(item)


def _keep(
    final: Path, tables: dict[str, dict[str, np.ndarray]], facts: dict[str, Any], check: Callable[[Path], None]
) -> Path:
    """Write the tables into a file of the cache, which is seen when it is whole and passes ``check``."""
    what = f"{facts['dataset']} {facts['session']}"
    with disk.alone(final, what), disk.refuse_trouble(what, keeps=False):
        parts.sweep(final)
        part = parts.own(final, ".part")
        try:
            _write(part, tables, facts)
            check(part)
            with open(part, "r+b") as file:
                os.fsync(file.fileno())
                found = digests(file)
            arrival.publish(part, final, {**facts, **found})
        finally:
            part.unlink(missing_ok=True)
    return final


def _write(path: Path, tables: dict[str, dict[str, np.ndarray]], facts: dict[str, Any]) -> None:
    with h5py.File(path, "x") as file:
        file.attrs.update(facts)
        for name, table in tables.items():
            for part, values in table.items():
                file[f"{name}/{part}"] = values.tolist() if values.dtype == object else values
