"""The others: how each of them opens a file, and is asked for values, as its documentation shows it.

Only what a contender itself needs is imported, and by its own ``imports``: this file runs in both environments.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SPIKES, INDEX = "units/spike_times", "units/spike_times_index"
ROIS = "processing/ophys/DfOverF/RoiResponseSeries/data"
PRESENTED, RUNNING = "intervals/presentations/start_time", "processing/behavior/running_speed/data"
LOOKED_AT = (SPIKES, ROIS, PRESENTED, RUNNING)
"""What everybody must have seen, with its shape and dtype, when a file is open."""

STATE = Path(os.environ.get("HOME", "."))
"""Where a contender keeps what it wants to find again in its next run."""


def digest(values: np.ndarray) -> str:
    """Return the sha256 of values, in C order."""
    return hashlib.sha256(np.ascontiguousarray(values)).hexdigest()


class H5py:
    """h5py on a local file; its heirs give it a remote one."""

    def imports(self) -> None:
        """Import what is needed; the clock starts later."""
        import h5py

        self.h5py = h5py

    def file(self, where: str) -> Any:
        """Return what h5py opens."""
        return where

    def open(self, where: str, units: list[int] | None = None) -> Any:
        """Open a file."""
        return self.h5py.File(self.file(where), "r")

    def look(self, opened: Any) -> dict[str, list[Any]]:
        """See shape, dtype and attributes of everything; return the first two of what is compared."""
        seen: dict[str, list[Any]] = {}

        def note(name: str, node: Any) -> None:
            dict(node.attrs)
            if hasattr(node, "shape"):
                seen[name] = [list(node.shape), np.dtype(node.dtype).str]

        self.visit(opened, note)
        return {name: seen[name] for name in LOOKED_AT if name in seen}

    def visit(self, opened: Any, note: Callable[[str, Any], None]) -> None:
        """Call ``note`` with every object of the file."""
        opened.visititems(note)

    def spikes(self, opened: Any, units: list[int] | None) -> np.ndarray:
        """Return the spikes of some units, end to end; of all where ``units`` is None."""
        column = opened[SPIKES]
        if units is None:
            return column[:]
        stops = opened[INDEX][:]
        return np.concatenate([column[int(stops[i - 1]) if i else 0 : int(stops[i])] for i in units])

    def rois(self, opened: Any, frames: int, first: int, last: int) -> np.ndarray:
        """Return the first frames of neighbouring ROI."""
        return opened[ROIS][:frames, first:last]


class Fsspec(H5py):
    """h5py on fsspec's file, as its settings are."""

    def imports(self) -> None:
        """Import what is needed."""
        super().imports()
        import aiohttp
        import fsspec
        import fsspec.implementations.cached
        import fsspec.implementations.http

        self.fsspec, self.aiohttp = fsspec, aiohttp

    def file(self, where: str) -> Any:
        """Return what h5py opens."""
        return self.fsspec.filesystem("http").open(where, "rb")


class FsspecCached(Fsspec):
    """The same with the cache on disk, as pynwb's documentation shows it; the cache is empty."""

    def file(self, where: str) -> Any:
        """Return what h5py opens."""
        kind = self.fsspec.implementations.cached.CachingFileSystem
        return kind(fs=self.fsspec.filesystem("http"), cache_storage=str(STATE / "fsspec")).open(where, "rb")


class Remfile(H5py):
    """h5py on remfile."""

    def imports(self) -> None:
        """Import what is needed."""
        super().imports()
        import remfile

        self.remfile = remfile

    def file(self, where: str) -> Any:
        """Return what h5py opens."""
        return self.remfile.File(where)


class Lindi(H5py):
    """lindi on the index that was made before, which lies in ``STATE``."""

    def imports(self) -> None:
        """Import what is needed."""
        import lindi

        self.lindi = lindi

    def open(self, where: str, units: list[int] | None = None) -> Any:
        """Open a file."""
        return self.lindi.LindiH5pyFile.from_lindi_file(str(lindi_index(where)))

    def visit(self, opened: Any, note: Callable[[str, Any], None]) -> None:
        """Call ``note`` with every object of the file."""
        _visit(opened, "", note)


def _visit(group: Any, path: str, note: Callable[[str, Any], None]) -> None:
    for name in group:
        node = group[name]
        note(f"{path}{name}", node)
        if hasattr(node, "keys"):
            _visit(node, f"{path}{name}/", note)


