"""Values that lie elsewhere in the file: text and ragged numbers, found by pointers into heaps of such values."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from neurodata4ml.data.storage.hdf5.heap import Collection, collection_size, objects_in
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.source import Source, Span
from neurodata4ml.data.storage.values.held import Held
from neurodata4ml.errors import LayoutError

FIRST_LOOK = 4096
"""Bytes of a heap that are read before its length is known; HDF5 makes most of them so long."""

AT_ONCE = 1 << 16
"""Pointers that are followed at a time."""

MOST_BYTES = 1 << 26
"""Bytes of heaps that are kept for the next pointers (64 MB)."""


class Heaps:
    """The heaps of one file, each read once; what pointers point to is taken from them."""

    def __init__(self, source: Source, sizes: Callable[[], Sizes]) -> None:
        """Read nothing yet; ``sizes`` returns how the file writes addresses, once that is needed."""
        self.held, self._told = Held(source), sizes
        self._heaps: dict[int, Collection] = {}

    @cached_property
    def sizes(self) -> Sizes:
        """How the file writes addresses."""
        return self._told()

    def bring(self, addresses: list[int]) -> None:
        """Read the heaps at these addresses in one round, and the rest of long ones in a second one."""
        missing = [address for address in addresses if address not in self._heaps]
        if self.held.n_bytes > MOST_BYTES:
            self._heaps = {}  # a new one: whoever is at work with the old one keeps it
            self.held.forget()
            missing = addresses
        if not missing:
            return
        self.held.get([self._look(address) for address in missing])
        spans = [self._span(address) for address in missing]
        self.held.get(spans)
        for address, span in zip(missing, spans, strict=True):
            data = self.held.known(*span)
            assert data is not None
            self._heaps[address] = objects_in(data, self.sizes)

    def spans(self, addresses: list[int]) -> list[Span]:
        """Return what would be read to follow pointers to these heaps, as far as that can be told."""
        return [self._look(address) for address in addresses if address not in self._heaps]

    def text(self, pointers: np.ndarray, encoding: str) -> np.ndarray:
        """Return the text that each pointer points to, as str; bytes that are no text become the replacement sign."""

        def decode(data: memoryview) -> str:
            text = str(data, encoding, "replace")
            return text.partition("\0")[0] if "\0" in text else text

        return self._each(pointers, 1, decode)

    def ragged(self, pointers: np.ndarray, itemsize: int, make: Callable[[memoryview], Any]) -> np.ndarray:
        """Return what ``make`` makes of the bytes that each pointer points to, of values of ``itemsize``."""
        return self._each(pointers, itemsize, make)

    def _each(self, pointers: np.ndarray, itemsize: int, make: Callable[[memoryview], Any]) -> np.ndarray:
        """Return an object array of what is made of the bytes that each pointer points to."""
        flat, made = pointers.reshape(-1), np.empty(pointers.size, dtype=object)
        for first in range(0, len(flat), AT_ONCE):
            part = flat[first : first + AT_ONCE]
            self.bring(addresses_of(part, self.sizes))
            heaps = self._heaps
            places = list(zip(*(part[name].tolist() for name in ("length", "address", "index")), strict=True))
            seen: dict[tuple[int, int, int], Any] = {}
            for place in places:  # each once: many pointers to one long value would else become many long values
                if place not in seen:
                    seen[place] = make(self._bytes(heaps, place, itemsize))
            for k, place in enumerate(places, first):
                made[k] = seen[place]
        return made.reshape(pointers.shape)

    def _bytes(self, heaps: dict[int, Collection], place: tuple[int, int, int], itemsize: int) -> memoryview:
        """Return the bytes that a pointer points to: its length, the address of a heap, the number within it."""
        length, address, index = place
        if not address:
            return memoryview(b"")
        data, n_bytes = heaps[address + self.sizes.base].get(index), length * itemsize
        if data is None or len(data) != n_bytes:
            held = "nothing" if data is None else f"{len(data):,} bytes"
            message = (
                f"a value of {n_bytes:,} bytes should lie in the heap at {address:,}, which has {held} there; the "
                "file is damaged: fetch it again"
            )
            raise LayoutError(message)
        return data[:n_bytes]

    def _look(self, address: int) -> Span:
        start, stop = self.sizes.span(address, 16, "a heap of values")
        return start, min(stop - 16 + FIRST_LOOK, self.sizes.end)

    def _span(self, address: int) -> Span:
        """Return from where to where a heap reaches, as its head says."""
        head = self.held.known(address, address + 16)
        assert head is not None
        return address, address + collection_size(self.sizes, address, head)


def addresses_of(pointers: np.ndarray, sizes: Sizes) -> list[int]:
    """Return where the heaps are that pointers point into, each once, in the order of the file."""
    used = pointers["address"][pointers["address"] != 0]
    return [int(address) + sizes.base for address in np.unique(used)]
