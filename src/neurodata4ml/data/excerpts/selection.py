"""What belongs to the named parts of a session: which tables, columns and rows of its NWB file an excerpt has."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from neurodata4ml.data.entries.records import Layout
from neurodata4ml.data.excerpts.copier import Copier
from neurodata4ml.data.excerpts.pieces import headers, runs_of, storage
from neurodata4ml.data.nwb.hdf5 import NwbFile, text
from neurodata4ml.data.nwb.kinds import SERIES, kind_of
from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.remote.versioned import Span
from neurodata4ml.data.units import read_units, roi_table
from neurodata4ml.errors import LayoutError

OF_SERIES = ("data", "timestamps", "starting_time", "channel_conversion", "rois")
"""What is taken of a series."""

OF_ELECTRODES = ("location", "group", "group_name")
"""What NWB itself asks of a table of electrodes."""

ROOMS = ("acquisition", "analysis", "processing", "stimulus", "stimulus/presentation", "stimulus/templates")
"""Groups that NWB asks every file to have, even where nothing is in them."""

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
    source = NwbFile(ranges)
    try:
        excerpt = _Excerpt(source, ranges, target, restricted(layout, what))
        with source.opening():
            excerpt.add(what)
        yield excerpt
        if ranges.failure is not None:  # HDF5 may have taken it for "nothing is there"
            raise ranges.failure
    except Exception as error:
        if ranges.failure not in (None, error):  # HDF5 may have told it as damage
            raise ranges.failure from error
        raise
    finally:
        source.close()
        ranges.close()


def restricted(layout: Layout, what: Sequence[str]) -> Layout:
    """Return the layout of what an excerpt has: its trials, also under other names, its series, its responses."""
    tables = {layout.trials[name].table for name in what if name in layout.trials}
    return replace(
        layout,
        trials={name: trials for name, trials in layout.trials.items() if trials.table in tables},
        series={name: path for name, path in layout.series.items() if name in what},
        responses={name: path for name, path in layout.responses.items() if name in what},
        images=layout.images if "images" in what else "",
    )


def fingerprint(layout: Layout, what: Sequence[str]) -> str:
    """Return a digest of what the layout says of these parts: with other quality rules, other units would be kept."""
    return hashlib.sha256(repr(restricted(layout, what)).encode()).hexdigest()[:16]


def has_trials(layout: Layout, what: Sequence[str], trials: str | None) -> bool:
    """Return whether an excerpt of ``what`` has the trials of this name (None: the default ones), or their table."""
    kept = restricted(layout, what).trials
    tables = {one.table.strip("/") for one in kept.values()}
    wanted = trials or layout.default_trials
    return wanted in kept or wanted.strip("/") in tables | {table.rpartition("/")[2] for table in tables}


def lacking(layout: Layout, what: Sequence[str], trials: str | None) -> str:
    """Return the word for what an excerpt lacks to be opened as a session; empty where it lacks nothing."""
    if layout.units and not {"units", "all-units"} & set(what):
        return "units"
    if not layout.units and not restricted(layout, what).responses:
        return next(iter(layout.responses), "units")
    if has_trials(layout, what, trials):
        return ""
    wanted = trials or layout.default_trials
    named = [name for name, one in layout.trials.items() if wanted in (one.table, one.table.rpartition("/")[2])]
    return named[0] if named else wanted


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
            if isinstance(self.source.find(path)[0], h5py.Group):
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
        found = self.source.object(path)
        if not isinstance(found, h5py.Group):
            message = f"{self.source.name}: {path} is a dataset, and a group is needed there. Ask who made the file."
            raise LayoutError(message)
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
            if isinstance(self.source.object(other), h5py.Group):
                self.part(other)
            else:
                self.copier.dataset(other)
            self.copier.link(f"{path}/{name}", other)

    def _pointed(self, item: h5py.Group | h5py.Dataset) -> str:
        """Return the path of what stands in place of a dataset: a group, or what a reference leads to."""
        if isinstance(item, h5py.Group):
            return str(item.name)
        is_reference = h5py.check_ref_dtype(item.dtype) is not None
        return self.source.path_of(np.ravel(item[()])[0]) if is_reference and item.size else ""

    def images(self, path: str) -> None:
        """Add a stack of images, or many images with their order."""
        group = self.source.object(path)
        for name in group:
            if isinstance(self.source.member(group, name), h5py.Dataset):
                self.copier.dataset(f"{path}/{name}")

    def table(
        self, path: str, plain: Sequence[str], rows: list[Span] | None = None, ragged: Sequence[str] = ()
    ) -> None:
        """Add the plain columns of a table, of all rows or those in ``rows``; ragged ones are added by others."""
        path, group = path.strip("/"), self.source.object(path)
        made = self.copier.group(path)
        for name in plain:
            self.copier.dataset(f"{path}/{name}", rows)
            if f"{name}_elements" in group:  # the labels of codes
                self.copier.dataset(f"{path}/{name}_elements")
        listed = [text(name) for name in group.attrs.get("colnames", ())]
        kept = [name for name in listed if name in (*plain, *ragged)]
        if "colnames" in group.attrs:
            made.attrs.create("colnames", kept, shape=(len(kept),), dtype=h5py.string_dtype())
        self.left_out += [f"{path}/{name}" for name in listed if name not in kept]

    def units(self, *, all_of_them: bool) -> tuple[str, list[Span]] | None:
        """Add the units; return the path of their spikes and which of them are kept, where there are spikes."""
        path = self.layout.units or roi_table(self.source, self.layout)
        self._look_ahead(path)
        coords, variables = read_units(self.source, self.layout, ())
        n_units = coords["unit"].size
        keep = np.ones(n_units, dtype=bool)
        if "good" in coords and not (all_of_them or self.layout.responses):  # responses have a value for each unit
            keep = np.asarray(coords["good"].data, dtype=bool)
            self.left_out.append(f"{n_units - keep.sum():,} of {n_units:,} units, which do not pass the quality filter")
        group, area, ragged = self.source.object(path), self.layout.area, ["spike_times"]
        if area is not None and area.table:
            names = dict.fromkeys(("id", area.key, area.value, *OF_ELECTRODES))
            self.table(area.table, [name for name in names if name in self.source.object(area.table)])
            if f"{area.column}_index" in group:
                ragged.append(area.column)
                self.copier.dataset(*self._ragged(path, area.column, keep))
        columns = [name for name in self._plain(group) if self.source.object(f"{path}/{name}").shape == (n_units,)]
        if area is not None and area.column in group and area.column not in (*columns, *ragged):
            columns.append(area.column)  # of shape (unit, 1)
        self.table(path, columns, _runs(keep), ragged)
        return self._ragged(path, "spike_times", keep) if "spike_times" in variables else None

    def _ragged(self, path: str, name: str, keep: np.ndarray) -> tuple[str, list[Span]]:
        """Write the index of the rows that are kept; return the column and the ranges of it that belong to them."""
        index, column = f"{path.strip('/')}/{name}_index", f"{path.strip('/')}/{name}"
        self.source.check_ragged(index, column)
        stops = self.source.object(index)[...].astype(np.int64)
        starts = np.concatenate([[0], stops[:-1]])
        self.copier.values(index, np.cumsum((stops - starts)[keep]))
        return column, runs_of(keep, starts, stops)

    def _plain(self, group: h5py.Group) -> list[str]:
        """Return the columns with one value for each row."""
        self.ranges.look_ahead(headers(group))
        found = []
        for name in group:
            item = self.source.member(group, name)
            is_index = name.endswith("_index") and name.removesuffix("_index") in group
            if isinstance(item, h5py.Dataset) and item.ndim == 1 and f"{name}_index" not in group and not is_index:
                parts = [item.dtype] if item.dtype.fields is None else [part for part, *_ in item.dtype.fields.values()]
                if item.dtype.fields is None or not any(h5py.check_ref_dtype(part) for part in parts):
                    found.append(str(name))
        return found

    def _look_ahead(self, path: str) -> None:
        """Get the columns of the units, which tell who is good, in a few requests."""
        group = self.source.object(path)
        members = [self.source.member(group, name) for name in (*self._plain(group), "spike_times_index")]
        self.ranges.prefetch([span for item in members if isinstance(item, h5py.Dataset) for span in storage(item)])


def _runs(keep: np.ndarray) -> list[Span]:
    places = np.arange(len(keep))
    return runs_of(keep, places, places + 1)
