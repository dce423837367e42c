"""What belongs to the named parts of a session: which tables, columns and rows of its NWB file an excerpt has."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from neurodata4ml.data.entries.records import Layout
from neurodata4ml.data.excerpts.copier import Copier
from neurodata4ml.data.excerpts.pieces import runs_of
from neurodata4ml.data.excerpts.ranged import open_parts
from neurodata4ml.data.excerpts.words import ROOMS, places, restricted
from neurodata4ml.data.nwb.arrays import NwbArray, Rows
from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, Item, NwbFile
from neurodata4ml.data.nwb.kinds import SERIES, kind_of
from neurodata4ml.data.nwb.tables import listed
from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.remote.versioned import Span
from neurodata4ml.data.storage.index import REFERENCE
from neurodata4ml.data.units import read_units, roi_table
from neurodata4ml.errors import LayoutError

OF_SERIES = ("data", "timestamps", "starting_time", "channel_conversion", "rois")
"""What is taken of a series."""

OF_ELECTRODES = ("location", "group", "group_name")
"""What NWB itself asks of a table of electrodes."""

NOTE = "neurodata4ml_excerpt"
"""Attribute of the root that says what the file is, for whoever opens it elsewhere."""


def write(
    ranges: RangeFile,
    path: Path,
    layout: Layout,
    what: Sequence[str],
    *,
    progress: Callable[[int, int], None] | None = None,
    check: Callable[[int], None] = lambda n_bytes: None,
) -> list[str]:
    """Write the parts ``what`` of the file behind ``ranges`` to ``path``; return what was left out of them.

    Raises
    ------
    LayoutError
        The file has no such part, or what it has is damaged.
    """
    with _new_file(path) as target, _chosen(ranges, target, layout, what) as excerpt:
        check(excerpt.copier.n_bytes)
        excerpt.copier.run(progress)
        target.attrs[NOTE] = f"an excerpt of {ranges.name}: {', '.join(what)}. {'; '.join(excerpt.left_out)}"
        return excerpt.left_out


def needed(ranges: RangeFile, layout: Layout, what: Sequence[str]) -> int:
    """Return how many bytes ``write`` would move; for that, no spike is. It raises what ``write`` does."""
    with h5py.File(io.BytesIO(), "w") as target, _chosen(ranges, target, layout, what) as excerpt:
        return excerpt.copier.n_needed


@contextlib.contextmanager
def _chosen(ranges: RangeFile, target: h5py.File, layout: Layout, what: Sequence[str]) -> Iterator[_Excerpt]:
    """Yield an excerpt whose parts are chosen, and not yet copied; in the end the source is closed."""
    chosen = restricted(layout, what)
    source = NwbFile(open_parts(ranges, places(chosen, what)))
    try:
        excerpt = _Excerpt(source, ranges, target, chosen)
        excerpt.add(what)
        yield excerpt
    finally:
        source.close()


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[h5py.File]:
    """Make a file in HDF5; where the disk is full, HDF5 says so in words, and again when the file is closed."""
    file = h5py.File(path, "x")
    try:
        yield file
        file.close()
    except BaseException:
        with contextlib.suppress(Exception):
            file.close()
        raise


class _Excerpt:
    """An excerpt while it is put together; ``left_out`` names what its tables have besides."""

    def __init__(self, source: NwbFile, ranges: RangeFile, target: h5py.File, layout: Layout) -> None:
        self.source, self.ranges, self.layout = source, ranges, layout
        self.copier = Copier(source, ranges, target)
        self.left_out: list[str] = []

    def add(self, what: Sequence[str]) -> None:
        """Choose what to copy: the small things first, then what is long."""
        self.copier.attributes(self.source.root, self.copier.target, without=(".specloc",))
        for path in ("", "general", "general/subject"):
            if self.source.find(path)[0] is not None:
                self.copier.small(path)
        for path in ROOMS:
            if isinstance(self.source.find(path)[0], GroupAt):
                self.copier.group(path)
        units = bool({"units", "all-units"} & set(what))
        spikes = self.units(all_of_them="all-units" in what) if units or self.layout.responses else None
        if self.layout.invalid_times and self._is_there(self.layout.invalid_times):
            self.part(self.layout.invalid_times)
        self._trials_and_series()
        if self.layout.images:
            self.images(self.layout.images)
        if spikes is not None:
            self.copier.dataset(*spikes)
        self.copier.specifications()

    def _trials_and_series(self) -> None:
        """Add them; a file may lack its default trials, which nobody asked for, and series, which it is asked about."""
        layout = self.layout
        default = layout.trials.get(layout.default_trials)
        for table in dict.fromkeys(trials.table for trials in layout.trials.values()):
            if self._is_there(table) or default is None or table != default.table:
                self.part(table)
        for path in layout.series.values():
            if self._is_there(path):
                self.part(path)
        for path in layout.responses.values():
            self.part(path)

    def _is_there(self, path: str) -> bool:
        return self.source.find(path) != (None, None)

    def part(self, path: str) -> None:
        """Add a series or a table."""
        path = path.strip("/")
        if not self._is_there(path):
            message = f"{self.source.name} has no {path}, so no part of it can be had: leave it out of --what."
            raise LayoutError(message)
        found = self._group(path)
        if kind_of(self.source, found) == SERIES:
            self.series(path)
        else:
            self.table(path, self._plain(found))

    def series(self, path: str) -> None:
        """Add a series with its clock, which may be that of another one."""
        self.copier.group(path)
        for name in OF_SERIES:
            if self.source.find(f"{path}/{name}") == (None, None):
                continue
            item = self.source.object(f"{path}/{name}")
            other = self._pointed(item)
            if not other:
                self.copier.dataset(f"{path}/{name}")
                continue
            if isinstance(self.source.object(other), GroupAt):
                self.part(other)
            else:
                self.copier.dataset(other)
            self.copier.link(f"{path}/{name}", other)

    def _pointed(self, item: Item) -> str:
        """Return the path of what stands in place of a dataset: a group, or what a reference leads to."""
        if isinstance(item, GroupAt):
            return item.path
        is_reference = item.kind.kind == REFERENCE and item.size
        return self.source.path_of(np.ravel(self.source.value(item))[0]) if is_reference else ""

    def images(self, path: str) -> None:
        """Add a stack of images, or many images with their order."""
        group = self._group(path)
        for name in group.links:
            if isinstance(self.source.member(group, name), DatasetAt):
                self.copier.dataset(f"{path}/{name}")

    def table(
        self, path: str, plain: Sequence[str], rows: list[Span] | None = None, ragged: Sequence[str] = ()
    ) -> None:
        """Add the plain columns of a table, of all rows or those in ``rows``; ragged ones are added by others."""
        path, group = path.strip("/"), self._group(path)
        made = self.copier.group(path)
        for name in plain:
            self.copier.dataset(f"{path}/{name}", rows)
            if f"{name}_elements" in group.links:  # the labels of codes
                self.copier.dataset(f"{path}/{name}_elements")
        names = listed(group)
        kept = [name for name in names if name in (*plain, *ragged)]
        if "colnames" in group.attrs:
            made.attrs.create("colnames", kept, shape=(len(kept),), dtype=h5py.string_dtype())
        self.left_out += [f"{path}/{name}" for name in names if name not in kept]

    def units(self, *, all_of_them: bool) -> tuple[str, list[Span]] | None:
        """Add the units; return the path of their spikes and which of them are kept, where there are spikes."""
        path = self.layout.units or roi_table(self.source, self.layout)
        coords, variables = read_units(self.source, self.layout, ())
        n_units = coords["unit"].size
        keep = np.ones(n_units, dtype=bool)
        if "good" in coords and not (all_of_them or self.layout.responses):  # responses have a value for each unit
            keep = np.asarray(coords["good"].data, dtype=bool)
            self.left_out.append(f"{n_units - keep.sum():,} of {n_units:,} units, which do not pass the quality filter")
        group, area, ragged = self._group(path), self.layout.area, ["spike_times"]
        if area is not None and area.table:
            names = dict.fromkeys(("id", area.key, area.value, *OF_ELECTRODES))
            self.table(area.table, [name for name in names if name in self._group(area.table).links])
            if f"{area.column}_index" in group.links:
                ragged.append(area.column)
                self.copier.dataset(*self._ragged(path, area.column, keep))
        columns = [name for name in self._plain(group) if self.source.dataset(f"{path}/{name}").shape == (n_units,)]
        if area is not None and area.column in group.links and area.column not in (*columns, *ragged):
            columns.append(area.column)  # of shape (unit, 1)
        self.table(path, columns, _runs(keep), ragged)
        return self._ragged(path, "spike_times", keep) if "spike_times" in variables else None

    def _ragged(self, path: str, name: str, keep: np.ndarray) -> tuple[str, list[Span]]:
        """Write the index of the rows that are kept; return the column and the ranges of it that belong to them."""
        index, column = f"{path.strip('/')}/{name}_index", f"{path.strip('/')}/{name}"
        rows = Rows(self.source.stored, self.source.dataset(index))
        rows.check(NwbArray(self.source.stored, self.source.dataset(column)))
        stops = rows.stops()
        starts = np.concatenate([[0], stops[:-1]])
        self.copier.values(index, np.cumsum((stops - starts)[keep]))
        return column, runs_of(keep, starts, stops)

    def _group(self, path: str) -> GroupAt:
        found = self.source.object(path)
        if not isinstance(found, GroupAt):
            message = f"{self.source.name}: {path} is a dataset, and a group is needed there. Ask who made the file."
            raise LayoutError(message)
        return found

    def _plain(self, group: GroupAt) -> list[str]:
        """Return the columns with one value for each row."""
        found = []
        for name in group.links:
            item = self.source.member(group, name)
            is_index = name.endswith("_index") and name.removesuffix("_index") in group.links
            is_plain = isinstance(item, DatasetAt) and item.ndim == 1 and f"{name}_index" not in group.links
            if is_plain and not is_index and not _points(item):
                found.append(name)
        return found


def _points(item: Item | None) -> bool:
    """Return whether the rows of a compound column point to other objects."""
    return isinstance(item, DatasetAt) and any(part.kind == REFERENCE for _, _, part in item.kind.fields)


def _runs(keep: np.ndarray) -> list[Span]:
    places = np.arange(len(keep))
    return runs_of(keep, places, places + 1)
