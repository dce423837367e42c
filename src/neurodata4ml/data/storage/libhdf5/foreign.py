"""The child's side of ``child.py``: HDF5's own library opens the file here, and what it says is sent as plain parts."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import (
    COMPOUND,
    NUMBER,
    RAGGED,
    REFERENCE,
    TEXT,
    UNREADABLE,
    Dataset,
    External,
    Foreign,
    Group,
    Hard,
    Index,
    Key,
    Link,
    Reference,
    Refused,
    Soft,
    Stored,
)
from neurodata4ml.data.storage.kept.index_file import index_to_bytes
from neurodata4ml.data.storage.kept.packed import pack_value

UNREAD = Refused("is of a datatype that has no place in an array", "Read it with h5py.")
OUTSIDE = Refused("keeps its values in another file", "Ask whoever made the file for a whole one.")


def answer() -> None:
    """Answer the one question that is asked on the standard input; the limits come before anything is opened."""
    import msgpack

    question = msgpack.unpackb(sys.stdin.buffer.read(), use_list=False)
    _limit(question["memory"], question["time"], question["answer"])
    import h5py

    try:
        with h5py.File(question["file"], "r") as file:
            told = {"index": _tell_index, "values": _tell_values}[question["what"]](file, question)
    except Exception as error:  # whatever it is, it is said in the parent
        told = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.buffer.write(msgpack.packb(told))


def _limit(memory: int, time: int, answer: int) -> None:
    """Have the system end this process where it takes too much; Windows knows no such limits."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        for kind, most in (("RLIMIT_AS", memory), ("RLIMIT_CPU", time), ("RLIMIT_FSIZE", answer), ("RLIMIT_CORE", 0)):
            resource.setrlimit(getattr(resource, kind), (most, most))


def _tell_index(file: Any, question: dict[str, Any]) -> dict[str, Any]:
    """Return the objects at and below a path."""
    objects: dict[Key, Group | Dataset] = {}
    damaged: dict[Key, str] = {}
    waiting = [(question["path"], file[question["path"]])]
    root = _key(waiting[0][1])
    while waiting:
        path, found = waiting.pop()
        key = _key(found)
        if key in objects or key in damaged:
            continue
        try:
            objects[key] = _describe(path, found)
        except (TypeError, ValueError, OSError, RuntimeError) as error:
            damaged[key] = f"{path}: {error}"
            continue
        group = objects[key]
        if isinstance(group, Group) and question["below"]:
            members = [name for name, link in group.links.items() if isinstance(link, Hard)]
            waiting += [(f"{path.rstrip('/')}/{name}", found[name]) for name in members]
    return {"index": index_to_bytes(Index(root, objects, (), damaged), "")}


def _tell_values(file: Any, question: dict[str, Any]) -> dict[str, Any]:
    dataset = file[question["path"]]
    key = tuple(_rows(part) for part in question["key"])
    return {"values": pack_value(_values(file, dataset[key] if dataset.shape else dataset[()], dataset.dtype))}


def _rows(part: tuple[Any, ...]) -> slice | np.ndarray:
    """Return what one axis is to be indexed with."""
    return slice(*part[1:]) if part[0] == "slice" else np.array(part[1:])


def _values(file: Any, values: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """Return values as ``understand`` does: text as str, references as Reference."""
    import h5py

    if h5py.check_string_dtype(dtype) is not None:
        return _each(lambda text: text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text), values)
    if h5py.check_ref_dtype(dtype) is not None:
        return _each(lambda to: Reference(_key(file[to]) if to else None), values)
    if dtype.names is None:
        return np.asarray(values)
    columns = {name: _values(file, values[name], dtype[name]) for name in dtype.names}
    record = np.empty(np.shape(values), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        record[name] = column
    return record


def _each(make: Any, values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=object)
    made = np.empty(array.shape, dtype=object)
    for place, value in enumerate(array.flat):
        made.reshape(-1)[place] = make(value)
    return made


def _describe(path: str, found: Any) -> Group | Dataset:
    import h5py

    attrs = {name: _attribute(found, name) for name in found.attrs}
    if isinstance(found, h5py.Group):
        return Group(_key(found), {name: _link(found, name) for name in found}, attrs)
    if not isinstance(found, h5py.Dataset):
        message = "it is neither a group nor a dataset"
        raise TypeError(message)
    stored = _stored(found.dtype)
    layout: Refused | Foreign = OUTSIDE if found.external or found.is_virtual else Foreign(path)
    return Dataset(_key(found), found.shape, stored, UNREAD if stored.kind == UNREADABLE else layout, attrs=attrs)


def _attribute(found: Any, name: str) -> Any:
    import h5py

    value = found.attrs[name]
    if isinstance(value, h5py.Empty):
        return None
    dtype = found.attrs.get_id(name).dtype
    if _stored(dtype).kind in (UNREADABLE, RAGGED):
        return UNREAD
    return _values(found.file, value, dtype)[()]


def _link(group: Any, name: str) -> Link:
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.SoftLink):
        return Soft(link.path)
    return External(link.filename, link.path) if isinstance(link, h5py.ExternalLink) else Hard(_key(group[name]))


def _stored(dtype: np.dtype[Any]) -> Stored:
    """Return what values are; how they lie in the file only HDF5's library knows."""
    import h5py

    if h5py.check_string_dtype(dtype) is not None:
        return Stored(TEXT, np.dtype("V16"))
    if h5py.check_ref_dtype(dtype) is not None:
        is_object = h5py.check_ref_dtype(dtype) is h5py.Reference
        return Stored(REFERENCE if is_object else UNREADABLE, np.dtype("V8"))
    if dtype.names is not None:
        fields = tuple((name, int(dtype.fields[name][1]), _stored(dtype[name])) for name in dtype.names)  # type: ignore[index]
        is_read = all(part.kind != UNREADABLE for _, _, part in fields)
        return Stored(COMPOUND if is_read else UNREADABLE, np.dtype(f"V{dtype.itemsize}"), fields)
    if dtype.kind == "b":
        return Stored(NUMBER, np.dtype(np.int8), is_bool=True)
    is_number = dtype.kind in "iufc" and dtype.subdtype is None
    return Stored(NUMBER, np.dtype(dtype.str)) if is_number else Stored(UNREADABLE, np.dtype(f"V{dtype.itemsize}"))


def _key(found: Any) -> int:
    """Return the absolute address of an object."""
    import h5py

    return int(h5py.h5o.get_info(found.id).addr) + int(found.file.userblock_size)
