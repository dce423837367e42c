"""What hdmf-zarr writes in place of HDF5's links and object references: mappings that hold a path and its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import External, Link, Reference, Soft
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.types import REFERENCES

HIDDEN = ("zarr_dtype", "zarr_link", "_ARRAY_DIMENSIONS")
"""Attributes that are about the store, and that HDF5 has no counterpart of."""

SPECIFICATIONS = ".specloc"

Here = tuple[str, ...]
"""What a store is called by its own references: the name of its folder, and its root's object_id."""


def reference(value: Mapping[str, Any], here: Here) -> Reference:
    """Return the object that a mapping of ``path``, ``source``, ... points to.

    Raises
    ------
    LayoutError
        When it is in another store, or names no path.
    """
    path = value.get("path")
    if not isinstance(path, str):
        message = f"an object reference should name a path; got {str(dict(value))[:80]}"
        raise Damaged(message)
    if not _is_here(value, here):
        message = (
            f"an object reference leads to {path} in another store ({value.get('source')!s:.80}), and is not followed"
        )
        raise Damaged(message)
    return Reference("/" + path.strip("/"))


def links(value: Any, here: Here) -> dict[str, Link]:
    """Return the links of a group by name, of its attribute ``zarr_link``.

    Raises
    ------
    LayoutError
        When the attribute is no list of links.
    """
    found: dict[str, Link] = {}
    for link in value if isinstance(value, list) else [value]:
        name, path = (link.get("name"), link.get("path")) if isinstance(link, Mapping) else (None, None)
        if not isinstance(name, str) or not isinstance(path, str):
            message = f"zarr_link should be a list of links with name and path; it has {str(link)[:80]}"
            raise Damaged(message)
        path = "/" + path.strip("/")
        found[name] = Soft(path) if _is_here(link, here) else External(str(link.get("source")), path)
    return found


def attributes(attrs: Mapping[str, Any], here: Here) -> dict[str, Any]:
    """Return attributes as those of HDF5 are read: text, numbers, arrays of these, and references.

    What JSON can hold and HDF5 cannot (objects, lists of unequal length) is returned as it is; null is left out.
    """
    found = {name: _attribute(value, here) for name, value in attrs.items() if name not in HIDDEN and value is not None}
    if isinstance(found.get(SPECIFICATIONS), str):
        found[SPECIFICATIONS] = Reference("/" + found[SPECIFICATIONS].strip("/"))
    return found


def _attribute(value: Any, here: Here) -> Any:
    if isinstance(value, Mapping) and value.get("zarr_dtype") in REFERENCES:
        return reference(_mapping(value.get("value")), here)
    if isinstance(value, list):
        return _array(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(str(value))  # of text: what no float holds becomes infinite
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _array(values: Sequence[Any]) -> Any:
    """Return a list as an array, of objects where it is empty or holds text."""
    if not values or all(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    try:
        array = np.array(values)
    except (ValueError, OverflowError):  # of unequal length
        return values
    if array.dtype.kind == "U":  # text among numbers would make text of them
        return values if any(not isinstance(value, str | list) for value in values) else array.astype(object)
    return array if array.dtype.kind in "biuf" else values


def _is_here(value: Mapping[str, Any], here: Here) -> bool:
    """Return whether a reference stays in its store.

    Old versions of hdmf-zarr call the store by its folder's name; a folder that was renamed since is known by the
    object_id of its root.
    """
    source, owner = value.get("source"), value.get("source_object_id")
    if source in (None, "", "."):
        return True
    names = {name for name in here if name}
    return str(source).rstrip("/").removeprefix("./") in names or (isinstance(owner, str) and owner in names)
