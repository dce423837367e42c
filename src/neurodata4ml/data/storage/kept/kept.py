"""Indices and chunk tables kept in the cache, each under the key of its file; one that is not whole is ignored."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import random
from pathlib import Path

from neurodata4ml.data.cache import disk
from neurodata4ml.data.storage.index import ChunkTable, Index, Key
from neurodata4ml.data.storage.kept.index_file import (
    chunks_from_bytes,
    chunks_to_bytes,
    index_from_bytes,
    index_to_bytes,
)
from neurodata4ml.places import cache_folder, write_whole

MOST = 256 << 20
"""Bytes that all of it may take; the least recently used goes first."""

CROWDED = 0.9
"""Share of them that is left then, so that the folder is not looked through for each file."""

LOOKS = 16
"""How often the folder is looked through, on average, while as many bytes are written as it may hold."""

SMALLEST = 4096
"""Bytes that the smallest file takes on a disk."""

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
    return cache_folder() / disk.INDEX / hashlib.sha256(key.encode()).hexdigest()[:32]


def _name(dataset: Key) -> str:
    return f"chunks-{hashlib.sha256(str(dataset).encode()).hexdigest()[:16]}"


def _load(key: str, name: str) -> bytes | None:
    if not key:
        return None
    folder = folder_of(key)
    try:
        data = (folder / name).read_bytes()
    except OSError:
        return None
    with contextlib.suppress(OSError):  # another user's cache, which we only read
        os.utime(folder)
    return data


def _keep(key: str, name: str, data: bytes) -> None:
    folder = folder_of(key)
    try:
        disk.make_folder(folder)
        write_whole(folder / name, data, synced=False)
        if random.random() < LOOKS * max(len(data), SMALLEST) / MOST:  # so that many short processes look as often
            _sweep(folder.parent)
    except OSError as error:
        log.debug("the index of a file is not kept in %s (%s)", folder, error)


def _sweep(folder: Path) -> None:
    """Remove what was used longest ago, where all together exceed ``MOST``: of each file, and where addresses lead."""
    found = sorted(((entry.stat().st_mtime, *_taken(entry)) for entry in os.scandir(folder)), key=lambda one: one[0])
    total = sum(size for _, size, _ in found)
    if total <= MOST:
        return
    for _, size, paths in found:
        if total <= MOST * CROWDED:
            break
        total -= size
        for path in paths:
            with contextlib.suppress(OSError):  # another process may be quicker, or write there
                os.rmdir(path) if os.path.isdir(path) else os.unlink(path)


def _taken(entry: os.DirEntry[str]) -> tuple[int, list[str]]:
    """Return the bytes of an entry of the folder, and what to remove of it, in order."""
    with contextlib.suppress(OSError):
        files = list(os.scandir(entry.path)) if entry.is_dir() else [entry]
        size = sum(max(file.stat().st_size, SMALLEST) for file in files)
        return size, [*(file.path for file in files if file is not entry), entry.path]
    return 0, []
