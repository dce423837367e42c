"""The JSON documents of a Zarr store: which groups and arrays there are, in one file or, on this machine, in many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neurodata4ml.data.storage.store import Store, parts_of
from neurodata4ml.data.storage.zarr.damage import Damaged

LONGEST = 64 << 20
"""Bytes of a document: that of a session with thousands of arrays has one or two million."""

DEEPEST, LONGEST_PATH, MOST_OBJECTS = 64, 1024, 100_000
"""Groups within groups, characters of a path, objects of a store: with more, an index would fill the memory."""

CONSOLIDATED, VERSION_3 = ".zmetadata", "zarr.json"


@dataclass(frozen=True)
class Document:
    """What a store says of one of its objects: ``array`` is None for a group; ``problem`` is why it cannot be used."""

    version: int
    array: Mapping[str, Any] | None
    attrs: Mapping[str, Any]
    problem: str = ""


Documents = dict[str, Document]
"""By path without slashes at its ends; the root is ""."""


def read_documents(store: Store) -> Documents:
    """Return all documents of a store, those of groups that have none of their own as well.

    Raises
    ------
    LayoutError
        When the folder or address is no Zarr store, or is one whose files nobody lists.
    """
    found = _consolidated(store) or _version_3(store) or _one_by_one(store)
    for path in list(found):
        parent = path
        while parent:
            parent = parent.rpartition("/")[0]
            found.setdefault(parent, Document(next(iter(found.values())).version, None, {}))
        _check_number(len(found), store)
    return found


def _consolidated(store: Store) -> Documents | None:
    """Return what ``.zmetadata`` holds: all documents of version 2."""
    data = store.read(CONSOLIDATED, LONGEST)
    if data is None:
        return None
    members = _object(_parsed(data, CONSOLIDATED, store).get("metadata"), CONSOLIDATED, store)
    found: Documents = {}
    for name in members:
        path, _, kind = name.rpartition("/")
        if kind in (".zgroup", ".zarray"):
            attrs = members.get(f"{path}/.zattrs" if path else ".zattrs", {})
            found[_checked(path, store)] = _document(2, kind == ".zarray", members[name], attrs)
    if not found:
        message = f"{CONSOLIDATED} in {store.name} names no group and no array. Get the store anew."
        raise Damaged(message)
    return found


def _version_3(store: Store) -> Documents | None:
    """Return what the root's ``zarr.json`` holds where all are in it, else one by one."""
    data = store.read(VERSION_3, LONGEST)
    if data is None:
        return None
    root = _parsed(data, VERSION_3, store)
    whole = root.get("consolidated_metadata")
    if whole is None and root.get("node_type") == "group":
        return dict(_walked(store, "", VERSION_3, data))
    found = {"": _of_version_3(root)}
    if whole is not None:
        members = _object(_object(whole, VERSION_3, store).get("metadata"), VERSION_3, store)
        found |= {_checked(path, store): _of_version_3(members[path]) for path in members}
    return found


def _one_by_one(store: Store) -> Documents:
    data = store.read(".zgroup", LONGEST)
    if data is None:
        message = (
            f"{store.name} is no Zarr store: it has neither {CONSOLIDATED} nor .zgroup nor {VERSION_3}. "
            "Give the folder or address that holds one of them."
        )
        raise Damaged(message)
    return dict(_walked(store, "", ".zgroup", data))


def _walked(store: Store, path: str, kind: str, data: bytes) -> Iterator[tuple[str, Document]]:
    """Yield the documents of a group and of what is in it, from files of their own."""
    waiting: list[tuple[str, str, bytes | None]] = [(path, kind, data)]
    n_found = 0
    while waiting:
        path, kind, found = waiting.pop()
        n_found += 1
        _check_number(n_found, store)
        if found is None:
            yield _checked(path, store), Document(3 if kind == VERSION_3 else 2, None, {}, _lost(kind))
            continue
        document = _own_document(store, _checked(path, store), kind, found)
        yield path, document
        if document.array is None and not document.problem:
            waiting += _members(store, path, kind == VERSION_3)


def _lost(kind: str) -> str:
    return f"it has no {kind}, so nobody knows what is in it. Get the store anew."


def _members(store: Store, path: str, is_version_3: bool) -> Iterator[tuple[str, str, bytes | None]]:
    """Yield path, file and bytes of the documents one step below a group; None of a folder that has none."""
    names = store.folders(path)
    if names is None:
        message = (
            f"{store.name} has no consolidated metadata ({CONSOLIDATED}), and a server does not list its files. "
            "Its keeper can add them by zarr.consolidate_metadata(); else get the whole store and open the folder."
        )
        raise Damaged(message)
    for name in names:
        below = f"{path}/{name}" if path else name
        for kind in (VERSION_3,) if is_version_3 else (".zgroup", ".zarray"):
            data = store.read(f"{below}/{kind}", LONGEST)
            if data is not None:
                yield below, kind, data
                break
        else:
            if not name.startswith("."):  # what some program keeps for itself
                yield below, VERSION_3 if is_version_3 else ".zgroup and no .zarray", None


def _own_document(store: Store, path: str, kind: str, data: bytes) -> Document:
    try:
        document = _parsed(data, f"{path}/{kind}", store)
        if kind == VERSION_3:
            return _of_version_3(document)
        attrs = store.read(f"{path}/.zattrs" if path else ".zattrs", LONGEST)
        return _document(2, kind == ".zarray", document, _parsed(attrs or b"{}", f"{path}/.zattrs", store))
    except Damaged as error:
        if not path:
            raise
        return Document(3 if kind == VERSION_3 else 2, None, {}, str(error))


def _document(version: int, is_array: bool, document: Any, attrs: Any) -> Document:
    if not isinstance(document, dict) or not isinstance(attrs, dict):
        return Document(version, None, {}, "its metadata are no JSON object")
    if (written := document.get("zarr_format", version)) != version:
        return Document(
            version, None, {}, f"its zarr_format is {str(written)[:20]}, not {version}. Get the store anew."
        )
    return Document(version, document if is_array else None, attrs)


def _of_version_3(document: Any) -> Document:
    if not isinstance(document, dict) or document.get("node_type") not in ("group", "array"):
        return Document(3, None, {}, "its zarr.json says neither that it is a group nor an array")
    return _document(3, document["node_type"] == "array", document, document.get("attributes", {}))


def _parsed(data: bytes, name: str, store: Store) -> dict[str, Any]:
    try:
        return _object(json.loads(data), name, store)
    except (ValueError, RecursionError) as error:  # ValueError: also of text that is no UTF-8, and of endless numbers
        message = f"{name} in {store.name} is no JSON ({error}). Get the store anew."
        raise Damaged(message) from error


def _object(value: Any, name: str, store: Store) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = f"{name} in {store.name} should hold a JSON object; it holds {str(value)[:60]!r}. Get the store anew."
        raise Damaged(message)
    return value


def _checked(path: str, store: Store) -> str:
    if path and (len(parts_of(path, store.name)) > DEEPEST or len(path) > LONGEST_PATH):
        message = f"{store.name} has {path[:60]}..., more than {DEEPEST} groups or {LONGEST_PATH} characters deep."
        raise Damaged(message)
    return path


def _check_number(n_found: int, store: Store) -> None:
    if n_found > MOST_OBJECTS:
        message = f"{store.name} has more than {MOST_OBJECTS:,} groups and arrays, which no session has."
        raise Damaged(message)
