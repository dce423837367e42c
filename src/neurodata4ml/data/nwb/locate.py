"""Find what is meant by a path, an address, a place on DANDI, a folder of Zarr, or an open file."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any

from neurodata4ml.data.archives import dandi
from neurodata4ml.data.archives.remote import Remote, https
from neurodata4ml.data.remote.addresses import Reach, origin, without_secrets
from neurodata4ml.data.storage.folder import Folder
from neurodata4ml.data.storage.local import LocalSource, ObjectSource
from neurodata4ml.data.storage.prefix import Prefix
from neurodata4ml.data.storage.source import Source
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.streamed import open_remote
from neurodata4ml.data.storage.zarr.walk import is_store
from neurodata4ml.errors import LayoutError

ON_DANDI = re.compile(r"dandi:(?P<dandiset>\d{6})(@(?P<version>[^/]+))?/(?P<path>.+)", re.IGNORECASE)
"""A file on DANDI: ``dandi:000021@0.220126.1903/sub-.../....nwb``; the newest published version where none is named."""

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""How an address begins; a single letter is a drive of Windows."""

SPOKEN = ("http", "https", "s3")

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def locate(place: Any) -> Source | Store:
    """Return the bytes behind a place; nothing of a file on a server is moved but its first ones.

    Parameters
    ----------
    place : str, path, Remote, or binary file object
        A path of this machine (a file in HDF5, or a folder that is a Zarr store); ``https://``, ``http://`` or
        ``s3://``; ``dandi:<dandiset>[@<version>]/<path>``; what an archive located; an open file.

    Raises
    ------
    LayoutError
        When nothing is there, or something else than a file in HDF5 or a Zarr store.
    CatalogError, ArchiveError, ChecksumError, NotCachedError
        When an archive or a server does not deliver, delivers another file than it states, or may not be asked.
    """
    if isinstance(place, Remote):
        return _located(place)
    if not isinstance(place, str | os.PathLike):
        return place if hasattr(place, "read_many") else ObjectSource(place)
    text = str(place)
    if is_address(place):
        return _at_address(text)
    path = Path(text).expanduser().absolute()
    _check_path(path)
    if path.is_dir():
        return Folder(path)
    return LocalSource(path)


def is_address(place: Any) -> bool:
    """Return whether a place is on a server."""
    return isinstance(place, str) and bool(ADDRESS.match(place) or place.lower().startswith("dandi:"))


def _at_address(text: str) -> Source | Store:
    if text.lower().startswith("dandi:"):
        found = ON_DANDI.fullmatch(text)
        if found is None:
            message = (
                f"{text!r} names no file on DANDI. Write dandi:<dandiset>/<path> or dandi:<dandiset>@<version>/<path>, "
                "such as dandi:000021@0.220126.1903/sub-699733573/sub-699733573_ses-715093703.nwb."
            )
            raise LayoutError(message)
        return _located(dandi.at(found["dandiset"], found["version"] or "", found["path"]))
    if text.partition(":")[0].lower() not in SPOKEN:
        message = (
            f"{without_secrets(text)} is an address of a kind that is not read. Read are https://, http://, s3:// and "
            "dandi:, paths of this machine, and open files: open_nwb(open(path, 'rb'))."
        )
        raise LayoutError(message)
    if _is_zarr(text):
        return Prefix(text, reach=Reach(named=(origin(https(text)),), anywhere=True))
    return open_remote(text)


def _located(remote: Remote) -> Source | Store:
    """Return the bytes of a file that an archive located."""
    if remote.file is not None:
        return locate(remote.file)
    return Prefix(remote.urls[0], reach=remote.reach) if _is_zarr(remote.path) else open_remote(remote)


def _is_zarr(address: str) -> bool:
    return address.partition("?")[0].rstrip("/").lower().endswith(".zarr")


def _check_path(path: Path) -> None:
    """Raise unless ``path`` is a file in HDF5, or a folder that is a Zarr store."""
    if not path.exists():
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
        where = f"did you mean {', '.join(close)}?" if close else f"in {path.parent} there is nothing like it."
        message = f"{path} does not exist: {where}"
        raise LayoutError(message)
    if path.is_dir():
        if not is_store(path):
            message = f"{path} is a folder, not an NWB file in HDF5, nor a Zarr store. Give the path of one .nwb file."
            raise LayoutError(message)
        return
    size = path.stat().st_size
    if path.is_file() and size == 0:
        message = f"{path} is empty (0 bytes): the download or the copy failed. Fetch the file again."
        raise LayoutError(message)
    if path.is_file():
        _check_signature(path, size)


def _check_signature(path: Path, size: int) -> None:
    with path.open("rb") as file:
        head, place = file.read(8), 512
        found = head == SIGNATURE
        while not found and place + 8 <= size:  # what is not HDF5's may stand before it
            file.seek(place)
            found, place = file.read(8) == SIGNATURE, place * 2
    if not found:
        message = f"{path} is not HDF5: it begins with {head!r}. NWB files do; was another page saved in its place?"
        raise LayoutError(message)
