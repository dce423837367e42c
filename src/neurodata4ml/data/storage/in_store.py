"""How one Zarr store is read: an index of all its metadata, and values from the files of its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import Dataset, Group, Index, Refused
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.values.brought import bring
from neurodata4ml.data.storage.values.keyed import cost_of_keyed, read_keyed
from neurodata4ml.data.storage.values.meaning import field_of
from neurodata4ml.data.storage.values.values import selection_of
from neurodata4ml.data.storage.zarr.walk import read_index
from neurodata4ml.errors import NeuroDataError


class InStore:
    """The values of one Zarr store. Pickled, it is where the store is."""

    def __init__(self, source: Store) -> None:
        """Take a store."""
        self.source = source

    def index(self) -> Index:
        """Read what the store holds."""
        return read_index(self.source)

    def read_under(self, index: Index, path: str) -> None:
        """Do nothing: all metadata of a store come together."""

    def foreign(self, path: str) -> Group | Dataset | None:
        """Return None: nobody else is asked."""
        return None

    def refusal(self, dataset: Dataset) -> Refused | None:
        """Return why the values of a dataset are not read; None where they are."""
        return dataset.layout if isinstance(dataset.layout, Refused) else None

    def values(self, dataset: Dataset, key: Any, field: str | None) -> np.ndarray:
        """Return the values at ``key``."""
        return _values(self.source, dataset, key, field)

    def many(self, wanted: Sequence[tuple[Dataset, str | None]]) -> list[np.ndarray | Exception]:
        """Return all values of several datasets, read together, or the error in place of each."""
        brought = bring(self.source, [dataset for dataset, _ in wanted])
        found: list[np.ndarray | Exception] = []
        for dataset, field in wanted:
            try:
                found.append(_values(brought, dataset, None, field))
            except NeuroDataError as error:
                found.append(error)
        return found

    def cost(self, dataset: Dataset, key: Any, field: str | None) -> Cost:
        """Return what ``values`` would move at most."""
        return cost_of_keyed(self.source, dataset, selection_of(dataset, key))


def _values(store: Store, dataset: Dataset, key: Any, field: str | None) -> np.ndarray:
    field_of(dataset, field)
    values = read_keyed(store, dataset, selection_of(dataset, key))
    return values if field is None else values[field]