def lindi_index(where: str) -> Path:
    """Return where lindi's index of a file is kept."""
    return STATE / f"{hashlib.sha256(where.encode()).hexdigest()[:16]}.lindi.json"


def make_lindi_index(where: str, to: str) -> None:
    """Write lindi's index of the file at ``where``, with all chunks, for the same file at ``to``."""
    import lindi

    options = lindi.LindiH5ZarrStoreOpts(num_dataset_chunks_threshold=None)
    with lindi.LindiH5pyFile.from_hdf5_file(where, zarr_store_opts=options) as file:
        file.write_lindi_file(str(lindi_index(where)))
    text = lindi_index(where).read_text(encoding="utf-8")
    lindi_index(to).write_text(text.replace(where, to), encoding="utf-8")


class Pynwb(Remfile):
    """pynwb; of a remote file through remfile, of a Zarr store through hdmf-zarr."""

    def imports(self) -> None:
        """Import what is needed."""
        super().imports()
        import hdmf_zarr
        import pynwb

        self.pynwb, self.hdmf_zarr = pynwb, hdmf_zarr

    def open(self, where: str, units: list[int] | None = None) -> Any:
        """Open a file."""
        if where.endswith(".zarr"):
            return self.hdmf_zarr.NWBZarrIO(where, mode="r").read()
        file = self.h5py.File(self.file(where) if where.startswith("http") else where, "r")
        return self.pynwb.NWBHDF5IO(file=file, load_namespaces=True).read()

    def look(self, opened: Any) -> dict[str, list[Any]]:
        """Return shape and dtype of what is compared."""
        found = {}
        if "behavior" in opened.processing:
            found[RUNNING] = opened.processing["behavior"]["running_speed"].data
        found[PRESENTED] = opened.intervals["presentations"]["start_time"].data
        if opened.units is not None:
            found[SPIKES] = opened.units["spike_times"].target.data
        if "ophys" in opened.processing:
            found[ROIS] = self.series(opened).data
        return {name: [list(data.shape), np.dtype(data.dtype).str] for name, data in found.items()}

    def series(self, opened: Any) -> Any:
        """Return the calcium series."""
        return opened.processing["ophys"]["DfOverF"].roi_response_series["RoiResponseSeries"]

    def spikes(self, opened: Any, units: list[int] | None) -> np.ndarray:
        """Return the spikes of some units, or of all."""
        column = opened.units["spike_times"]
        if units is None:
            return column.target.data[:]
        return np.concatenate([column[i] for i in units])

    def rois(self, opened: Any, frames: int, first: int, last: int) -> np.ndarray:
        """Return the first frames of neighbouring ROI."""
        return self.series(opened).data[:frames, first:last]


class Lazynwb(H5py):
    """lazynwb, which keeps its own index from one run to the next."""

    def imports(self) -> None:
        """Import what is needed."""
        import lazynwb
        import obstore.store
        import polars

        self.lazynwb, self.polars = lazynwb, polars
        from_url = obstore.store.from_url

        def in_clear(url: str, **options: Any) -> Any:  # its client wants TLS, which the loopback does not speak
            return from_url(url, **{**options, "client_options": {"allow_http": True}})

        obstore.store.from_url = in_clear

    def open(self, where: str, units: list[int] | None = None) -> Any:
        """Open a file."""
        return where

    def look(self, opened: Any) -> dict[str, list[Any]]:
        """Return shape and dtype of what is compared."""
        everything = {"include_child_datasets": True, "include_table_columns": True, "include_metadata": True}
        info = self.lazynwb.get_internal_path_info(opened, **everything)
        self.info = info
        found = {name: info.get(f"/{name}", info.get(name)) for name in LOOKED_AT}
        return {name: [list(its["shape"]), None] for name, its in found.items() if its}

    def spikes(self, opened: Any, units: list[int] | None) -> np.ndarray:
        """Return the spikes of some units, or of all."""
        if units is None:
            frame = self.lazynwb.get_df(opened, "/units", include_column_names=["spike_times"])
            return np.concatenate(frame["spike_times"].to_list())
        frame = self.lazynwb.scan_nwb(opened, "/units").filter(self.polars.col("_table_index").is_in(units))
        return frame.select("spike_times").collect()["spike_times"].explode().to_numpy()

    def rois(self, opened: Any, frames: int, first: int, last: int) -> np.ndarray:
        """Return the first frames of neighbouring ROI."""
        series = self.lazynwb.get_timeseries(opened, search_term=f"/{ROIS.rpartition('/')[0]}", exact_path=True)
        return series.data[:frames, first:last]
