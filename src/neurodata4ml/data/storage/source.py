"""A file's bytes, wherever they are: what the readers of this room ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

Span = tuple[int, int]
"""From its first byte to the one after its last."""


class Cost(NamedTuple):
    """What reading would move over the network: bytes, and requests; nothing for what is on this machine."""

    bytes: int
    requests: int

    def __add__(self, other: Any) -> Cost:
        """Return both together."""
        return Cost(self.bytes + other.bytes, self.requests + other.requests)


class Source(Protocol):
    """A file, open for reading by many threads at once. It is pickled by reference, never with its bytes."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def key(self) -> str:
        """Which bytes these are: a digest, or an ETag with the size.

        "" where only this process knows: then nothing is kept on disk.
        """
        ...

    @property
    def is_remote(self) -> bool:
        """Whether a read costs a round trip."""
        ...

    def read(self, start: int, stop: int) -> bytes | memoryview:
        """Return the bytes from ``start`` to ``stop``, all of them; a LayoutError where the file ends before."""
        ...

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes | memoryview]]:
        """Yield (place in ``spans``, bytes) of each span as it arrives: merged, split, several at a time."""
        ...

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        """Fill each buffer with the bytes from its offset on, several at a time."""
        ...

    def cost(self, spans: Sequence[Span]) -> Cost:
        """Return what ``read_many`` would move now."""
        ...

    def close(self) -> None:
        """Let go of the file; a later read opens it again."""
        ...
