"""Copy chosen parts of one HDF5 file on a server into another one here: rows of datasets, attributes, references."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.excerpts.as_stored import as_stored, dtype_of
from neurodata4ml.data.excerpts.pieces import Job, batches
from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, Item, NwbFile
from neurodata4ml.data.nwb.kinds import CORE
from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.remote.versioned import Span
from neurodata4ml.data.storage.index import REFERENCE, Hard, Key, Reference, Soft

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
        self._copied: dict[Key, str] = {}
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
        found = self.source.dataset(path)
        if path in self.target:
            return
        parent, _, name = path.rpartition("/")
        group = self.group(parent)
        if found.stored.key in self._copied:
            group[name] = self.target[self._copied[found.stored.key]]
            return
        self._copied[found.stored.key] = path
        runs = runs if runs is not None else [(0, found.shape[0] if found.shape else 1)]
        dtype = dtype_of(found.kind)
        if found.stored.shape is None:
            made = group.create_dataset(name, data=h5py.Empty(dtype))
        else:
            shape = (sum(b - a for a, b in runs), *found.shape[1:]) if found.shape else ()
            made = group.create_dataset(name, shape=shape, dtype=dtype)
            if made.size:
                self._jobs.append(Job(found, made, runs))
        self.attributes(found, made)

    def values(self, path: str, values: np.ndarray) -> None:
        """Write other values, of the same type, in place of those of the dataset at ``path``."""
        found = self.source.dataset(path)
        parent, _, name = path.rpartition("/")
        self.attributes(found, self.group(parent).create_dataset(name, data=values.astype(dtype_of(found.kind))))

    def link(self, path: str, other: str) -> None:
        """Make a link at ``path`` to what is, or will be, at ``other``."""
        if path not in self.target:
            self.target[path] = h5py.SoftLink(other)

    def attributes(self, found: Item, made: Any, *, without: Iterable[str] = ()) -> None:
        """Copy attributes; references among them are set at the end."""
        for name, value in found.attrs.items():
            if name in without:
                continue
            if isinstance(value, Reference):
                self._references.append((made.name, name, self._pointed(value)))
            elif not isinstance(value, np.ndarray) or value.dtype != object:
                made.attrs[name] = value
            elif all(isinstance(word, str) for word in value.flat):
                made.attrs.create(name, value.tolist(), shape=value.shape, dtype=h5py.string_dtype())
        if "namespace" in found.attrs:
            self.spaces.add(str(found.attrs["namespace"]))

    def small(self, path: str) -> None:
        """Copy the small datasets that lie in the group at ``path`` itself."""
        group = self.source.object(path or "/")
        for name in group.links if isinstance(group, GroupAt) else ():
            found = self.source.find(f"{path}/{name}")[0]
            if isinstance(found, DatasetAt) and 0 < found.size <= FEW:
                self.dataset(f"{path}/{name}".strip("/"))

    def specifications(self) -> None:
        """Copy what the file says about types that are not NWB's own, where any of them was copied."""
        if self.spaces <= set(CORE) or not isinstance(self.source.find("specifications")[0], GroupAt):
            return
        waiting = ["specifications"]
        while waiting:
            path = waiting.pop(0)
            found = self.source.find(path)[0]
            if isinstance(found, DatasetAt):
                self.dataset(path)
            elif isinstance(found, GroupAt):
                own = [name for name, link in found.links.items() if isinstance(link, Hard)]
                waiting += [f"{path}/{name}" for name in own if path != "specifications" or name not in CORE]
        self._references.append(("/", ".specloc", "specifications"))

    @property
    def n_bytes(self) -> int:
        """Bytes that the datasets will have here."""
        return sum(job.target.nbytes for job in self._jobs)

    @property
    def n_needed(self) -> int:
        """Bytes to move in all: those that were moved to find the parts, and those of their values that lack."""
        return self.ranges.moved + sum(self._cost(job) for job in self._jobs)

    def run(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Copy everything: small columns together, long ones in parts, of which the ranges are asked for together."""
        total = self.n_needed

        def show() -> None:
            if progress is not None:
                progress(self.ranges.moved, max(total, self.ranges.moved))

        show()
        small = [job for job in self._jobs if job.is_small]
        found = self.source.stored.many([(job.source.stored, None) for job in small])
        for job, values in zip(small, found, strict=True):
            if isinstance(values, Exception):
                raise values
            self._write(job, values[()] if not job.source.shape else _rows(values, job.runs))
        show()
        for job in self._jobs:
            for runs in [] if job.is_small else batches(job.source.stored, job.runs):
                self._write(job, self.source.stored.runs(job.source.stored, *zip(*runs, strict=True)))
                show()
        self._refer()

    def _cost(self, job: Job) -> int:
        """Return the bytes that are to be moved for a dataset."""
        file, dataset = self.source.stored, job.source.stored
        if job.is_small:
            return file.cost(dataset).bytes
        return file.runs_cost(dataset, *zip(*job.runs, strict=True)).bytes

    def _pointed(self, reference: Reference) -> str:
        """Return the path that a reference points to, where that was looked at: nothing is read for it."""
        return "" if reference.key is None else self.source.stored.paths().get(reference.key, "")

    def _write(self, job: Job, values: Any) -> None:
        if job.source.kind.kind == REFERENCE:
            values = np.asarray(values, dtype=object)
            paths = np.array([self._pointed(reference) for reference in values.flat], dtype=object)
            self._references.append((job.target.name, "", paths.reshape(values.shape)))
        elif job.source.shape:
            job.target[job.done : job.done + len(values)] = as_stored(values, job.source.kind)
            job.done += len(values)
        else:
            job.target[()] = as_stored(values, job.source.kind)

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
        if isinstance(found, GroupAt):
            self.group(path)
            for name, link in found.links.items():
                if isinstance(link, Soft) and link.path.startswith("/"):
                    self.link(f"{path}/{name}", link.path)
                    self._stand_in(link.path.strip("/"))


def _rows(values: np.ndarray, runs: list[Span]) -> np.ndarray:
    """Return the rows that are wanted of all."""
    return values if runs == [(0, len(values))] else np.concatenate([values[:0], *(values[a:b] for a, b in runs)])
