"""Find what is meant by a path, an address, a place on DANDI, a folder of Zarr, or an open file."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from neurodata4ml.data.archives import dandi
from neurodata4ml.data.archives.remote import Remote, https
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.nwb.strangers import SEEN, told
from neurodata4ml.data.remote.addresses import Reach, origin
from neurodata4ml.data.storage.source import Source
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.sources.local import LocalSource, ObjectSource
from neurodata4ml.data.storage.sources.prefix import Prefix
from neurodata4ml.data.storage.sources.streamed import open_remote
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.zarr.walk import is_store
from neurodata4ml.errors import ArchiveError, LayoutError
from neurodata4ml.names import without_secrets

ON_DANDI = re.compile(r"dandi:(//dandi/)?(?P<dandiset>\d{6})(@(?P<version>[^/]+))?/+(?P<path>.+)", re.IGNORECASE)
"""A file on DANDI: ``dandi:000021@0.220126.1903/sub-.../....nwb``; the newest published version where none is named.

``dandi://dandi/000021@.../...`` is the same, as DANDI's own client writes it.
"""

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""How an address begins; a single letter is a drive of Windows."""

SPOKEN = ("http", "https", "s3")

SIGNATURE = b"\x89HDF\r\n\x1a\n"

LONGEST = 200
"""Letters of a path that cannot be one, in messages."""

GONE, CLOSED = "is not there: correct the address.", "may not be read by everybody, or is not there:"
CURES = {
    401: f"{CLOSED} correct the address, or give a signed one.",
    403: f"{CLOSED} correct the address; where it is a signed one, ask for a new one.",
    404: GONE,
    410: GONE,
    416: "is empty (0 bytes), or serves no ranges of bytes: ask whoever published it.",
}
"""What to do about what a server says of an address that somebody typed."""


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
        return _of_object(place)
    if is_address(place):
        return _at_address(str(place).strip())
    path = Path(place).expanduser().absolute()
    try:
        _check_path(path)
    except OSError as error:
        message = f"{str(path)[:LONGEST]} cannot be read ({error.strerror}). Correct the path, or its permissions."
        raise LayoutError(message) from error
    if path.is_dir():
        return Folder(path)
    return LocalSource(path)


def is_address(place: Any) -> bool:
    """Return whether a place is on a server."""
    return isinstance(place, str) and bool(ADDRESS.match(place.strip()) or place.strip().lower().startswith("dandi:"))


def _of_object(place: Any) -> Source | Store:
    """Return an open file as the bytes it gives; say of other objects what to give in their place."""
    if hasattr(place, "read_many"):
        return place  # type: ignore[no-any-return]
    if hasattr(place, "read") and hasattr(place, "seek"):
        return ObjectSource(place)
    cure = "a path, an address (https://, s3://, dandi:), or a file opened with mode 'rb'"
    if isinstance(place, bytes | bytearray | memoryview):
        cure = "io.BytesIO(...) of these bytes, or the path as str"
    elif callable(getattr(place, "open", None)):
        cure = "what its open() returns"
    elif isinstance(name := getattr(place, "filename", None), str):
        cure = f"the path itself, {name!r}"
    message = f"a file cannot be opened from {type(place).__name__}. Give {cure}."
    raise LayoutError(message)


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
    kind, _, rest = text.partition(":")
    text = f"{kind.lower()}:{rest}"
    _check_address(text)
    if _is_zarr(text):
        return Prefix(text, reach=Reach(named=(origin(https(text)),), anywhere=True))
    try:
        return open_remote(text)
    except ArchiveError as error:
        if error.status not in CURES:
            raise
        message = f"{without_secrets(text)} {CURES[error.status]} The server said {error.status}."
        refused = ArchiveError(message)
        refused.status = error.status
        raise refused from error


def _check_address(text: str) -> None:
    """Raise unless an address is of a kind that is read, and whole."""
    kind, _, rest = text.partition(":")
    bucket, _, key = rest.removeprefix("//").partition("/")
    if kind == "file":
        message = f"{text} is on this machine: give its path alone, {url2pathname(urlsplit(text).path)!r}."
    elif kind not in SPOKEN:
        message = (
            f"{without_secrets(text)} is an address of a kind that is not read. Read are https://, http://, s3:// and "
            "dandi:, paths of this machine, and open files: open_nwb(open(path, 'rb'))."
        )
    elif kind == "s3" and not (rest.startswith("//") and bucket and key):
        message = f"{text!r} names no file. Write s3://<bucket>/<key>, such as s3://dandiarchive/blobs/.../..."
    elif kind != "s3" and not urlsplit(text).hostname:
        message = f"{without_secrets(text)!r} names no server. Write {kind}://<server>/<path>, with two slashes."
    else:
        return
    raise LayoutError(message)


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
        message = f"{path} does not exist: {_near(path)}"
        raise LayoutError(message)
    if path.is_dir():
        if not is_store(path):
            inside = sorted(p.name for p in path.iterdir() if p.name.lower().endswith((".nwb", ".zarr")))[:3]
            cure = (
                f"In it are {', '.join(inside)}: give the path of one." if inside else "Give the path of a .nwb file."
            )
            message = f"{path} is a folder, not an NWB file in HDF5, nor a Zarr store. {cure}"
            raise LayoutError(message)
        return
    size = path.stat().st_size
    if path.is_file() and size == 0:
        message = f"{path} is empty (0 bytes): the download or the copy failed. Fetch the file again."
        raise LayoutError(message)
    if path.is_file():
        _check_signature(path, size)


def _near(path: Path) -> str:
    """Return what may have been meant by a path where nothing is."""
    if path.name in catalog.names():
        return f"{path.name} is a dataset of the catalog, which open_session({path.name!r}) opens."
    names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    return f"did you mean {', '.join(close)}?" if close else f"in {path.parent} there is nothing like it."


def _check_signature(path: Path, size: int) -> None:
    with path.open("rb") as file:
        head, place = file.read(SEEN), 512
        found = head[:8] == SIGNATURE
        while not found and place + 8 <= size:  # what is not HDF5's may stand before it
            file.seek(place)
            found, place = file.read(8) == SIGNATURE, place * 2
    if not found:
        message = f"{path} is not HDF5: it begins with {head[:8]!r}. {told(head)}"
        raise LayoutError(message)
