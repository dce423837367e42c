"""Digests of bytes that come in pieces: sha256, and those that archives state in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, BinaryIO

PART_OF_ETAG = 64 << 20
"""Bytes of each part in DANDI's etag."""

BLOCK = 1 << 20


class Digests:
    """Size, sha256 and, where asked for, DANDI's ``etag`` and ``md5`` of the bytes seen so far."""

    def __init__(self, *also: str) -> None:  # noqa: D107
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._md5 = _md5() if "md5" in also else None
        self._etag = _Etag() if "etag" in also else None

    def update(self, block: Any) -> None:
        """Take in the next bytes."""
        self.size += len(block)
        for digest in (self._sha256, self._md5, self._etag):
            if digest is not None:
                digest.update(block)

    def found(self) -> dict[str, Any]:
        """Return ``size``, ``sha256`` and what else was asked for; digests in hexadecimal."""
        also = {"md5": self._md5, "etag": self._etag}
        stated = {name: digest.hexdigest() for name, digest in also.items() if digest is not None}
        return {"size": self.size, "sha256": self._sha256.hexdigest(), **stated}


def digests(file: BinaryIO, *also: str, tell: Callable[[int], None] | None = None) -> dict[str, Any]:
    """Return the digests of a file, read from its first byte to its last; ``tell`` hears how many were read."""
    seen = Digests(*also)
    file.seek(0)
    while block := file.read(BLOCK):
        seen.update(block)
        if tell is not None:
            tell(seen.size)
    return seen.found()


class _Etag:
    """DANDI's etag: the md5 of the md5s of all parts, ``-``, their number."""

    def __init__(self) -> None:
        self.part, self.room, self.parts = _md5(), PART_OF_ETAG, b""

    def update(self, block: Any) -> None:
        rest = memoryview(block)
        while rest:
            piece, rest = rest[: self.room], rest[self.room :]
            self.part.update(piece)
            self.room -= len(piece)
            if not self.room:
                self.parts += self.part.digest()
                self.part, self.room = _md5(), PART_OF_ETAG

    def hexdigest(self) -> str:
        parts = self.parts + (self.part.digest() if self.room < PART_OF_ETAG else b"")
        return f"{_md5(parts).hexdigest()}-{len(parts) // 16}"


def _md5(data: bytes = b"") -> Any:
    return hashlib.md5(data, usedforsecurity=False)
