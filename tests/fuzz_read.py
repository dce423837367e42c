"""Read all that a file holds, with ours or with h5py, into entries that can be compared."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import warnings
from collections import deque
from typing import Any

import h5py
import numpy as np

import neurodata4ml
from fuzz import ONLY, Error, Told
from neurodata4ml.errors import LayoutError, NeuroDataError

LARGEST = 1 << 25
"""Bytes of values that are read; of larger datasets only the shape and the dtype are compared."""

MOST_OBJECTS = 2000


def warm_up(who: str) -> None:
    """Import what a reader needs, once for all its children."""
    warnings.simplefilter("ignore")
    if who == "ours":
        import xarray as xr

        import neurodata4ml.data.nwb.engine
        import neurodata4ml.data.storage.file  # noqa: F401

        xr.backends.list_engines()


def ours(path: str, where: str, told: Told) -> None:
    """Tell of every object of a file by our readers, then of every variable of its tree."""
    from neurodata4ml.data.storage.file import StoredFile
    from neurodata4ml.data.storage.sources.folder import Folder
    from neurodata4ml.data.storage.sources.local import LocalSource

    _watch_what_is_opened(path, told)
    try:
        file = StoredFile(Folder(path) if os.path.isdir(path) else LocalSource(path))
        root = file.root
    except Exception as error:
        told["/"] = _error(error)
        return
    _walk_ours(file, root, told)
    _tree(path, told)


def _walk_ours(file: Any, root: Any, told: Told) -> None:
    from neurodata4ml.data.storage.index import Dataset, External, Refused, Soft

    waiting, seen = deque([("/", root)]), {root.key}
    while waiting:
        path, item = waiting.popleft()
        for name in item.attrs:
            try:
                value = item.attrs[name]
                is_refused = isinstance(value, Refused)
                told[f"{path}@{_name(name)}"] = _error(LayoutError(value.why)) if is_refused else _digest(value)
            except Exception as error:
                told[f"{path}@{_name(name)}"] = _error(error)
        if isinstance(item, Dataset):
            told[path] = _dataset_of_ours(file, item)
            continue
        told[path] = "group"
        for name in sorted(item.links):
            link, below = item.links[name], f"{path.rstrip('/')}/{_name(name)}"
            if isinstance(link, Soft | External):
                told[below] = ("link", *map(_name, link))
                continue
            try:
                found = file.object(link.key)
            except Exception as error:
                told[below] = _error(error)
                continue
            if found.key not in seen:
                seen.add(found.key)
                waiting.append((below, found))
        if len(seen) > MOST_OBJECTS:
            told["too many"] = "objects"
            return


def _dataset_of_ours(file: Any, item: Any) -> Any:
    try:
        shape = item.shape
        if shape is None:
            return "null"
        if item.stored.kind == "unreadable":
            return _error(LayoutError(f"unreadable {item.stored}"))
        if item.n_bytes > LARGEST:
            return ("large", shape)
        return _digest(file.values(item))
    except Exception as error:
        return _error(error)


def _tree(path: str, told: Told) -> None:
    from neurodata4ml.data.nwb.engine import open_nwb

    try:
        tree = open_nwb(path, chunks=None)
    except Exception as error:
        told["tree"] = _error(error)
        return
    for node in tree.subtree:
        for name, variable in node.variables.items():
            where = f"tree {node.path}:{name}"
            try:
                if variable.nbytes <= LARGEST:
                    np.asarray(variable.values)
                told[where] = "read"
            except Exception as error:
                told[where] = _error(error)


def theirs(path: str, where: str, told: Told) -> None:
    """Tell of every object of a file by h5py; of every array of a store by zarr."""
    if os.path.isdir(path):
        _arrays_of_zarr(path, told)
        return
    try:
        file = h5py.File(path, "r")
    except Exception as error:
        told["/"] = _error(error)
        return
    if where:
        _one_of_theirs(file, where, told)
    else:
        _walk_theirs(file, told)


def _one_of_theirs(file: h5py.File, where: str, told: Told) -> None:
    """Tell of one entry, and touch nothing else."""
    path, _, attribute = where.partition("@")
    item = file[path]
    if attribute:
        told[where] = _digest(item.attrs[attribute], file)
    elif isinstance(item, h5py.Dataset):
        told[where] = _dataset_of_theirs(item)


def _walk_theirs(file: h5py.File, told: Told) -> None:
    root = file["/"]
    waiting, seen = deque([("/", root)]), {_address(root)}
    while waiting:
        path, item = waiting.popleft()
        _attributes_of_theirs(path, item, told)
        if isinstance(item, h5py.Dataset):
            told[path] = _dataset_of_theirs(item)
            continue
        try:
            names = sorted(item, key=_name)
        except Exception as error:
            told[path] = _error(error)
            continue
        told[path] = "group"
        for name in names:
            below = f"{path.rstrip('/')}/{_name(name)}"
            try:
                found = _linked(item, _bytes(name))
                if isinstance(found, tuple):
                    told[below] = found
                elif (address := _address(found)) not in seen:
                    seen.add(address)
                    waiting.append((below, found))
            except Exception as error:
                told[below] = _error(error)
        if len(seen) > MOST_OBJECTS:
            told["too many"] = "objects"
            return


def _linked(group: h5py.Group, name: bytes) -> Any:
    """Return where a link leads, or the object; h5py's own ways stumble over names that are no UTF-8."""
    kind = group.id.links.get_info(name).type
    if kind == h5py.h5l.TYPE_SOFT:
        return ("link", _name(group.id.links.get_val(name)))
    if kind == h5py.h5l.TYPE_EXTERNAL:
        return ("link", *map(_name, group.id.links.get_val(name)))
    found = h5py.h5o.open(group.id, name)
    if isinstance(found, h5py.h5t.TypeID):
        raise TypeError(name)
    return h5py.Group(found) if isinstance(found, h5py.h5g.GroupID) else h5py.Dataset(found)


