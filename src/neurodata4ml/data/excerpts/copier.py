"""Copy chosen parts of one HDF5 file on a server into another one here: rows of datasets, attributes, references."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.excerpts.pieces import Job, Piece, batches, inside, pieces, texts
from neurodata4ml.data.nwb.hdf5 import NwbFile, text
from neurodata4ml.data.nwb.kinds import CORE
from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.remote.versioned import Span

FEW = 64
"""Values up to which a dataset beside the chosen ones is a small one."""


class Copier:
    """Copies from ``source``, whose bytes come from ``ranges``, to ``target``; nothing is copied before ``run``."""

    def __init__(self, source: NwbFile, ranges: RangeFile, target: h5py.File) -> None:
        """Take the two files; ``source`` reads from ``ranges``."""
        self.source, self.ranges, self.target = source, ranges, target
        self.spaces: set[str] = set()
        """Namespaces of the types that were copied."""
        self._jobs: list[Job] = []
        self._copied: dict[int, str] = {}
        self._references: list[tuple[str, str, Any]] = []

    def group(self, path: str) -> h5py.Group:
        """Make the group at ``path`` and those above it, with their attributes."""
        names = path.strip("/").split("/")
        for k in range(1, len(names) + 1):
            here = "/".join(names[:k])
            found = self.source.find(here)[0]
            if here and here not in self.target and found is not None:
                self.attributes(found, self.target.create_group(here))
        return self.target[path or "/"]

    def dataset(self, path: str, runs: list[Span] | None = None) -> None:
        """Copy the dataset at ``path``, or only the rows in ``runs``; what was copied before becomes a link to it."""
        path = path.strip("/")
        found = self.source.object(path)
        if path in self.target:
            return
        parent, _, name = path.rpartition("/")
        group = self.group(parent)
        address = h5py.h5o.get_info(found.id).addr
        if address in self._copied:
            group[name] = self.target[self._copied[address]]
            return
        self._copied[address] = path
        runs = runs if runs is not None else [(0, found.shape[0] if found.shape else 1)]
        if found.shape is None:
            made = group.create_dataset(name, data=h5py.Empty(found.dtype))
        else:
            shape = (sum(b - a for a, b in runs), *found.shape[1:]) if found.shape else ()
            made = group.create_dataset(name, shape=shape, dtype=found.dtype)
            if made.size:
                self._jobs.append(Job(found, made, runs))
        self.attributes(found, made)

    def values(self, path: str, values: np.ndarray) -> None:
        """Write other values, of the same type, in place of those of the dataset at ``path``."""
        found = self.source.object(path)
        parent, _, name = path.rpartition("/")
        self.attributes(found, self.group(parent).create_dataset(name, data=values.astype(found.dtype)))

    def link(self, path: str, other: str) -> None:
        """Make a link at ``path`` to what is, or will be, at ``other``."""
        if path not in self.target:
            self.target[path] = h5py.SoftLink(other)

    def attributes(self, found: Any, made: Any, *, without: Iterable[str] = ()) -> None:
        """Copy attributes; references among them are set at the end."""
        for name in found.attrs:
            if name in without:
                continue
            stored = found.attrs.get_id(name)
            if h5py.check_ref_dtype(stored.dtype) is None:
                made.attrs.create(name, found.attrs[name], shape=stored.shape, dtype=stored.dtype)
            elif stored.shape == ():
                self._references.append((made.name, name, self.source.path_of(found.attrs[name])))
        if "namespace" in found.attrs:
            self.spaces.add(text(found.attrs["namespace"]))

    def small(self, path: str) -> None:
        """Copy the small datasets that lie in the group at ``path`` itself."""
        group = self.source.object(path or "/")
        for name in group:
            found = self.source.member(group, name)
            if isinstance(found, h5py.Dataset) and found.size is not None and found.size <= FEW:
                self.dataset(f"{path}/{name}".strip("/"))

    def specifications(self) -> None:
        """Copy what the file says about types that are not NWB's own, where any of them was copied."""
        if self.spaces <= set(CORE) or not isinstance(self.source.find("specifications")[0], h5py.Group):
            return
        group, found = self.source.object("specifications"), list[str]()
        group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in found:
            if name.split("/")[0] not in CORE:
                self.dataset(f"specifications/{name}")
        self._references.append(("/", ".specloc", "specifications"))

    @property
    def n_bytes(self) -> int:
        """Bytes that the datasets will have here."""
        return sum(job.target.nbytes for job in self._jobs)

    @property
    def n_needed(self) -> int:
        """Bytes to move in all: those that were moved to find the parts, and those of their values that lack."""
        return self._needed(self._pieces())

    def run(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Copy everything: what lies near is asked for together, several ranges at a time, and then decoded."""
        todo = self._pieces()
        total = self._needed(todo)

        def show() -> None:
            if progress is not None:
                progress(self.ranges.moved, max(total, self.ranges.moved))

        show()
        for batch in batches(todo):
            self.ranges.prefetch([span for piece in batch for span in piece.ranges], show)
            self.ranges.look_ahead(offset for piece in batch for offset in texts(piece, self.ranges))
            for piece in batch:
                self._write(piece)
            self.ranges.release()
        self._refer()

    def _pieces(self) -> list[Piece]:
        with self.source.reading("where its values lie"):
            return [piece for job in self._jobs for piece in pieces(job)]

    def _needed(self, todo: list[Piece]) -> int:
        return self.ranges.moved + self.ranges.lacking(span for piece in todo for span in piece.ranges)

    def _write(self, piece: Piece) -> None:
        job = piece.job
        with self.source.reading(str(job.source.name)):
            values = self._read(piece)
            if job.source.shape:
                kept = [values[a - piece.start : b - piece.start] for a, b in inside(job.runs, piece.start, piece.stop)]
                values = kept[0] if len(kept) == 1 else np.concatenate(kept)
            is_reference = h5py.check_ref_dtype(job.source.dtype) is not None
            paths = [self.source.path_of(reference) for reference in values.flat] if is_reference else []
        if is_reference:
            self._references.append((job.target.name, "", np.array(paths, dtype=object).reshape(values.shape)))
        elif job.source.shape:
            job.target[job.done : job.done + len(values)] = values
            job.done += len(values)
        else:
            job.target[()] = values[()]

    def _read(self, piece: Piece) -> np.ndarray:
        source = piece.job.source
        if not piece.is_plain:
            return np.asarray(source[piece.start : piece.stop] if source.shape else source[()])
        offset, size = piece.ranges[0]
        self.ranges.seek(offset)
        data = self.ranges.read(size) or b""
        if len(data) < size:
            reason = f"it ends {size - len(data):,} bytes too early"
            raise OSError(reason)
        return np.frombuffer(data, dtype=source.dtype).reshape(-1, *source.shape[1:])

    def _refer(self) -> None:
        """Set the references; what they point to is made as a group with its attributes where it was not copied."""
        for _, _, paths in self._references:
            for path in np.ravel(np.asarray(paths, dtype=object)):
                self._stand_in(str(path).strip("/"))
        for name, attribute, paths in self._references:
            item = self.target[name]
            if attribute:
                if paths and paths in self.target:
                    item.attrs[attribute] = self.target[paths].ref
                continue
            for place in np.ndindex(item.shape):
                if paths[place] and paths[place] in self.target:
                    item[place] = self.target[paths[place]].ref
        self._references.clear()

    def _stand_in(self, path: str) -> None:
        found = self.source.find(path)[0] if path and path not in self.target else None
        if isinstance(found, h5py.Group):
            self.group(path)
            for name in found:
                link = found.get(name, getlink=True)
                if isinstance(link, h5py.SoftLink) and link.path.startswith("/"):
                    self.link(f"{path}/{name}", link.path)
                    self._stand_in(link.path.strip("/"))
