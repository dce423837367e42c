"""How one HDF5 file is read: by this package's own reader; what that does not know, by HDF5's library in a child."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.pages import MetadataPages
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.hdf5.superblock import read_superblock
from neurodata4ml.data.storage.hdf5.walk import read_index, read_under
from neurodata4ml.data.storage.index import Dataset, Foreign, Group, Index, Refused
from neurodata4ml.data.storage.libhdf5.child import index_from_library, values_from_library
from neurodata4ml.data.storage.source import Cost, Source
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.storage.values.claims import refuse_claim
from neurodata4ml.data.storage.values.pointed import Heaps
from neurodata4ml.data.storage.values.several import read_several
from neurodata4ml.data.storage.values.tables import Finder, finder
from neurodata4ml.data.storage.values.values import cost_of, read_values, selection_of
from neurodata4ml.data.storage.waves import one


class InFile:
    """The values of one HDF5 file. Pickled, it is the source, and how the file writes addresses."""

    def __init__(self, source: Source, token: str) -> None:
        """Take a source; ``token`` tells which bytes these are."""
        self.source, self.token = source, token
        self._sizes: Sizes | None = None
        self._pages = MetadataPages(source)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs."""
        return {"source": self.source, "token": self.token, "_sizes": self._sizes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a file of which nothing was read."""
        self.__dict__.update(state, _pages=MetadataPages(state["source"]))

    def know(self, index: Index) -> None:
        """Take from an index how the file writes addresses."""
        if index.sizes:
            self._sizes = Sizes(*index.sizes)

    def index(self) -> Index:
        """Read what the file holds."""
        try:
            return read_index(self.source, pages=self._pages)
        except Unsupported:
            if not isinstance(self.source, LocalSource):
                raise
            return index_from_library(str(self.source.path))

    def read_under(self, index: Index, path: str) -> None:
        """Add to the index what was left out at a path."""
        read_under(self.source, index, path, pages=self._pages)

    def foreign(self, path: str) -> Group | Dataset | None:
        """Return what only HDF5's library knows of an object; None where nobody may ask it."""
        if not isinstance(self.source, LocalSource):
            return None
        told = index_from_library(str(self.source.path), path, below=False)
        return told.objects.get(told.root)

    def refusal(self, dataset: Dataset) -> Refused | None:
        """Return why the values of a dataset are not read; None where they are."""
        return refuse_claim(dataset, self.source.size)

    def values(self, dataset: Dataset, key: Any, field: str | None) -> np.ndarray:
        """Return the values at ``key``."""
        if isinstance(dataset.layout, Foreign) and isinstance(self.source, LocalSource):
            selection = selection_of(dataset, key)
            values = values_from_library(str(self.source.path), dataset.layout.path, selection)
            return values if field is None else values[field]
        return read_values(self.source, dataset, key, field=field, find=self.finder, heaps=self.heaps())

    def many(self, wanted: Sequence[tuple[Dataset, str | None]]) -> list[np.ndarray | Exception]:
        """Return all values of several datasets, or the error in place of each."""
        return read_several(self.source, wanted, of=self.token, heaps=self.heaps, one=self.values)

    def cost(self, dataset: Dataset, key: Any, field: str | None) -> Cost:
        """Return what ``values`` would move now."""
        if isinstance(dataset.layout, Foreign):
            return Cost(0, 0)
        return cost_of(self.source, dataset, key, field=field, find=self.finder, heaps=self.heaps())

    def finder(self, dataset: Dataset) -> Finder:
        """Return who tells where the chunks of a dataset are."""
        return finder(self.source, dataset, self.token)

    def heaps(self) -> Heaps:
        """Return who follows pointers."""
        return Heaps(self.source, self.sizes)

    def sizes(self) -> Sizes:
        """Return how the file writes addresses; its first bytes say so."""
        if self._sizes is None:
            self._sizes = one(MetadataPages(self.source), read_superblock(self.source.size)).sizes
        return self._sizes
