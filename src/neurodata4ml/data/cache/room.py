"""Room for what is to come: on the disk, and below the size that the user allows the cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from neurodata4ml.data.cache import disk, receipts
from neurodata4ml.data.entries.sizes import parse_size
from neurodata4ml.errors import CatalogError, DiskError, NeuroDataError
from neurodata4ml.places import cache_folder

SPARE = 64 << 20
"""Bytes that a download leaves free on the disk."""


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise unless the disk of ``folder``, and the limit of the cache, take ``needed`` bytes more.

    Raises
    ------
    DiskError
        It says what is missing and, at the limit, which files were used least recently. Nothing is removed.
    """
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        message = (
            f"{what} needs {needed:,} bytes more and {folder} has {free:,} free. "
            "Make room, or set NEURODATA4ML_CACHE to a folder on a larger disk."
        )
        raise DiskError(message)
    most = limit()
    used = size_of(cache_folder()) if most else 0
    if used + needed > most > 0:
        message = (
            f"{what} needs {needed:,} bytes more; the cache holds {used:,} of the {most:,} that "
            f"NEURODATA4ML_CACHE_LIMIT allows. {_could_go(used + needed - most)}"
        )
        raise DiskError(message)


def limit() -> int:
    """Return how many bytes ``NEURODATA4ML_CACHE_LIMIT`` allows the cache (``50GB``); 0 where there is no limit.

    Raises
    ------
    NeuroDataError
        When it is no size.
    """
    stated = os.environ.get("NEURODATA4ML_CACHE_LIMIT", "").strip()
    try:
        return parse_size(stated) if stated else 0
    except CatalogError as error:
        message = f"NEURODATA4ML_CACHE_LIMIT is {stated!r}; it must be a size, like 50GB."
        raise NeuroDataError(message) from error


def size_of(folder: Path) -> int:
    """Return how many bytes the files below ``folder`` have, links not followed."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except FileNotFoundError:  # another process may have renamed it
                continue
    return total


def _could_go(too_much: int) -> str:
    """Return the least recently used files that would make the room, and the lines that remove them."""
    chosen: list[str] = []
    blocks = size_of(cache_folder() / disk.BLOCKS)
    if blocks:
        chosen.append(f"neurodata4ml cache rm --blocks ({blocks:,} bytes)")
        too_much -= blocks
    for held in sorted(receipts.all_held(), key=lambda held: held.used):
        if too_much > 0:
            chosen.append(f"{held.line} ({held.size:,} bytes)")
            too_much -= held.size
    if not chosen:
        return "Raise the limit, or remove what was left unfinished: neurodata4ml cache rm --all --unfinished"
    return f"Least recently used; remove what you no longer need: {'; '.join(dict.fromkeys(chosen))}"
