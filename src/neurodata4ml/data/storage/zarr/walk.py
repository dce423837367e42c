"""All groups and arrays of a Zarr store become an ``Index``, the same that an HDF5 file of NWB would have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neurodata4ml.data.storage.index import Dataset, Group, Hard, Index, Link
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.documents import CONSOLIDATED, VERSION_3, Document, Documents, read_documents
from neurodata4ml.data.storage.zarr.references import Here, attributes, links
from neurodata4ml.data.storage.zarr.version2 import dataset_of_version_2
from neurodata4ml.data.storage.zarr.version3 import dataset_of_version_3
from neurodata4ml.errors import LayoutError


def is_store(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that holds a Zarr store."""
    return any((Path(path) / name).is_file() for name in (CONSOLIDATED, ".zgroup", VERSION_3))


def read_index(store: Store) -> Index:
    """Return what a store holds, without its values: one file is read where its metadata are consolidated.

    An object whose metadata cannot be understood is in ``Index.damaged``.

    Raises
    ------
    LayoutError
        When there is no Zarr store, or its root is damaged.
    """
    documents = read_documents(store)
    root = documents[""]
    if root.problem or root.array is not None:
        message = f"{store.name}: {root.problem or 'its root is an array'}. Give the folder or address of an NWB file."
        raise Damaged(message)
    object_id = root.attrs.get("object_id")
    here = (store.folder, object_id if isinstance(object_id, str) else "")
    members = _members(documents)
    index = Index("/", {})
    for path, document in documents.items():
        key = f"/{path}"
        try:
            index.objects[key] = _object(path, document, members.get(path, {}), here)
        except LayoutError as error:
            index.damaged[key] = str(error)
    if "/" in index.damaged:
        message = f"{store.name}: its root is damaged: {index.damaged['/']}"
        raise Damaged(message)
    return index


def _members(documents: Documents) -> dict[str, dict[str, Link]]:
    """Return for each path what lies directly below it."""
    members: dict[str, dict[str, Link]] = {}
    for path in documents:
        if path:
            parent, _, name = path.rpartition("/")
            members.setdefault(parent, {})[name] = Hard(f"/{path}")
    return members


def _object(path: str, document: Document, members: dict[str, Link], here: Here) -> Group | Dataset:
    """Return what a document says; members are sorted by name, as h5py sorts them."""
    if document.problem:
        raise Damaged(document.problem)
    if document.array is None:
        found: dict[str, Link] = {**_links(document.attrs.get("zarr_link"), here), **members}
        return Group(f"/{path}", dict(sorted(found.items())), attributes(document.attrs, here))
    reader = dataset_of_version_2 if document.version == 2 else dataset_of_version_3
    return reader(path, document.array, document.attrs, here)


def _links(value: Any, here: Here) -> dict[str, Link]:
    return {} if value is None else links(value, here)
