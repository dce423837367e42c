"""Object headers: the list of messages that says what an object is, in one block or in several."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.checksum import check
from neurodata4ml.data.storage.hdf5.cursor import Cursor, refuse
from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.heap import Collections
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.source import Span
from neurodata4ml.data.storage.waves import Reading

DATASPACE, LINK_INFO, DATATYPE, OLD_FILL, FILL, LINK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
EXTERNAL_FILES, LAYOUT, FILTERS, ATTRIBUTE, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x07, 0x08, 0x0B, 0x0C, 0x11, 0x15
_CONTINUATION = 0x10
_LAST_KIND = 0x18

SHARED = 0x02
"""The flag of a message whose data only say where it lies."""

_SHAREABLE = {DATASPACE, DATATYPE, OLD_FILL, FILL, FILTERS, ATTRIBUTE}

_LARGEST = 1 << 23
"""No header that a program writes comes near to 8 MB: a message has at most 64 kB, and what is many lies elsewhere."""

_WHAT = "an object header"
_OLD_MESSAGE = Struct("<HHB")
_OLD_PREFIX = Struct("<BxHII")


class Message(NamedTuple):
    """What kind it is, its flags, and its data; ``order`` is when it was made, where the header keeps this."""

    kind: int
    flags: int
    data: memoryview
    order: int


def read_header(heaps: Collections, address: int | None) -> Reading[list[Message]]:
    """Read the messages of the object at an address, those of its continuation blocks too; ``heaps`` counts bytes."""
    sizes = heaps.sizes
    start = sizes.span(address, 16, _WHAT)[0]
    prefix = yield start, start + 16
    if prefix[:4] == b"OHDR":
        return (yield from _read_new(sizes, start, prefix, heaps))
    return (yield from _read_old(start, prefix, heaps))


def _read_old(start: int, prefix: memoryview, heaps: Collections) -> Reading[list[Message]]:
    version, n_messages, _, size = _OLD_PREFIX.unpack_from(prefix)
    if version != 1:
        refuse(f"{_WHAT} at byte {start}", f"starts with {bytes(prefix[:4])!r}")
    if (n_messages and size < 8) or (size and not n_messages):
        refuse(f"{_WHAT} at byte {start}", f"claims {n_messages} messages in {size} bytes")
    messages: list[Message] = []
    blocks = _Blocks(heaps, start, (start + 16, start + 16 + size))
    while (span := blocks.next()) is not None:
        data = yield span
        for message in _old_messages(data, n_messages if span[0] == start + 16 else None):
            if message.kind == _CONTINUATION:
                blocks.add(message.data)
            else:
                messages.append(message)
    return messages


def _old_messages(data: memoryview, most: int | None) -> list[Message]:
    """Return the messages of a block; the first block has no more than the header says."""
    messages = []
    n_found, at, stop = 0, 0, len(data)
    while at < stop:
        if stop - at < 8:
            refuse(_WHAT, f"ends {stop - at} bytes into a message")
        kind, size, flags = _OLD_MESSAGE.unpack_from(data, at)
        at += 8
        if size & 7 or at + size > stop:
            refuse(_WHAT, f"holds a message of {size} bytes where {stop - at} are left")
        if kind:
            _check(kind, flags)
            messages.append(Message(kind, flags, data[at : at + size], 0))
        at += size
        n_found += 1
    if most is not None and n_found > most:
        refuse(_WHAT, f"says that it has {most} messages, and has {n_found}")
    return messages


def _read_new(sizes: Sizes, start: int, prefix: memoryview, heaps: Collections) -> Reading[list[Message]]:
    flags = prefix[5]
    if prefix[4] != 2 or flags & ~0x3F:
        refuse(f"{_WHAT} at byte {start}", f"is of version {prefix[4]} with flags {flags:#x}")
    width = 1 << (flags & 3)
    first = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    head = Cursor((yield sizes.span(start, first + width, _WHAT)), sizes, _WHAT)
    head.at = first - (4 if flags & 0x10 else 0)
    if flags & 0x10 and head.uint(2) < head.uint(2):
        refuse(f"{_WHAT} at byte {start}", "says that attributes are few and many at once")
    size = head.uint(width)
    header_size = 6 if flags & 0x04 else 4
    if 0 < size < header_size:
        refuse(f"{_WHAT} at byte {start}", f"claims messages in {size} bytes")
    messages: list[Message] = []
    blocks = _Blocks(heaps, start, (start, start + first + width + size + 4))
    skipped = first + width
    while (span := blocks.next()) is not None:
        data = yield span
        data = check(data, f"{_WHAT} at byte {start}")
        if skipped == 4 and bytes(data[:4]) != b"OCHK":
            refuse(f"{_WHAT} at byte {start}", f"goes on with {bytes(data[:4])!r}, not with b'OCHK'")
        for message in _new_messages(data[skipped:], header_size):
            if message.kind == _CONTINUATION:
                blocks.add(message.data)
            else:
                messages.append(message)
        skipped = 4
    return messages


def _new_messages(data: memoryview, header_size: int) -> list[Message]:
    messages = []
    n_unused, at, stop = 0, 0, len(data)
    while stop - at >= header_size:  # less is a gap, which is too small for a message
        kind, size, flags = data[at], data[at + 1] | data[at + 2] << 8, data[at + 3]
        order = data[at + 4] | data[at + 5] << 8 if header_size == 6 else 0
        at += header_size
        if at + size > stop:
            refuse(_WHAT, f"holds a message of {size} bytes where {stop - at} are left")
        if kind:
            _check(kind, flags)
            messages.append(Message(kind, flags, data[at : at + size], order))
        else:
            n_unused += 1
        at += size
    if at < stop and n_unused:
        refuse(_WHAT, f"leaves {stop - at} bytes after a message that is not used and could have them")
    return messages


def _check(kind: int, flags: int) -> None:
    """Refuse a message that no reader may pass over, and flags that contradict each other, as HDF5's library does."""
    if flags & 0x06 == 0x06 or flags & 0x28 == 0x28 or flags & 0x30 == 0x20:
        refuse(_WHAT, f"holds a message with flags {flags:#x} that contradict each other")
    if flags & 0x40 and kind <= _LAST_KIND and kind not in _SHAREABLE:
        refuse(_WHAT, f"says that a message of kind {kind:#x} may be shared, which it may not")
    if kind > _LAST_KIND and flags & 0x80:
        message = f"{_WHAT} holds a message of kind {kind:#x}, which this reader does not know and may not pass over"
        raise Unsupported(message)


