"""A remote file as a file object that h5py opens: read by ranges of its bytes, buffered, fetched ahead where asked."""

from __future__ import annotations

import bisect
import io
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from neurodata4ml.data.remote.addresses import PUBLIC, Reach
from neurodata4ml.data.remote.versioned import Span, Versioned

SMALLEST, LARGEST = 1 << 13, 1 << 17
"""Bytes of a block: one 4096th of the file, between these. Metadata, which lie scattered, then cost little of it."""

KEPT = 64 << 20
"""Bytes of blocks that are kept for small reads."""

LONGEST = 4 << 20
"""Bytes asked for at once: long ranges are split, so that several connections share them."""

WIDEST = 1 << 18
"""Bytes between two ranges up to which they may become one: moving them takes no longer than another request."""

WASTE = 0.01
"""Share of the bytes asked for that such gaps may add."""


class RangeFile(io.RawIOBase):
    """A file on a server, read where somebody looks.

    Small reads take whole blocks, which are kept; large ones ask for exactly their bytes. ``prefetch`` gets many
    ranges at once. All bytes are of one version of the file (see ``Versioned``).

    Attributes
    ----------
    size : int
    etag : str
        Strong ETag of the version that is read; empty where the server states a date instead.
    """

    def __init__(
        self, urls: Sequence[str], *, what: str, size: int = 0, etag: str = "", reach: Reach = PUBLIC, block: int = 0
    ) -> None:
        """Ask for the first bytes, and so for what the file is.

        Parameters
        ----------
        urls : sequence of str
            Addresses of the same bytes, best first.
        what : str
            Dataset and session, for messages.
        size, etag : int, str
            What is published; 0 and empty where nothing is.
        reach : Reach
        block : int
            Bytes of a block, in place of our choice.

        Raises
        ------
        ArchiveError
            When the server does not deliver, delivers whole files only, or does not tell versions of a file apart.
        ChecksumError
            When the file is not the published one.
        """
        super().__init__()
        self.name = what
        self.source = Versioned(urls, what=what, size=size, etag=etag, reach=reach)
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        try:
            self._held = [(0, memoryview(self.source.get(0, block or _block(size))))]
        except BaseException:
            self.source.close()
            raise
        assert self.source.version is not None
        self.size, self.etag, _ = self.source.version
        self.block = block or _block(self.size)

    @property
    def moved(self) -> int:
        """Bytes received."""
        return self.source.moved

    @property
    def requests(self) -> int:
        """Requests made."""
        return self.source.requests

    @property
    def failure(self) -> Exception | None:
        """What went wrong first, also where HDF5 swallowed it; from then on nothing is read."""
        return self.source.failure

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return where the next read starts."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set where the next read starts; nothing is asked for."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``; only at the end of the file is less read than it takes."""
        if self.closed:
            message = f"{self.name} is closed."
            raise ValueError(message)
        target = memoryview(buffer).cast("B")
        start, stop = self._position, min(self._position + len(target), self.size)
        if stop <= start:
            return 0
        target[: stop - start] = self._range(start, stop)
        self._position = stop
        return stop - start

    def prefetch(self, ranges: Iterable[Span], progress: Callable[[], None] = lambda: None) -> None:
        """Get ranges (offset, size) and hold them until ``release``: near ones in one request, several at a time.

        The caller bounds what is held at once. Never call this from inside HDF5: its lock would be held by who waits.

        Parameters
        ----------
        ranges : iterable of (int, int)
            In any order; they may overlap. What is there already is not asked for again.
        progress : callable, optional
            Called whenever a piece arrived.
        """
        pieces = split(merged(self._lacking(ranges)))
        for (start, _), data in zip(pieces, self.source.several(pieces), strict=True):
            bisect.insort(self._held, (start, memoryview(data)), key=_first)
            progress()

    def lacking(self, ranges: Iterable[Span]) -> int:
        """Return how many bytes of ranges (offset, size) are not there yet."""
        return sum(stop - start for start, stop in merged(self._lacking(ranges), waste=0))

    def release(self) -> None:
        """Forget what was prefetched."""
        self._held = []

    def close(self) -> None:
        """End all connections."""
        if not self.closed:
            self.source.close()
            self._held, self._blocks = [], OrderedDict()
        super().close()

    def _range(self, start: int, stop: int) -> bytes:
        found, here = list[memoryview](), start
        while here < stop:
            piece = self._known(here)
            if piece is None:
                piece = self._ask(here, self._next_known(here, stop))
            found.append(piece[: stop - here])
            here += len(piece)
        return b"".join(found)

    def _ask(self, start: int, stop: int) -> memoryview:
        """Return bytes from ``start`` on that nobody has: a long range itself, of a short one its block."""
        if stop - start >= self.block:
            return memoryview(self.source.get(start, stop))
        number, offset = divmod(start, self.block)
        self._keep(number, self.source.get(start - offset, min(start - offset + self.block, self.size)))
        return memoryview(self._blocks[number])[offset:]

    def _keep(self, number: int, data: bytes) -> None:
        self._blocks[number] = data
        while len(self._blocks) * self.block > KEPT:
            self._blocks.popitem(last=False)

    def _known(self, start: int) -> memoryview | None:
        """Return the bytes from ``start`` on that are held, or kept in a block."""
        place = bisect.bisect_right(self._held, start, key=_first) - 1
        if place >= 0 and start < self._held[place][0] + len(self._held[place][1]):
            return self._held[place][1][start - self._held[place][0] :]
        number, offset = divmod(start, self.block)
        if number not in self._blocks:
            return None
        self._blocks.move_to_end(number)
        return memoryview(self._blocks[number])[offset:]

    def _next_known(self, start: int, stop: int) -> int:
        """Return where the first bytes after ``start`` lie that are held or kept, at most ``stop``."""
        place = bisect.bisect_right(self._held, start, key=_first)
        held = self._held[place][0] if place < len(self._held) else stop
        later = range(start // self.block + 1, -(-stop // self.block))
        kept = next((number * self.block for number in later if number in self._blocks), stop)
        return min(held, kept, stop)

    def _lacking(self, ranges: Iterable[Span]) -> list[Span]:
        """Return the spans (start, stop) of ranges (offset, size) that are neither held nor kept."""
        spans = [(offset, min(offset + size, self.size)) for offset, size in ranges]
        return [part for span in spans for part in self._unknown(*span)]

    def _unknown(self, start: int, stop: int) -> Iterator[Span]:
        here = start
        while here < stop:
            piece = self._known(here)
            if piece is None:
                until = self._next_known(here, stop)
                yield here, until
                here = until
            else:
                here += len(piece)


def merged(spans: Iterable[Span], *, widest: int = WIDEST, waste: float = WASTE) -> list[Span]:
    """Return spans (start, stop) sorted, and joined where they touch or the gap between them is cheap to read.

    The narrowest gaps are closed first, none wider than ``widest``, as long as all together are at most ``waste`` of
    the bytes asked for.
    """
    apart = list[Span]()
    for start, stop in sorted(spans):
        if apart and start <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(stop, apart[-1][1])
        else:
            apart.append((start, stop))
    left = waste * sum(stop - start for start, stop in apart)
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(apart)]
    closed = set[int]()
    for place in sorted(range(len(gaps)), key=lambda place: gaps[place]):
        left -= gaps[place]
        if left < 0 or gaps[place] > widest:
            break
        closed.add(place)
    joined = apart[:1]
    for place, span in enumerate(apart[1:]):
        joined[-1:] = [(joined[-1][0], span[1])] if place in closed else [joined[-1], span]
    return joined


def split(spans: Iterable[Span], longest: int = LONGEST) -> list[Span]:
    """Return spans (start, stop), the long ones in pieces."""
    return [(here, min(here + longest, stop)) for start, stop in spans for here in range(start, stop, longest)]


def _block(size: int) -> int:
    """Return the bytes of a block for a file of ``size`` bytes: a power of two, so that blocks fit HDF5's own."""
    wanted = min(max(size // 4096, SMALLEST), LARGEST)
    return 1 << (wanted.bit_length() - 1)


def _first(piece: tuple[int, memoryview]) -> int:
    return piece[0]
