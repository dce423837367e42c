"""Chunks as they are stored become the bytes of their values: what was done last is undone first."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from neurodata4ml.data.storage.filters import rare, undo
from neurodata4ml.data.storage.filters.undo import Bytes, Room, Undo, refuse
from neurodata4ml.data.storage.index import Filter
from neurodata4ml.errors import LayoutError

BOMB_BYTES = 2**28
"""Chunks of recordings are smaller: 10 MB are advised, and HDF5's own memory for chunks begins at 1 MB."""
BOMB_RATIO = 250
"""Larger ones must hold at least a 250th of what they become: recordings shrink 2 to 10 times."""

HDF5_FILTERS: dict[int, Undo] = {
    1: undo.inflate,
    3: undo.check,
    307: undo.bunzip2,
    32001: undo.blosc,
    32004: undo.lz4,
    32015: undo.zstd,
}
"""Of the HDF Group's register of filters; 2, shuffle, depends on the size of a value."""

CODECS: dict[str, Undo] = {
    "zlib": undo.inflate,
    "gzip": partial(undo.inflate, is_gzip=True),
    "bz2": undo.bunzip2,
    "lzma": undo.unxz,
    "blosc": undo.blosc,
    "zstd": undo.zstd,
    "lz4": undo.lz4_block,
    "fletcher32": undo.check,
}
"""Of Zarr, by the names of numcodecs."""
SMALL_CODECS = ("astype", "bitround", "delta", "fixedscaleoffset", "packbits", "quantize")
"""Codecs that make numbers of numbers, at most 8 times as large; no other is asked for: "pickle" would run code."""


def decode(
    data: Bytes, filters: tuple[Filter, ...], skipped: int, n_bytes: int, itemsize: int, out: Any = None
) -> Bytes:
    """Return the bytes of a chunk's values; never more than those that are due are made.

    Parameters
    ----------
    data : bytes-like
        As they are stored.
    filters : tuple of Filter
        In the order in which they were applied.
    skipped : int
        Bit k is set where filter k was not applied to this chunk.
    n_bytes, itemsize : int
        That are due: of the chunk, and of one value.
    out : writable buffer of ``n_bytes``, optional
        The values are written here, and they are returned as a memoryview of it.
    """
    buffer = None if out is None else np.frombuffer(out, np.uint8).data
    if n_bytes > max(BOMB_BYTES, BOMB_RATIO * len(data)):
        refuse(f"{len(data)} bytes say that they become {n_bytes}, as no recording does")
    steps = _steps(filters, skipped & (1 << len(filters)) - 1, n_bytes, itemsize)
    for number, (step, room) in enumerate(steps, start=1):
        data = step(data, room, buffer if number == len(steps) else None)
    if len(data) != n_bytes:
        refuse(f"{len(data)} bytes come out where {n_bytes} are due")
    if buffer is None or data is buffer:
        return data
    np.frombuffer(buffer, np.uint8)[:] = np.frombuffer(data, np.uint8)  # numpy lets other threads run meanwhile
    return buffer


def refused(filters: tuple[Filter, ...]) -> str:
    """Return why chunks that were encoded so cannot be read, and what to do about it; "" where they can."""
    try:
        _steps(filters, 0, 1, 1)
    except LayoutError as error:
        return str(error)
    return ""


@lru_cache(maxsize=256)
def _steps(filters: tuple[Filter, ...], skipped: int, n_bytes: int, itemsize: int) -> tuple[tuple[Undo, Room], ...]:
    """Return what is to be done to a chunk, and into which room: the filter that was applied last comes first."""
    steps = []
    due: int | None = n_bytes
    for place, applied in enumerate(filters):
        if skipped >> place & 1:
            continue
        # between two filters may be what one compressed, or another type: a byte may stand for a double
        steps.append((_undoing(applied, itemsize), Room(due, 8 * n_bytes + 65_536 if due is None else due)))
        if applied.name in (3, "fletcher32"):
            due = None if due is None else due + 4
        elif applied.name not in (2, "shuffle"):
            due = None
    return tuple(reversed(steps))


def _undoing(applied: Filter, itemsize: int) -> Undo:
    """Return how a filter is undone."""
    if isinstance(applied.name, str):
        return _named(applied.name, dict(applied.options))
    if applied.name == 2:
        return partial(undo.unshuffle, size=int(applied.options[0]) if applied.options else itemsize)
    if applied.name in HDF5_FILTERS:
        return HDF5_FILTERS[applied.name]
    return rare.undoing(applied.name, applied.options, itemsize)


def _named(name: str, settings: dict[str, Any]) -> Undo:
    """Return how a codec of Zarr is undone."""
    if name == "shuffle":
        return partial(undo.unshuffle, size=int(settings.get("elementsize", 4)))
    if name in CODECS:
        return CODECS[name]
    if name not in SMALL_CODECS:
        right = ", ".join(sorted({"shuffle", *CODECS, *SMALL_CODECS}))
        message = f"chunks encoded with {name!r} are not read: it is not known, or could run code; read are {right}"
        raise LayoutError(message)
    import numcodecs

    try:
        codec = numcodecs.get_codec({"id": name} | settings)
    except (TypeError, ValueError, KeyError) as error:
        message = f"the settings {settings} of the codec {name!r} are not understood ({error}); fetch the store again"
        raise LayoutError(message) from error
    return partial(_small, codec)


def _small(codec: Any, data: Bytes, room: Room, out: Bytes | None) -> Bytes:
    """Undo a codec that makes numbers of numbers."""
    try:
        plain = np.ascontiguousarray(codec.decode(data))
    except (ValueError, TypeError, RuntimeError) as error:
        refuse(f"{codec.codec_id} says: {error}")
    return plain.reshape(-1).view(np.uint8).data