class _Blocks:
    """The blocks of one header that are still to be read: each once, all together no longer than a header can be."""

    def __init__(self, heaps: Collections, header: int, first: Span) -> None:
        self._sizes = heaps.sizes
        self._heaps = heaps
        self._header = header
        self._waiting: list[Span] = []
        self._seen: set[int] = set()
        self._total = 0
        self._append(first)

    def next(self) -> Span | None:
        return self._waiting.pop(0) if self._waiting else None

    def add(self, continuation: memoryview) -> None:
        cursor = Cursor(continuation, self._sizes, _WHAT)
        address, size = cursor.address(), cursor.length()
        if size < 8:
            refuse(_WHAT, f"goes on in a block of {size} bytes")
        span = self._sizes.span(address, size, _WHAT)
        self._heaps.own(span[0], self._header)
        self._append(span)

    def _append(self, span: Span) -> None:
        start, stop = self._sizes.span(span[0], span[1] - span[0], _WHAT)
        self._total += stop - start
        if start in self._seen:
            refuse(_WHAT, f"goes on in a block that it holds already, at byte {start}")
        if self._total > _LARGEST:
            refuse(_WHAT, f"claims {self._total} bytes, and {_LARGEST} would be too many")
        self._heaps.spend(stop - start)
        self._seen.add(start)
        self._waiting.append((start, stop))
