"""Many small datasets of a store read together: the files of all are brought in one round."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from neurodata4ml.data.storage.index import Dataset, Keyed
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.store import LARGEST, Store
from neurodata4ml.data.storage.values.keyed import names_of
from neurodata4ml.data.storage.values.selection import select
from neurodata4ml.data.storage.zarr.chunks import chunk_bytes
from neurodata4ml.errors import LayoutError

SMALL = 1 << 20
"""Bytes of a dataset that is read with others; what is larger is worth a round of its own."""


class Brought:
    """A store, some of whose files are in memory (see ``Store``)."""

    def __init__(self, store: Store, files: Mapping[str, bytes | None]) -> None:
        """Take a store, and what was read of it: by name, None for a file that is not there."""
        self.store, self.files = store, files
        self.name, self.folder, self.key, self.is_remote = store.name, store.folder, store.key, store.is_remote

    def read(self, name: str, at_most: int = LARGEST) -> bytes | None:
        """Return a file's bytes; None where there is none."""
        return self.files[name] if name in self.files else self.store.read(name, at_most)

    def read_many(self, names: Sequence[str], at_most: int = LARGEST) -> Iterator[tuple[int, bytes | None]]:
        """Yield (place in ``names``, bytes or None) of each file."""
        if all(name in self.files for name in names):
            return ((place, self.files[name]) for place, name in enumerate(names))
        return self.store.read_many(names, at_most)

    def folders(self, name: str) -> list[str] | None:
        """Return the names of the folders in a folder; None where nobody lists them."""
        return self.store.folders(name)

    def cost(self, names: Sequence[str], at_most: int) -> Cost:
        """Return what reading the files would move that are not here."""
        return self.store.cost([name for name in names if name not in self.files], at_most)

    def close(self) -> None:
        """Let go of connections."""
        self.store.close()


def bring(store: Store, datasets: Sequence[Dataset]) -> Brought:
    """Return the store with the files of all small datasets in memory; with none, where one of them is refused."""
    small = [dataset for dataset in datasets if isinstance(dataset.layout, Keyed) and dataset.n_bytes <= SMALL]
    each = (names_of(dataset, select(None, dataset.shape or ())) for dataset in small)
    names = list(dict.fromkeys(itertools.chain.from_iterable(each)))
    try:
        arrived = dict(store.read_many(names, max(map(chunk_bytes, small), default=0)))
    except LayoutError:  # it will be raised once more, for whom it concerns alone
        arrived = {}
    return Brought(store, {names[place]: data for place, data in arrived.items()})
