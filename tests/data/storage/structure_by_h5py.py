"""What h5py says of a file's structure, held against our index of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.storage.index import (
    FIXED_TEXT,
    NUMBER,
    REFERENCE,
    TEXT,
    UNREADABLE,
    Chunked,
    Compact,
    Contiguous,
    Dataset,
    External,
    Group,
    Hard,
    Index,
    Reference,
    Refused,
    Soft,
)


def assert_same_structure(path: Path, index: Index) -> int:
    """Walk a file with h5py; every group, link, attribute and dataset must be in the index. Return how many."""
    seen: set[int] = set()
    with h5py.File(path, "r") as file:
        _same(file, index, index.root, seen)
    assert set(index.objects) == seen
    return len(seen)


def _same(theirs: Any, index: Index, key: Any, seen: set[int]) -> None:
    if key in seen or key in index.damaged:
        return
    seen.add(key)
    ours = index.objects[key]
    _same_attributes(theirs, ours)
    if isinstance(theirs, h5py.Dataset):
        assert isinstance(ours, Dataset)
        _same_dataset(theirs, ours)
        return
    assert isinstance(ours, Group)
    assert list(ours.links) == list(theirs)
    for name, link in ours.links.items():
        found = theirs.get(name, getlink=True)
        if isinstance(found, h5py.SoftLink):
            assert link == Soft(found.path)
        elif isinstance(found, h5py.ExternalLink):
            assert link == External(found.filename, found.path)
        else:
            assert isinstance(link, Hard)
            _same(theirs[name], index, link.key, seen)


def _same_attributes(theirs: Any, ours: Group | Dataset) -> None:
    assert set(ours.attrs) == set(theirs.attrs)
    for name, value in ours.attrs.items():
        if isinstance(value, Refused):
            continue
        expected = theirs.attrs[name]
        if isinstance(expected, h5py.Empty):
            assert value is None
        else:
            assert_same_value(value, expected)


def assert_same_value(ours: Any, theirs: Any) -> None:
    """Check that a value is what h5py gives, text as str and references as Reference."""
    if isinstance(theirs, bytes):
        theirs = theirs.decode("utf-8", "surrogateescape")
    if isinstance(theirs, h5py.Reference):
        assert isinstance(ours, Reference)
        assert (ours.key is not None) == bool(theirs)
        return
    if isinstance(theirs, np.ndarray | np.void) and theirs.dtype.names:
        for name in theirs.dtype.names:
            assert_same_value(ours[name], theirs[name])
        return
    if isinstance(theirs, np.ndarray):
        assert isinstance(ours, np.ndarray)
        assert ours.shape == theirs.shape
        if theirs.dtype.kind in "SO":
            for mine, other in zip(ours.flat, theirs.flat, strict=True):
                assert_same_value(mine, other)
            return
        assert ours.dtype == theirs.dtype.newbyteorder("=")
        np.testing.assert_array_equal(ours, theirs)
        return
    if isinstance(theirs, str):
        assert ours == theirs
        return
    assert type(ours) is type(np.asarray(theirs).astype(np.asarray(theirs).dtype.newbyteorder("="))[()])
    np.testing.assert_array_equal(ours, theirs)


def _same_dataset(theirs: h5py.Dataset, ours: Dataset) -> None:
    if theirs.shape is None:
        assert ours.shape is None
        return
    within = ours.stored.raw.subdtype[1] if ours.stored.raw.subdtype else ()
    assert (*ours.shape, *within) == theirs.shape if theirs.dtype.subdtype is None else ours.shape == theirs.shape
    if ours.stored.kind == NUMBER:
        assert ours.stored.dtype.base == theirs.dtype.base.newbyteorder("=")
    elif ours.stored.kind == TEXT:
        assert h5py.check_string_dtype(theirs.dtype) == (ours.stored.encoding, None)
    elif ours.stored.kind == FIXED_TEXT:
        assert h5py.check_string_dtype(theirs.dtype) == (ours.stored.encoding, ours.stored.raw.itemsize)
    elif ours.stored.kind == REFERENCE:
        assert h5py.check_ref_dtype(theirs.dtype) is h5py.Reference
    if ours.stored.kind not in (UNREADABLE,) and not isinstance(ours.layout, Refused):
        _same_layout(theirs, ours)


def _same_layout(theirs: h5py.Dataset, ours: Dataset) -> None:
    assert theirs.chunks == ours.chunks
    properties = theirs.id.get_create_plist()
    layout = properties.get_layout()
    kinds = {h5py.h5d.COMPACT: Compact, h5py.h5d.CONTIGUOUS: Contiguous, h5py.h5d.CHUNKED: Chunked}
    assert isinstance(ours.layout, kinds[layout])
    if isinstance(ours.layout, Contiguous) and ours.stored.kind == NUMBER:
        _same_bytes(theirs, ours, ours.layout.offset)
    filters = [properties.get_filter(number) for number in range(properties.get_nfilters())]
    assert [(f[0], tuple(f[2])) for f in filters] == [tuple(f) for f in ours.filters]
    if ours.stored.kind == NUMBER and not ours.stored.is_bool and ours.stored.raw.subdtype is None:
        fill = np.zeros((), ours.stored.raw) if ours.fill is None else np.frombuffer(ours.fill, ours.stored.raw)[0]
        np.testing.assert_array_equal(fill, theirs.fillvalue)


def _same_bytes(theirs: h5py.Dataset, ours: Dataset, offset: int | None) -> None:
    """Check that the values are where the layout says."""
    raw, expected = ours.stored.raw.base, theirs[()]
    if offset is None:
        found = np.full(expected.shape, 0 if ours.fill is None else np.frombuffer(ours.fill, raw)[0], raw)
    else:
        found = np.fromfile(theirs.file.filename, raw, expected.size, offset=offset).reshape(expected.shape)
    np.testing.assert_array_equal(found.astype(bool) if ours.stored.is_bool else found, expected)