def _arrays_of_zarr(path: str, told: Told) -> None:
    import zarr

    told[ONLY] = True
    if os.path.exists(os.path.join(path, ".zmetadata")):
        return  # it holds all documents, so that those of the arrays are not looked at
    for folder, _, files in sorted(os.walk(path)):
        where = f"/{os.path.relpath(folder, path)}"
        document = "zarr.json" if "zarr.json" in files else ".zarray"
        if document not in files:
            continue
        try:
            array = zarr.open_array(folder, mode="r", zarr_format=3 if document == "zarr.json" else 2)
            shape = () if array.attrs.get("zarr_dtype") == "scalar" and array.shape == (1,) else array.shape
            if array.dtype.kind in "biuf":
                told[where] = _digest(array[...].reshape(shape)) if array.nbytes <= LARGEST else ("large", shape)
        except Exception as error:
            told[where] = _error(error)


def _attributes_of_theirs(path: str, item: Any, told: Told) -> None:
    try:
        names = list(item.attrs)
    except Exception as error:
        told[f"{path}@"] = _error(error)
        return
    for name in names:
        try:
            told[f"{path}@{_name(name)}"] = _digest(item.attrs[name], item.file)
        except Exception as error:
            told[f"{path}@{_name(name)}"] = _error(error)


def _dataset_of_theirs(item: h5py.Dataset) -> Any:
    try:
        if item.shape is None:
            return "null"
        n_bytes = item.dtype.itemsize * int(np.prod(item.shape, dtype=object))
        if n_bytes > LARGEST:
            return ("large", item.shape)
        return _digest(item[()], item.file)
    except Exception as error:
        return _error(error)


def _name(name: str | bytes) -> str:
    """Return a name as text, whatever bytes it is made of."""
    return _bytes(name).decode("utf-8", "replace")


def _bytes(name: str | bytes) -> bytes:
    return name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name


def _address(item: Any) -> int:
    return int(h5py.h5g.get_objinfo(item.id, b".").objno[0])  # h5o.get_info would walk the trees of chunks, too


def _error(error: BaseException) -> Error:
    return Error(type(error).__name__, isinstance(error, NeuroDataError), str(error)[:300])


def _digest(values: Any, file: h5py.File | None = None) -> Any:
    """Return a digest of an array, a scalar, a text: equal where both readers give the same."""
    if isinstance(values, h5py.Empty):
        return "null"
    if isinstance(values, str | bytes):
        return ("text", (), hashlib.sha1(_plain(values, file)).hexdigest())
    array = np.asarray(values) if not _is_reference(values) else _boxed(values)
    if array.dtype == object and not array.shape and isinstance(array[()], np.ndarray):
        return _digest(array[()], file)  # one ragged value
    if array.dtype.fields:
        parts = tuple((name, _digest(array[name], file)) for name in array.dtype.names or ())
        return ("compound", array.shape, parts)
    if array.dtype.kind in "OSU":
        parts = [_plain(value, file) for value in array.flat]
        joined = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
        return ("text", array.shape, hashlib.sha1(joined if array.shape else b"".join(parts)).hexdigest())
    if array.dtype.kind == "b":
        array = array.view("u1") != 0  # a damaged flag may be any byte
    native = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))
    return (native.dtype.str, array.shape, hashlib.sha1(native.tobytes()).hexdigest())


class Astray(Exception):
    """A reference leads to nothing that h5py opens; h5py does not tell where it leads."""


def _boxed(value: Any) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def _is_reference(value: Any) -> bool:
    return isinstance(value, h5py.Reference) or type(value).__name__ == "Reference"


def _plain(value: Any, file: h5py.File | None) -> bytes:
    """Return one text, reference or ragged row as bytes."""
    if isinstance(value, h5py.Reference):
        if not value or file is None:
            return b"at None"
        try:
            return f"at {_address(file[value]) + file.userblock_size}".encode()
        except Exception as error:
            raise Astray(str(error)) from error
    if _is_reference(value):
        return f"at {value.key}".encode()
    if isinstance(value, np.ndarray):
        return repr(_digest(value, file)).encode()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).encode("utf-8", "replace")


def _watch_what_is_opened(path: str, told: Told) -> None:
    """Note every file that is opened and is neither the mutant, nor ours, nor Python's."""
    cache = os.environ["NEURODATA4ML_CACHE"]
    python = (sys.prefix, sys.base_prefix, os.path.dirname(__file__), os.path.dirname(neurodata4ml.__file__ or ""))
    system = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/share/", tempfile.gettempdir())
    roots = (path, cache, *python, *system)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            name = os.fsdecode(arguments[0])
            if not name.startswith(roots):
                told[f"outside {name}"] = Error("open", False, name)

    sys.addaudithook(hear)
