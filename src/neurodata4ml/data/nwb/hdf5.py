"""One NWB file in HDF5, opened again in each process that reads it."""

from __future__ import annotations

import difflib
import math
import os
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
from dask.utils import SerializableLock
from xarray.backends import CachingFileManager

from neurodata4ml.errors import LayoutError

DAMAGE = (OSError, RuntimeError)
"""What HDF5 raises where bytes of a file are not what they should be."""

MOST_LINKS = 16
"""Soft links that lead to one object; HDF5 itself gives up after as many."""


class Refusal(NamedTuple):
    """Why something in a file is not read, said of its path, and what to do about it."""

    why: str
    cure: str


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
        self.memory: dict[str, Any] = {}
        """What was looked up once and will not change: the checked indices, the specifications."""
        self.notes: list[str] = []
        """What was found wanting on the way and belongs to no single object."""
        self._closed, self._n_readers, self._lock = False, 0, SerializableLock()
        self._manager = CachingFileManager(h5py.File, self.source, mode="r")
        if not is_path:
            weakref.finalize(self, self._manager.close)  # h5py crashes where a file object outlives Python
        with self.opening():
            self.version = _nwb_version(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: no open file, nobody who reads."""
        return {**self.__dict__, "_manager": None, "_n_readers": 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a file that shares nothing with the one it was copied from."""
        self.__dict__.update(state)
        self._manager = CachingFileManager(h5py.File, self.source, mode="r")

    @property
    def root(self) -> h5py.File:
        """The open file."""
        try:
            return self._manager.acquire()
        except OSError as error:
            message = f"{self.name} cannot be opened as HDF5 ({error}). Fetch the file again."
            raise LayoutError(message) from error

    def close(self) -> None:
        """Close the file; a lazy array that is computed later opens it for as long as it reads."""
        self._closed = True
        self._manager.close()

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Read ``what``: what HDF5 raises becomes a LayoutError, and a file that was closed is closed again."""
        with self._lock:
            self._n_readers += 1
        try:
            yield
        except DAMAGE as error:
            message = f"{self.name}: {what} cannot be read ({error}). The file is damaged: fetch it again."
            raise LayoutError(message) from error
        finally:
            with self._lock:
                self._n_readers -= 1
                if self._closed and not self._n_readers:
                    self._manager.close()

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Open a file to hand it out: where that fails, nothing stays open."""
        try:
            with self.reading("a part of the file"):
                yield
        except BaseException:
            self.close()
            raise

    def object(self, path: str) -> h5py.Group | h5py.Dataset:
        """Return the object at ``path``; a LayoutError says why there is none."""
        found, refusal = self.find(path)
        if refusal is not None:
            message = f"{self.name}: {path} {refusal.why}. {refusal.cure}"
            raise LayoutError(message)
        if found is None:
            message = f"{self.name} has no {path}. See what there is: neurodata4ml.open_nwb(path)."
            raise LayoutError(message)
        return found

    def member(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
        """Return what ``group`` holds under ``name``: None where nothing is, or nothing that may be read."""
        return self.find(name, group)[0]

    def find(
        self, path: str, group: h5py.Group | None = None
    ) -> tuple[h5py.Group | h5py.Dataset | None, Refusal | None]:
        """Return what lies at ``path`` (from ``group``, or the root), and why it is refused where something does.

        Links are followed here, one by one: HDF5 would follow them into any other file.
        """
        found, n_links = group if group is not None else self.root, 0
        names = _names(path)
        while names:
            name = names.pop()
            link = found.get(name, getlink=True) if isinstance(found, h5py.Group) else None
            if isinstance(link, h5py.ExternalLink):
                return None, _elsewhere(link.filename)
            if isinstance(link, h5py.SoftLink):
                n_links += 1
                if n_links > MOST_LINKS:
                    return None, Refusal("is a link that leads in a circle", "Ask who made the file for a whole one.")
                found = self.root if link.path.startswith("/") else found
                names += _names(link.path)
                continue
            if link is None:
                lost = Refusal("is a link to a place where nothing is", "Ask who made the file for a whole one.")
                return None, lost if n_links else None
            try:
                found = found[name]
            except (*DAMAGE, KeyError) as error:  # KeyError: the name is there, what it names is not
                return None, Refusal(f"cannot be read ({error})", "The file is damaged: fetch it again.")
        if isinstance(found, h5py.Dataset):
            refusal = self._refuse_values(found)
            return (found, None) if refusal is None else (None, refusal)
        return (found, None) if isinstance(found, h5py.Group) else (None, None)

    def path_of(self, reference: Any) -> str:
        """Return the path that an object reference points to; "" for an empty one, or where nothing is."""
        try:
            return str(self.root[reference].name) if reference else ""
        except (ValueError, KeyError):
            return ""

    def check_ragged(self, index: str, data: str) -> None:
        """Raise where the index of a ragged column does not fit the column; looked at once."""
        if index in self.memory:
            return
        stops, n_stored = self.object(index)[...].astype("int64"), self.object(data).shape[0]
        name = data.rpartition("/")[2]
        if (stops[1:] < stops[:-1]).any() or (stops[:1] < 0).any():
            message = f"{self.name}: {index} decreases, so the rows of {name} cannot be told. Ask who made the file."
            raise LayoutError(message)
        n_counted = int(stops[-1]) if stops.size else 0
        if n_counted > n_stored:
            message = (
                f"{self.name}: {index} counts to {n_counted:,}, but {name} has {n_stored:,} values. The column was "
                "cut short: fetch the file again, or ask who made it for a whole one."
            )
            raise LayoutError(message)
        if n_counted < n_stored:
            message = (
                f"{self.name}: {index} counts to {n_counted:,}, but {name} has {n_stored:,} values, so "
                f"{n_stored - n_counted:,} belong to no row. Ask who made the file for a whole index."
            )
            raise LayoutError(message)
        self.memory[index] = True

    def _refuse_values(self, dataset: h5py.Dataset) -> Refusal | None:
        """Return why the values of a dataset are not read: they lie in another file, or nowhere."""
        if dataset.external or dataset.is_virtual:
            sources = [str(e[0]) for e in dataset.external or dataset.virtual_sources()]
            return _elsewhere(next((s for s in sources if s != "."), "itself"))
        if "n_bytes" not in self.memory:
            self.memory["n_bytes"] = int(self.root.id.get_filesize())
        n_claimed = dataset.dtype.itemsize * math.prod(dataset.shape or ())
        if n_claimed <= self.memory["n_bytes"] or dataset.id.get_create_plist().get_nfilters():
            return None  # a compressed dataset may be larger than its file
        n_stored = dataset.id.get_storage_size()
        if n_stored >= n_claimed:
            return None
        why = f"claims {n_claimed:,} bytes, and the file holds {n_stored:,} of them"
        return Refusal(why, "It was never written in full: fetch the file again, or ask who made it for a whole one.")


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


def _names(path: str) -> list[str]:
    """Return the names along a path, the last first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _elsewhere(filename: str) -> Refusal:
    return Refusal(
        f"lies in another file, {filename!r}, and neurodata4ml reads one file at a time",
        "Write a copy that holds everything: pynwb's NWBHDF5IO.export.",
    )


def _nwb_version(file: NwbFile) -> str:
    """Return the version of the NWB schema, "2.x.y"."""
    stored = file.root.attrs.get("nwb_version")
    if stored is None:
        found = file.find("nwb_version")[0]  # a dataset in NWB 1
        stored = found[()] if isinstance(found, h5py.Dataset) else None
    if stored is None:
        message = f"{file.name} is HDF5 but not NWB: it has no nwb_version. What wrote it has its own reader."
        raise LayoutError(message)
    version = text(stored)
    number = re.fullmatch(r"(?:NWB-)?(\d+)\.\d.*", version)
    if number is None:
        message = (
            f"{file.name}: nwb_version is {version} ({type(stored).__name__}), and NWB 2 files say it as text, such as "
            "'2.9.0'. Ask who made the file, or set it: h5py.File(path, 'r+').attrs['nwb_version'] = '2.9.0'."
        )
        raise LayoutError(message)
    if number[1] != "2":
        message = (
            f"{file.name} is in the format NWB-{version.removeprefix('NWB-')}, and neurodata4ml reads NWB 2. Look for "
            "the NWB 2 version of the recording (DANDI has it for most), or convert the file with pynwb."
        )
        raise LayoutError(message)
    return version
