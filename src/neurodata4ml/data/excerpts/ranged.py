"""The bytes of a remote file as ``RangeFile`` brings them: nothing that is not needed, counted, and kept nowhere."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence

from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.hdf5.pages import Habits, MetadataPages
from neurodata4ml.data.storage.hdf5.walk import read_index
from neurodata4ml.data.storage.source import Cost, Span
from neurodata4ml.errors import LayoutError

ALWAYS = ("", "/general", "/general/subject")
"""Groups whose small datasets are always taken along."""

KEPT = 16 << 20
"""Bytes that are kept of what was read."""

HABITS = Habits(first=1 << 13, last=0, block=1 << 10, gap=1 << 10)
"""Metadata are read in small blocks: in an Allen session, in 64 kB blocks they would be as much as all tables."""


def open_parts(ranges: RangeFile, wanted: Collection[str]) -> StoredFile:
    """Open a file of which only some parts are looked at: nothing is read of what neither is nor leads to one.

    ``wanted`` are paths; of the root, of /general and of the subject, everything is looked at that is no group.
    """
    source = RangedSource(ranges)
    paths = [f"/{path.strip('/')}" for path in wanted]

    def is_left_out(path: str) -> bool:
        is_on_the_way = any(want == path or want.startswith(f"{path}/") for want in paths)
        is_inside = any(path.startswith(f"{want}/") for want in paths)
        return not (is_on_the_way or is_inside or path.rpartition("/")[0] in ALWAYS)

    try:
        return StoredFile(source, read_index(source, skip=is_left_out, pages=MetadataPages(source, HABITS)))
    except LayoutError as error:
        message = f"{source.name} cannot be opened as HDF5 ({error})."
        raise LayoutError(message) from error


class RangedSource:
    """A ``Source`` over a ``RangeFile``: an excerpt shall move what it needs, rather than be quick."""

    key = ""
    is_remote = False  # bytes are what counts, not round trips: metadata are read in small blocks

    def __init__(self, ranges: RangeFile) -> None:
        """Read from ``ranges``."""
        self.ranges, self.name, self.size = ranges, ranges.name, ranges.size
        self._lock, self._held = threading.Lock(), 0

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` to ``stop``; a LayoutError where the file ends before."""
        if not 0 <= start <= stop <= self.size:
            message = f"{self.name} ends at byte {self.size:,}, and byte {stop:,} is asked for: it is cut short."
            raise LayoutError(message)
        with self._lock:
            self.ranges.seek(start)
            return self.ranges.read(stop - start) or b""

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        """Yield (place in ``spans``, bytes) of each span, after all were asked for together."""
        before = self.ranges.moved
        self.ranges.prefetch([(start, stop - start) for start, stop in spans])
        self._held += self.ranges.moved - before
        for place, (start, stop) in enumerate(spans):
            yield place, self.read(start, stop)
        if self._held > KEPT:  # until then it is there for others: the texts of many columns lie in one heap
            self.ranges.release()
            self._held = 0

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        """Fill each buffer with the bytes from its offset on."""
        flat = [(start, buffer.cast("B")) for start, buffer in pieces]
        for place, data in self.read_many([(start, start + len(buffer)) for start, buffer in flat]):
            flat[place][1][:] = data

    def cost(self, spans: Sequence[Span]) -> Cost:
        """Return what ``read_many`` would move now."""
        return Cost(self.ranges.lacking((start, stop - start) for start, stop in spans), len(spans))

    def close(self) -> None:
        """End all connections."""
        self.ranges.close()
