"""A file, located: all that the rest of the package knows of an archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.data.remote.addresses import Reach, RefusedError, origin
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError
from neurodata4ml.names import without_secrets
from neurodata4ml.places import catalog_folder

NOT_HERE = (401, 403, 404, 410)
"""Statuses of an address that leads nowhere, or not for us."""


@dataclass(frozen=True)
class Remote:
    """Where the bytes of one session are, and how to know that they are the right ones.

    Attributes
    ----------
    dataset, session, version : str
    path : str
        Place of the file in the dataset, with forward slashes.
    size : int
        Bytes; 0 when not known.
    sha256, md5, etag : str
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
    member : str
        The session's file inside the zip or tar archive at ``path``; empty where ``path`` is the session's file.
    reach : Reach
        To which hosts the servers of ``urls`` may send us on.
    afresh : callable, optional
        Asks the archive where the file is now, for addresses that were pinned and lead nowhere any more.
    """

    dataset: str
    session: str
    version: str
    path: str
    size: int = 0
    sha256: str = ""
    etag: str = ""
    md5: str = ""
    urls: tuple[str, ...] = ()
    asset_id: str = ""
    note: str = ""
    file: Path | None = None
    write: Callable[[Path], Path] | None = None
    member: str = ""
    reach: Reach = field(default_factory=Reach)
    afresh: Callable[[], Remote] | None = None

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.path).name

    def elsewhere(self, error: ArchiveError) -> Remote | None:
        """Ask the archive where the file is now, where ``error`` says that its address leads nowhere, or not for us.

        None where that is not what went wrong, or the archive was asked before.
        """
        return self.afresh() if self.afresh is not None and error.status in NOT_HERE else None

    @property
    def in_the_clear(self) -> str:
        """The first address on the way to which anybody could change the bytes; empty where there is none."""
        clear = (url for url in self.urls if not url.startswith("https://") and origin(url) not in self.reach.named)
        return without_secrets(next(clear, ""))


def located(entry: Entry, session: str, pin: Asset, *, stated: Asset | None = None, **more: Any) -> Remote:
    """Return the ``Remote`` of a session: what the entry pins, and for the rest what the archive states now.

    Raises
    ------
    ChecksumError
        When the archive states another size or digest than the entry pins.
    """
    stated = stated or pin
    for name in ("size", "sha256", "md5", "etag"):
        _compare(f"{entry.name} {session}", name, getattr(pin, name), getattr(stated, name))
    published = "stated by the archive; the catalog pins none" if stated is not pin else ""
    return Remote(
        dataset=entry.name,
        session=session,
        version=entry.version,
        path=pin.path,
        size=pin.size or stated.size,
        sha256=pin.sha256 or stated.sha256,
        md5=pin.md5 or stated.md5,
        etag=pin.etag or stated.etag,
        asset_id=stated.asset_id or pin.asset_id,
        note="pinned in the catalog" if pin.sha256 or pin.md5 else published,
        member=pin.member,
        **more,
    )


def api_address(variable: str, public: str) -> str:
    """Return the address of an archive's API: the public one, or that which an environment variable names."""
    return (os.environ.get(variable) or public).rstrip("/")


class FromLock(Asset):
    """A file as a lock states it. Locks come with the work of others: an address in one names no server of the user."""


def reach_of(entry: Entry, hosts: tuple[str, ...] = (), *apis: tuple[str, str]) -> Reach:
    """Return where the servers of an archive may lead: to its own ``hosts``, to those that the entry names, and home.

    On this machine or in this house may be what the user named: those ``apis`` (address, public address) that are not
    the public ones, and all addresses in an entry of the user's own catalog; not what a lock says.
    """
    named = [address for address, public in apis if address != public]
    if _is_own(entry):
        its = [asset for asset in entry.sessions.values() if not isinstance(asset, FromLock)]
        named += [https(asset.url) for asset in its if asset.url]
    return Reach((*hosts, *entry.redirects), tuple(dict.fromkeys(map(origin, named))))


def reach_beside(entry: Entry, url: str) -> Reach:
    """Return where the server of one address in an entry may lead, of something beside its sessions' files."""
    return Reach(entry.redirects, (origin(url),) if _is_own(entry) else ())


def _is_own(entry: Entry) -> bool:
    """Return whether an entry is of the user's own catalog: its addresses were named by the user."""
    return entry.file.parent.resolve() != catalog_folder().resolve()


def https(url: str) -> str:
    """Return the address over https of ``s3://bucket/key``; any other address as it is."""
    scheme, _, place = url.partition("://")
    if scheme != "s3":
        return url
    bucket, _, key = place.partition("/")
    host = f"s3.amazonaws.com/{bucket}" if "." in bucket else f"{bucket}.s3.amazonaws.com"  # the certificate has one *
    return f"https://{host}/{quote(key)}"


def only_reachable(urls: Iterable[str], api: str, reach: Reach, what: str) -> tuple[str, ...]:
    """Return the addresses that an archive stated and that are at its own hosts; one at least, or it is an error.

    Raises
    ------
    ArchiveError
        When none is.
    """
    stated = list(urls)
    kept = tuple(url for url in stated if _may_lead_to(url, api, reach))
    if not kept:
        hosts = ", ".join(sorted({urlsplit(url).hostname or url for url in stated})) or "none at all"
        message = (
            f"{urlsplit(api).netloc} states addresses of {what} at {hosts}; allowed are "
            f"{', '.join((urlsplit(api).netloc, *reach.hosts))}. Nothing was downloaded; please report it."
        )
        raise ArchiveError(message)
    return kept


def by_path(assets: Iterable[Asset], path: str, entry: Entry, record: str) -> Asset:
    """Return the file of this path among those of a record.

    Raises
    ------
    CatalogError
        When there is none; the entry must be corrected.
    """
    for asset in assets:
        if asset.path == path:
            return asset
    message = f"{record} has no file {path}. Correct {entry.file}."
    raise CatalogError(message)


def _compare(what: str, name: str, pinned: str | int, stated: str | int) -> None:
    if pinned and stated and pinned != stated:
        message = (
            f"the catalog pins {name} {pinned} for {what}, and the archive states {stated}. "
            "The file was changed after it was pinned; nothing was downloaded."
        )
        raise ChecksumError(message)


def _may_lead_to(url: str, api: str, reach: Reach) -> bool:
    try:
        reach.refuse_hop(api, api, url)
    except RefusedError:
        return False
    return True
