"""The values of right tables, in the lock of the present work: which stimuli its results were computed with.

A file of right tables is written here, by whatever HDF5 is installed, so its own bytes prove nothing elsewhere. Pinned
is a digest over the values of each table, which is the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.entries.records import Entry
from neurodata4ml.errors import ChecksumError
from neurodata4ml.lock import Locked, place, read_lock


def pins(entry: Entry, path: Path) -> list[Locked]:
    """Return what a lock says of each table in a file of right tables.

    ``session`` is ``repair/<id>/<table>``; ``size`` and ``sha256`` are those of the table's values, not of a file.
    """
    with h5py.File(path) as file:
        url = text(file.attrs["url"])
        return [_pin(entry, f"repair/{path.stem}/{name}", file[name], url) for name in sorted(file)]


def hold(entry: Entry, found: str, path: Path) -> None:
    """Raise unless the tables in ``path``, those of the older file ``found``, are the ones that the lock pins, if any.

    Raises
    ------
    ChecksumError
        It says what to delete to go on without the lock.
    """
    locked = read_lock(place())
    if not any(dataset == entry.name and session.startswith(f"repair/{found}/") for dataset, session in locked):
        return
    with h5py.File(path) as file:
        for name in sorted(file):
            its = locked.get((entry.name, f"repair/{found}/{name}"))
            now = _pin(entry, f"repair/{found}/{name}", file[name], text(file.attrs["url"]))
            if its is not None and (its.size, its.sha256) != (now.size, now.sha256):
                message = (
                    f"the right table {name} of {entry.name} from {now.url} has values with sha256 {now.sha256}; "
                    f"{place()} pins {its.sha256}. The work was done with other stimuli: bring them back, or go on "
                    f"with the present ones by deleting the [[asset]] with dataset = {entry.name!r}, "
                    f"session = {now.session!r} from that file."
                )
                raise ChecksumError(message)


def text(value: Any) -> str:
    """Return a string that h5py gives as bytes or as str."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _pin(entry: Entry, session: str, table: h5py.Group, url: str) -> Locked:
    """Digest a table: of each of its datasets, by name, the name, the type, the shape, and the values in order."""
    total, size = hashlib.sha256(), 0
    for name in sorted(table):
        kind, shape, values = _plain(table[name])
        total.update(f"{name} {kind} {shape} ".encode())
        total.update(values)
        size += len(values)
    return Locked(
        entry.name, session, entry.version, f"{session} (digest of its values)", size, total.hexdigest(), "", url
    )


def _plain(item: h5py.Dataset) -> tuple[str, tuple[int, ...], bytes]:
    """Return type, shape and bytes of a dataset as they are on every machine."""
    if h5py.check_string_dtype(item.dtype) is not None:
        words: Iterable[str] = map(text, np.ravel(item[()]))
        return "text", item.shape, "\0".join(words).encode()
    values = np.asarray(item[()])
    values = values.astype(values.dtype.newbyteorder("<"))
    return values.dtype.str, values.shape, values.tobytes()
