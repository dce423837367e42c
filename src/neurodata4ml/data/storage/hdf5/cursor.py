"""A place in some bytes of an HDF5 file, from which one number after the other is taken, never one beyond the end."""

from __future__ import annotations

from typing import NoReturn

from neurodata4ml.data.storage.hdf5.damage import Damaged
from neurodata4ml.data.storage.hdf5.sizes import Sizes


class Cursor:
    """Takes numbers, addresses and bytes from ``data``; ``what`` says in messages what they are of."""

    __slots__ = ("at", "data", "sizes", "what")

    def __init__(self, data: memoryview, sizes: Sizes, what: str) -> None:
        """Start at the first byte."""
        self.data = data
        self.sizes = sizes
        self.what = what
        self.at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def take(self, n_bytes: int) -> memoryview:
        """Take the next bytes."""
        stop = self.at + n_bytes
        if n_bytes < 0 or stop > len(self.data):
            message = (
                f"{self.what} has {len(self.data)} bytes but claims byte {stop}; it is damaged: fetch the file again"
            )
            raise Damaged(message)
        taken = self.data[self.at : stop]
        self.at = stop
        return taken

    def uint(self, width: int) -> int:
        """Take an unsigned number of ``width`` bytes."""
        return int.from_bytes(self.take(width), "little")

    def byte(self) -> int:
        """Take one byte as a number."""
        if self.at >= len(self.data):
            self.take(1)
        self.at += 1
        return self.data[self.at - 1]

    def address(self) -> int | None:
        """Take an address, made absolute; None where it is undefined."""
        width = self.sizes.offset
        written = int.from_bytes(self.take(width), "little")
        return None if written == (1 << 8 * width) - 1 else self.sizes.base + written

    def length(self) -> int:
        """Take a length."""
        return self.uint(self.sizes.length)

    def text(self) -> bytes:
        """Take the bytes up to the next zero, which is taken too."""
        rest = bytes(self.data[self.at :])
        end = rest.find(0)
        if end < 0:
            message = f"{self.what} holds a name that does not end; it is damaged: fetch the file again"
            raise Damaged(message)
        self.at += end + 1
        return rest[:end]

    def version(self, *allowed: int) -> int:
        """Take a version; refused unless it is one of ``allowed``."""
        found = self.byte()
        if found not in allowed:
            known = " or ".join(map(str, allowed))
            message = f"{self.what} is of version {found}, not {known}; the file is damaged, or newer than this reader"
            raise Damaged(message)
        return found

    def signature(self, expected: bytes) -> None:
        """Take a signature; refused unless it is the one expected."""
        found = bytes(self.take(len(expected)))
        if found != expected:
            message = f"{self.what} starts with {found!r}, not {expected!r}; the file is damaged: fetch it again"
            raise Damaged(message)


def refuse(what: str, problem: str) -> NoReturn:
    """Refuse a structure that cannot be right."""
    message = f"{what} {problem}; the file is damaged: fetch it again"
    raise Damaged(message)


def decoded(text: bytes | memoryview) -> str:
    """Return text as h5py does: UTF-8, and bytes that are not come back unchanged when they are encoded."""
    return str(text, "utf-8", "surrogateescape")
