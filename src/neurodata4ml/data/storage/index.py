"""What a file holds without its values: groups, links, attributes, and where the bytes of each dataset are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

Key = int | str
"""Which object of a file: its address in HDF5, its path in a Zarr store."""

NUMBER, TEXT, FIXED_TEXT, REFERENCE, COMPOUND, RAGGED, UNREADABLE = (
    "number",
    "text",
    "fixed text",
    "reference",
    "compound",
    "ragged",
    "unreadable",
)
"""Kinds of values. ``TEXT`` and ``RAGGED`` lie elsewhere in the file, and are pointed to."""


class Reference(NamedTuple):
    """An object reference as it is stored; ``None`` where it points nowhere."""

    key: Key | None


@dataclass(frozen=True)
class Stored:
    """How one value lies in the file.

    Attributes
    ----------
    kind : str
        One of the kinds above.
    raw : dtype
        Of the bytes as they are stored, byte order included; of pointers, where the values lie elsewhere.
    fields : tuple of (str, int, Stored)
        Of a compound: name, offset in bytes, and how it lies.
    base : Stored, optional
        Of the elements of ragged values, or of an array within each value.
    is_bool : bool
        Numbers that stand for False and True (h5py's enum of int8).
    words : tuple of (str, int)
        The names of an enum's values, where they mean more than False and True.
    encoding : str
        Of text: "utf-8" or "ascii". ``padding`` is how a fixed one ends: "null", "nullpad" or "space".
    """

    kind: str
    raw: np.dtype[Any]
    fields: tuple[tuple[str, int, Stored], ...] = ()
    base: Stored | None = None
    is_bool: bool = False
    words: tuple[tuple[str, int], ...] = ()
    encoding: str = "utf-8"
    padding: str = "null"

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of values in memory: numbers in native byte order; text, paths and ragged values are objects."""
        if self.kind == NUMBER:
            return np.dtype(bool) if self.is_bool else self.raw.newbyteorder("=")
        if self.kind == COMPOUND:
            return np.dtype([(name, part.dtype) for name, _, part in self.fields])
        return np.dtype(object)


class Hard(NamedTuple):
    """A member of a group."""

    key: Key


class Soft(NamedTuple):
    """A link to a path in the same file."""

    path: str


class External(NamedTuple):
    """A link into another file; never followed."""

    file: str
    path: str


Link = Hard | Soft | External


class Contiguous(NamedTuple):
    """Values one after the other; ``offset`` None: never written, so all are the fill value."""

    offset: int | None
    size: int


class Compact(NamedTuple):
    """Values inside the object's header."""

    data: bytes


class Chunked(NamedTuple):
    """Values in chunks of ``shape``; ``finder`` says how they are found (see ``hdf5/chunks.py``)."""

    shape: tuple[int, ...]
    finder: tuple[Any, ...]


class Keyed(NamedTuple):
    """Values in chunks of ``shape``, each a file of a Zarr store: ``prefix`` and its place joined by ``separator``."""

    shape: tuple[int, ...]
    prefix: str
    separator: str
    order: str = "C"


class Refused(NamedTuple):
    """Values that are not read: why, said of their path, and what to do about it."""

    why: str
    cure: str


class Foreign(NamedTuple):
    """Values that only HDF5's own library can find; it is asked for those at ``path``, in a process of its own."""

    path: str


Layout = Contiguous | Compact | Chunked | Keyed | Refused | Foreign


class Filter(NamedTuple):
    """One step in which a chunk was encoded: HDF5's number with its options, or numcodecs' name with its settings."""

    name: int | str
    options: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Group:
    """A group: its members by name, in the order of the file, and its attributes."""

    key: Key
    links: Mapping[str, Link]
    attrs: Mapping[str, Any]


@dataclass(frozen=True)
class Dataset:
    """An array that was not read: what its values are, and where.

    ``shape`` is None where a dataset is empty (HDF5's null dataspace), () for a single value.
    """

    key: Key
    shape: tuple[int, ...] | None
    stored: Stored
    layout: Layout
    filters: tuple[Filter, ...] = ()
    fill: bytes | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """Bytes that all values take, decoded."""
        return self.stored.raw.itemsize * math.prod(self.shape or ()) if self.shape is not None else 0

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of a chunk; None where the values are not chunked."""
        return self.layout.shape if isinstance(self.layout, Chunked | Keyed) else None


@dataclass
class Index:
    """All objects of a file by their key. ``unread`` are groups that were left out: their members are not here."""

    root: Key
    objects: dict[Key, Group | Dataset]
    unread: tuple[str, ...] = ()
    damaged: dict[Key, str] = field(default_factory=dict)
    """What could not be understood, and why: only whoever asks for such an object gets the error."""
    foreign: set[Key] = field(default_factory=set)
    """Those of ``damaged`` that may well be right, but that only HDF5's own library can read."""
    sizes: tuple[int, ...] = ()
    """How an HDF5 file writes addresses: the ``Sizes`` of its reader."""


class ChunkTable(NamedTuple):
    """Where the chunks of a dataset are.

    Each array has one element per chunk, in C order over the grid of chunks.
    """

    offsets: np.ndarray
    """int64: first byte in the file; -1 for a chunk that was never written."""
    sizes: np.ndarray
    """int64: bytes stored."""
    skipped: np.ndarray
    """uint32: bit k is set where filter k was not applied."""
