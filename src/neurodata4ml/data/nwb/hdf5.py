"""One NWB file in HDF5, opened again in each process that reads it."""

from __future__ import annotations

import difflib
import os
import weakref
from pathlib import Path
from typing import Any

import h5py
from xarray.backends import CachingFileManager

from neurodata4ml.errors import LayoutError


class NwbFile:
    """An NWB 2 file: found, checked, and opened when it is needed."""

    def __init__(self, source: Any) -> None:
        """Find and check a file.

        Parameters
        ----------
        source : path, or a binary file object
            Only a path can be sent to another process.

        Raises
        ------
        LayoutError
            When nothing is there, or what is there is not NWB 2 in HDF5.
        """
        is_path = isinstance(source, str | os.PathLike)
        self.source = str(Path(source).expanduser().absolute()) if is_path else source
        self.name = self.source if is_path else str(getattr(source, "name", "the file object"))
        if is_path:
            _check_path(Path(self.source))
        self._manager = CachingFileManager(h5py.File, self.source, mode="r")
        if not is_path:
            weakref.finalize(self, self._manager.close)  # h5py crashes where a file object outlives Python
        self.memory: dict[str, Any] = {}
        """What was looked up once and will not change: the checked indices, the specifications."""
        self.version = _nwb_version(self)

    @property
    def root(self) -> h5py.File:
        """The open file."""
        try:
            return self._manager.acquire()
        except OSError as error:
            message = f"{self.name} cannot be opened as HDF5 ({error}). Fetch the file again."
            raise LayoutError(message) from error

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        self._manager.close()

    def object(self, path: str) -> h5py.Group | h5py.Dataset:
        """Return the object at ``path``, inside this one file."""
        parent, _, name = path.rstrip("/").rpartition("/")
        found = self.member(self.root[parent or "/"], name) if name else self.root
        if found is None:
            message = f"{self.name} has no {path}. See what there is: neurodata4ml.open_nwb(path)."
            raise LayoutError(message)
        return found

    def member(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
        """Return what ``group`` holds under ``name``: None where nothing is, or a soft link leads nowhere."""
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            self._refuse_elsewhere(f"{group.name}/{name}", link.filename)
        found = group.get(name)
        if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
            sources = [str(e[0]) for e in found.external or found.virtual_sources()]
            self._refuse_elsewhere(f"{group.name}/{name}", next((s for s in sources if s != "."), "itself"))
        if found is not None and found.file.filename != self.root.filename:
            self._refuse_elsewhere(f"{group.name}/{name}", found.file.filename)
        return found

    def path_of(self, reference: Any) -> str:
        """Return the path that an object reference points to; "" for an empty one."""
        return str(self.root[reference].name) if reference else ""

    def check_ragged(self, index: str, data: str) -> None:
        """Raise where the index of a ragged column does not fit the column; looked at once."""
        if index in self.memory:
            return
        stops, n_stored = self.object(index)[...], self.object(data).shape[0]
        name = data.rpartition("/")[2]
        n_counted = int(stops.max()) if stops.size else 0
        if n_counted > n_stored:
            message = (
                f"{self.name}: {index} counts to {n_counted:,}, but {name} has {n_stored:,} values. The column was "
                "cut short: fetch the file again, or ask who made it for a whole one."
            )
            raise LayoutError(message)
        if (stops[1:] < stops[:-1]).any():
            message = f"{self.name}: {index} decreases, so the rows of {name} cannot be told. Ask who made the file."
            raise LayoutError(message)
        self.memory[index] = True

    def _refuse_elsewhere(self, path: str, filename: str) -> None:
        message = (
            f"{self.name}: {path.replace('//', '/')} lies in another file, {filename!r}, and neurodata4ml reads one "
            "file at a time. Write a copy that holds everything: pynwb's NWBHDF5IO.export."
        )
        raise LayoutError(message)


def text(value: Any) -> str:
    """Return a string that HDF5 gives as bytes or as str."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _check_path(path: Path) -> None:
    """Raise unless ``path`` is a file in HDF5; HDF5 itself would only say "unable to open"."""
    if ":/" in str(path):
        message = f"{path} is an address, and only files on disk are read. Download it: neurodata4ml.fetch(name)."
        raise LayoutError(message)
    if not path.exists():
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
        where = f"did you mean {', '.join(close)}?" if close else f"in {path.parent} there is nothing like it."
        message = f"{path} does not exist: {where}"
        raise LayoutError(message)
    if path.is_dir():
        message = f"{path} is a folder, not an NWB file in HDF5. Give the path of one .nwb file."
        raise LayoutError(message)
    if path.stat().st_size == 0:
        message = f"{path} is empty (0 bytes): the download or the copy failed. Fetch the file again."
        raise LayoutError(message)
    if not h5py.is_hdf5(path):
        with path.open("rb") as file:
            head = file.read(8)
        message = f"{path} is not HDF5: it begins with {head!r}. NWB files do; was another page saved in its place?"
        raise LayoutError(message)


def _nwb_version(file: NwbFile) -> str:
    """Return the version of the NWB schema, "2.x.y"."""
    root = file.root
    if "nwb_version" in root.attrs:
        version = text(root.attrs["nwb_version"])
    elif isinstance(root.get("nwb_version"), h5py.Dataset):
        version = text(root["nwb_version"][()])
    else:
        message = f"{file.name} is HDF5 but not NWB: it has no nwb_version. What wrote it has its own reader."
        raise LayoutError(message)
    if not version.removeprefix("NWB-").startswith("2."):
        message = (
            f"{file.name} is in the format NWB-{version.removeprefix('NWB-')}, and neurodata4ml reads NWB 2. Look for "
            "the NWB 2 version of the recording (DANDI has it for most), or convert the file with pynwb."
        )
        raise LayoutError(message)
    return version
