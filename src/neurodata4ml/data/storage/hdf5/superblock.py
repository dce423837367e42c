"""The first structure of an HDF5 file: how addresses are written, where the file ends, where its root group is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.checksum import check
from neurodata4ml.data.storage.hdf5.cursor import Cursor, refuse
from neurodata4ml.data.storage.hdf5.damage import Damaged, Unsupported
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading

SIGNATURE = b"\x89HDF\r\n\x1a\n"

LATEST_START = 1 << 20
"""Whatever precedes the HDF5 file within the file (a user block) is at most this long: each guess is a request."""

_WHAT = "the superblock (the first structure of an HDF5 file)"
_IN_WRITING = 0b101  # opened for writing, or for one writer and many readers
_KNOWN_FLAGS = 0b111


_PLACES = 0x13
_UNKNOWN = {
    0x0F: "keeps messages that are shared in a table",
    0x14: "names a driver of its own (a file in several parts)",
    0x18: "was closed with an image of the writer's memory",
}
"""Kinds of messages in an extension of the superblock: how many names a group's lists have place for, and others."""


class Superblock(NamedTuple):
    """What it says.

    Attributes
    ----------
    sizes : Sizes
        How addresses are written, and where the file ends.
    root : int
        Address of the root group's header.
    extension : int or None
        Address of a header with what is unusual about this file.
    """

    sizes: Sizes
    root: int
    extension: int | None


def read_superblock(n_bytes: int) -> Reading[Superblock]:
    """Read the superblock of a file of ``n_bytes``."""
    base = yield from _find(n_bytes)
    head = yield base, base + 9
    version = head[8]
    if version in (0, 1):
        return (yield from _read_old(base, n_bytes, version))
    if version in (2, 3):
        return (yield from _read_new(base, n_bytes, version))
    message = f"{_WHAT} is of version {version}, not 0 to 3; the file is damaged, or newer than this reader"
    raise Damaged(message)


def _find(n_bytes: int) -> Reading[int]:
    """Return where the signature is: at the start, or after a user block of 512 bytes, or twice as many, and so on."""
    start = 0
    while start <= LATEST_START and start + 9 <= n_bytes:
        found = yield start, start + 8
        if found == SIGNATURE:
            return start
        start = start * 2 or 512
    if n_bytes < 9:
        message = f"it has {n_bytes} bytes: too few for an HDF5 file; fetch it again"
        raise Damaged(message)
    first = bytes((yield 0, 8))
    message = f"it starts with {first!r}, not {SIGNATURE!r}: it is no HDF5 file, or it is damaged; fetch it again"
    raise Damaged(message)


def _sizes(offset: int, length: int, base: int, n_bytes: int) -> Sizes:
    for width, of_what in ((offset, "addresses"), (length, "lengths")):
        if width not in (2, 4, 8, 16, 32):
            refuse(_WHAT, f"claims {of_what} of {width} bytes, not 2, 4 or 8")
        if width > 8:
            message = f"{_WHAT} has {of_what} of {width} bytes, which this reader does not know; it knows 2, 4 and 8"
            raise Unsupported(message)
    return Sizes(offset, length, base, n_bytes)


def _ending(sizes: Sizes, stored_base: int | None, stored_end: int | None, n_bytes: int) -> Sizes:
    """Return the sizes with the end of the file as it is written, moved along if the whole was moved."""
    if stored_end is None or stored_base is None:
        refuse(_WHAT, "does not say where the file starts or ends")
    # both were made absolute when they were taken, but they are written as places in the file
    end = stored_end - sizes.base + (sizes.base - (stored_base - sizes.base))
    if end > n_bytes:
        message = f"the file has {n_bytes} bytes and should have {end}: it was cut short; fetch it again"
        raise Damaged(message)
    return sizes._replace(end=end)


def _read_old(base: int, n_bytes: int, version: int) -> Reading[Superblock]:
    head = yield base, min(base + 24, n_bytes)
    if len(head) < 24:
        refuse(_WHAT, "is cut short")
    sizes = _sizes(head[13], head[14], base, n_bytes)
    if head[9] or head[10] or head[12]:
        refuse(_WHAT, f"names versions {head[9]}, {head[10]}, {head[12]} of its parts, not 0")
    names, nodes = int.from_bytes(head[16:18], "little"), int.from_bytes(head[18:20], "little")
    if not names or not nodes:
        refuse(_WHAT, "has no place for names of groups")
    sizes = sizes._replace(most_names=2 * names, most_nodes=2 * nodes)
    if int.from_bytes(head[20:24], "little") & 0xFF & ~_KNOWN_FLAGS:
        refuse(_WHAT, "has flags that do not exist")
    start = base + 24 + (4 if version == 1 else 0)
    body = Cursor((yield sizes.span(start, 6 * sizes.offset + 24, _WHAT)), sizes, _WHAT)
    stored_base, extension, stored_end, driver = body.address(), body.address(), body.address(), body.address()
    if extension is not None:
        refuse(_WHAT, f"of version {version} names an extension, which there is from version 2 on")
    if driver is not None:
        message = f"{_WHAT} names a driver of its own (a file in several parts), which this reader does not know"
        raise Unsupported(message)
    body.address()
    root = body.address()
    sizes = _ending(sizes, stored_base, stored_end, n_bytes)
    return Superblock(sizes, sizes.span(root, 16, "the root group")[0], None)


def _read_new(base: int, n_bytes: int, version: int) -> Reading[Superblock]:
    head = yield base, min(base + 12, n_bytes)
    if len(head) < 12:
        refuse(_WHAT, "is cut short")
    sizes = _sizes(head[9], head[10], base, n_bytes)
    whole = yield sizes.span(base, 16 + 4 * sizes.offset, _WHAT)
    check(whole, _WHAT)
    _check_closed(whole[11], version)
    body = Cursor(whole[12:], sizes, _WHAT)
    stored_base, extension, stored_end, root = body.address(), body.address(), body.address(), body.address()
    sizes = _ending(sizes, stored_base, stored_end, n_bytes)
    return Superblock(sizes, sizes.span(root, 16, "the root group")[0], extension)


def _check_closed(flags: int, version: int) -> None:
    if flags & ~_KNOWN_FLAGS:
        refuse(_WHAT, f"has flags {flags:#x} that do not exist")
    if version == 3 and flags & _IN_WRITING:
        message = (
            "the file was not closed by whoever wrote it, or is being written now; "
            "wait until it is, or if nobody writes it: h5clear -s FILE"
        )
        raise Damaged(message)


def heed_extension(sizes: Sizes, messages: Mapping[int, memoryview]) -> Sizes:
    """Return the sizes with what an extension of the superblock says of them; refused where it asks for more."""
    found = [text for kind, text in _UNKNOWN.items() if kind in messages]
    if found:
        message = f"the file {' and '.join(found)}, which only HDF5's own library can read"
        raise Unsupported(message)
    if _PLACES not in messages:
        return sizes
    cursor = Cursor(messages[_PLACES], sizes, "what the superblock says of the places for names")
    cursor.version(0)
    _, nodes, names = cursor.uint(2), cursor.uint(2), cursor.uint(2)
    if not names or not nodes:
        refuse(cursor.what, "is that there are none")
    return sizes._replace(most_names=2 * names, most_nodes=2 * nodes)
