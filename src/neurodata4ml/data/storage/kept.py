"""Indices and chunk tables kept in the cache, each under the key of its file; one that is not whole is ignored."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from pathlib import Path

from neurodata4ml.data.storage.index import ChunkTable, Index, Key
from neurodata4ml.data.storage.index_file import chunks_from_bytes, chunks_to_bytes, index_from_bytes, index_to_bytes
from neurodata4ml.places import cache_folder

MOST_FILES = 2000
"""Files whose index is kept; the one that was written first goes first."""

log = logging.getLogger("neurodata4ml")


def load_index(key: str) -> Index | None:
    """Return the index of the file with this key; None where none is kept, or what is kept is not whole."""
    data = _load(key, "index")
    return None if data is None else index_from_bytes(data, key)


def keep_index(key: str, index: Index) -> None:
    """Keep an index; where the disk does not let us, or there is no key, the next one to ask reads it anew."""
    if key:
        with contextlib.suppress(TypeError):  # an attribute that only this process understands
            _keep(key, "index", index_to_bytes(index, key))


def load_chunks(key: str, dataset: Key) -> ChunkTable | None:
    """Return where the chunks of a dataset are; None where that is not kept."""
    data = _load(key, _name(dataset))
    return None if data is None else chunks_from_bytes(data, f"{key} {dataset}")


def keep_chunks(key: str, dataset: Key, table: ChunkTable) -> None:
    """Keep where the chunks of a dataset are."""
    if key:
        _keep(key, _name(dataset), chunks_to_bytes(table, f"{key} {dataset}"))


def folder_of(key: str) -> Path:
    """Return the folder of what is kept of one file."""
    return cache_folder() / "index" / hashlib.sha256(key.encode()).hexdigest()[:32]


def _name(dataset: Key) -> str:
    return f"chunks-{hashlib.sha256(str(dataset).encode()).hexdigest()[:16]}"


def _load(key: str, name: str) -> bytes | None:
    if not key:
        return None
    try:
        return (folder_of(key) / name).read_bytes()
    except OSError:
        return None


def _keep(key: str, name: str, data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then moved there."""
    folder = folder_of(key)
    part = None
    try:
        is_new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(part, folder / name)
        if is_new:
            _forget_oldest(folder.parent)
    except OSError as error:
        log.debug("the index of a file is not kept in %s (%s)", folder, error)
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)


def _forget_oldest(folder: Path) -> None:
    """Remove what was written first, beyond ``MOST_FILES``."""
    kept = sorted((entry for entry in os.scandir(folder) if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    for entry in kept[: max(len(kept) - MOST_FILES, 0)]:
        for file in os.scandir(entry.path):
            os.unlink(file.path)
        os.rmdir(entry.path)
