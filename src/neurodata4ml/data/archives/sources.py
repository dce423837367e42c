"""Where the files are: an entry and a session become a ``Remote``, by asking the archive where it must be asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.data.remote import transport
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError

DANDI_API = "https://api.dandiarchive.org/api"
"""The public archive; ``NEURODATA4ML_DANDI_API`` names another one, e.g. on loopback."""


@dataclass(frozen=True)
class Remote:
    """One file, located: all that the rest of the package knows of an archive.

    Attributes
    ----------
    dataset, session, version : str
    path : str
        Place of the file in the dataset, with forward slashes.
    size : int
        Bytes; 0 when not known.
    sha256, etag : str
        Digests in hexadecimal (``etag`` is DANDI's: md5 over parts of 64 MiB, ``-``, their number); empty: not known.
    urls : tuple of str
        Addresses of the same bytes, best first.
    asset_id : str
    note : str
        Who states the digest.
    file : Path, optional
        The file itself, where it lies on this machine.
    write : callable, optional
        Writes the file to the path it is given, where it is simulated.
    """

    dataset: str
    session: str
    version: str
    path: str
    size: int = 0
    sha256: str = ""
    etag: str = ""
    urls: tuple[str, ...] = ()
    asset_id: str = ""
    note: str = ""
    file: Path | None = None
    write: Callable[[Path], Path] | None = None

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.path).name


def resolve(entry: Entry, session: str | int | None = None) -> Remote:
    """Locate the file of a session; nothing is downloaded.

    Raises
    ------
    CatalogError
        When there is no such session, or the archive has no such file.
    ArchiveError
        When the archive does not answer.
    ChecksumError
        When the archive states another digest or size than the entry pins.
    NotCachedError
        When the archive would have to be asked in offline mode.
    """
    return SOURCES[entry.archive](entry, entry.session_id(session))


def dandi(entry: Entry, session: str) -> Remote:
    """Ask a DANDI archive, through its own client, for the asset at the pinned version and path."""
    os.environ.setdefault("DANDI_NO_ET", "1")  # no call home
    what = f"{entry.name} {session}"
    api = os.environ.get("NEURODATA4ML_DANDI_API", DANDI_API).rstrip("/")
    transport.probe(f"{api}/info/", what=what)  # the client itself insists for a minute, with tracebacks in its log
    stated = _ask_dandi(entry, entry.asset(session).path, api)
    digest = stated["digest"]
    pin = entry.asset(session)
    sha256, etag = digest.get("dandi:sha2-256", ""), digest.get("dandi:dandi-etag", "")
    _compare(what, "sha256", pin.sha256, sha256)
    _compare(what, "size", pin.size, stated["contentSize"])
    addresses = sorted(stated["contentUrl"], key=lambda url: url.startswith(api))  # the store itself, then the API
    return Remote(
        dataset=entry.name,
        session=session,
        version=entry.version,
        path=pin.path,
        size=stated["contentSize"],
        sha256=pin.sha256 or sha256,
        etag=etag,
        urls=tuple(addresses),
        asset_id=stated["identifier"],
        note="pinned in the catalog" if pin.sha256 else "stated by the archive; the catalog pins none",
    )


def http(entry: Entry, session: str) -> Remote:
    """Take the address and the digest that the entry pins."""
    pin = entry.asset(session)
    return Remote(**_pinned(entry, session, pin), urls=(pin.url,), etag=pin.etag)


def local(entry: Entry, session: str) -> Remote:
    """Take a file on this machine; its path is relative to the folder of the entry's TOML file."""
    pin = entry.asset(session)
    file = entry.file.parent / pin.path
    if not file.is_file():
        message = f"{entry.file} says that session {session} of {entry.name} is {file}, and there is no such file."
        raise CatalogError(message)
    return Remote(**_pinned(entry, session, pin), file=file)


def simulated(entry: Entry, session: str) -> Remote:
    """Simulate: the session is the seed."""

    def write(path: Path) -> Path:
        from neurodata4ml.data.simulated_file import write_demo

        return write_demo(path, seed=int(session))

    return Remote(**_pinned(entry, session, entry.asset(session)), write=write)


SOURCES: dict[str, Callable[[Entry, str], Remote]] = {
    "dandi": dandi,
    "http": http,
    "local": local,
    "simulated": simulated,
}
"""From the ``archive`` of an entry to the function that locates its files."""


def _ask_dandi(entry: Entry, path: str, api: str) -> dict[str, Any]:
    import requests
    from dandi.consts import DandiInstance
    from dandi.dandiapi import DandiAPIClient
    from dandi.exceptions import NotFoundError

    # Naming the instance ourselves spares the client's own search for it, which has no time-out.
    with DandiAPIClient(dandi_instance=DandiInstance(name="neurodata4ml", gui=None, api=api)) as client:
        client.session = transport.session()
        try:
            asset = client.get_dandiset(entry.dandiset, entry.version).get_asset_by_path(path)
            return {"digest": {}, "contentUrl": [], **asset.get_raw_metadata()}
        except NotFoundError as error:
            message = f"DANDI {entry.dandiset} version {entry.version} has no file {path}. Correct {entry.file}."
            raise CatalogError(message) from error
        except requests.RequestException as error:
            message = f"{api} did not answer for {entry.name}: {error} Try again later."
            raise ArchiveError(message) from error


def _compare(what: str, name: str, pinned: str | int, stated: str | int) -> None:
    if pinned and stated and pinned != stated:
        message = (
            f"the catalog pins {name} {pinned} for {what}, and the archive states {stated}. "
            "The file was changed after it was pinned; nothing was downloaded."
        )
        raise ChecksumError(message)


def _pinned(entry: Entry, session: str, pin: Asset) -> dict[str, Any]:
    return {
        "dataset": entry.name,
        "session": session,
        "version": entry.version,
        "path": pin.path,
        "size": pin.size,
        "sha256": pin.sha256,
        "asset_id": pin.asset_id,
        "note": "pinned in the catalog" if pin.sha256 else "",
    }
