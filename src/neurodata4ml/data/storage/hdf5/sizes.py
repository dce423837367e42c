"""How a file writes its addresses and lengths, and where it ends."""

from __future__ import annotations

from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.damage import Damaged
from neurodata4ml.data.storage.source import Span

Numbers = tuple[int, int, int]
"""Bytes of an address, bytes of a length, and the place that counts as address 0: said once by the superblock."""


WIDTHS = {2: "H", 4: "I", 8: "Q"}
"""What ``struct`` calls a number of so many bytes."""


class Sizes(NamedTuple):
    """Of one file: bytes of an address, bytes of a length, where address 0 lies, and how many bytes the file has.

    ``most_names`` and ``most_nodes`` are how many a list of names, and a node of a tree of names, has place for.
    """

    offset: int
    length: int
    base: int
    end: int
    most_names: int = 8
    most_nodes: int = 32

    @property
    def numbers(self) -> Numbers:
        """What a chunk's finder keeps of these."""
        return self.offset, self.length, self.base

    def address(self, data: memoryview | bytes, at: int) -> int | None:
        """Return the absolute address that is written at a place; None where it is undefined (all bits set)."""
        written = self.uint(data, at, self.offset)
        return None if written == (1 << 8 * self.offset) - 1 else self.base + written

    def uint(self, data: memoryview | bytes, at: int, width: int) -> int:
        """Return the unsigned number of ``width`` bytes that is written at a place."""
        if at < 0 or at + width > len(data):
            message = f"an HDF5 structure ends before its numbers do: byte {at + width} of {len(data)}; fetch it again"
            raise Damaged(message)
        return int.from_bytes(data[at : at + width], "little")

    def span(self, start: int | None, n_bytes: int, what: str) -> Span:
        """Return where a structure lies; refused unless all of it is inside the file."""
        if start is None or start < self.base or n_bytes < 0 or start + n_bytes > self.end:
            where = "an undefined address" if start is None else f"bytes {start} to {start + n_bytes}"
            message = f"{what} should lie at {where}, but the file has {self.end} bytes; it is damaged: fetch it again"
            raise Damaged(message)
        return start, start + n_bytes
