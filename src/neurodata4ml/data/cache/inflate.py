"""Read the tar inside a compressed file, and never more of it than an honest one would hold."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from neurodata4ml.errors import CatalogError

MOST_TIMES, HARMLESS = 200, 64 << 20
"""What comes out of an archive may be so many times as large as it; below so many bytes nobody counts."""

AT_ONCE = 16 << 20
"""Bytes that are unpacked into memory at once; headers of tar ask for as much as they like."""

NO_ARCHIVE = (tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError)
"""What is raised where a file is not what its first bytes say."""

KINDS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
"""How compressed files begin."""


def most(archive: Path) -> int:
    """Return how many bytes may come out of an archive."""
    return max(HARMLESS, MOST_TIMES * archive.stat().st_size)


@contextlib.contextmanager
def inflated(archive: Path) -> Iterator[BinaryIO]:
    """Yield what is inside a file compressed by gzip, bzip2 or xz; a file that is not, as it is."""
    with open(archive, "rb") as file:
        head = file.read(6)
    kind = next((kind for begin, kind in KINDS.items() if head.startswith(begin)), open)
    with kind(archive, "rb") as file:
        yield _Bounded(file, most(archive), archive.name)  # type: ignore[misc]


class _Bounded(io.RawIOBase):
    """A file that raises where somebody reads beyond ``end``, or very much at once."""

    def __init__(self, file: BinaryIO, end: int, name: str) -> None:
        self.file, self.end, self.name = file, end, name

    def read(self, size: int = -1) -> bytes:
        self._check(self.file.tell() + size, size)
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._check(offset, 0)
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def _check(self, position: int, size: int) -> None:
        if position > self.end or not 0 <= size <= AT_ONCE:
            message = f"{self.name} is refused: more would come out than {self.end:,} bytes, or too much at once."
            raise CatalogError(message)
