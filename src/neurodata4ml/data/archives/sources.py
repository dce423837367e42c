"""Where the files are: an entry and a session become a ``Remote``, by asking the archive where it must be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from neurodata4ml.data.archives import dandi, doi
from neurodata4ml.data.archives.listed import sessions_among
from neurodata4ml.data.archives.remote import Remote, https, located, reach_of
from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.errors import CatalogError
from neurodata4ml.suggest import did_you_mean

__all__ = ["LISTS", "SOURCES", "Remote", "http", "including", "listing", "local", "resolve", "simulated"]


def resolve(entry: Entry, session: str | int | None = None) -> Remote:
    """Locate the file of a session; nothing is downloaded, and where the file is pinned nobody is asked.

    Raises
    ------
    CatalogError
        When there is no such session, or the archive has no such file.
    ArchiveError
        When the archive does not answer, or not to everybody.
    ChecksumError
        When the archive states another digest or size than the entry pins.
    NotCachedError
        When the archive would have to be asked in offline mode.
    """
    entry = including(entry, session)
    return SOURCES[entry.archive](entry, entry.session_id(session))


def listing(entry: Entry) -> dict[str, Asset]:
    """Return all sessions of a dataset by name: those pinned, then those that the archive has besides.

    The archive is asked where the entry says how its list of files is read (``[listing]``); else nobody is.

    Raises
    ------
    CatalogError
        When two files are the same session; both paths are named.
    ArchiveError
        When the archive does not answer, or no file fits.
    NotCachedError
        When the archive would have to be asked in offline mode.
    """
    if entry.listing is None or entry.archive not in LISTS:
        return dict(entry.sessions)
    return sessions_among(entry, entry.listing, LISTS[entry.archive](entry))


def including(entry: Entry, session: str | int | None) -> Entry:
    """Return an entry that knows ``session``: the same one, or one with all sessions that the archive lists.

    Raises
    ------
    CatalogError
        When the archive has no such session either; close ones are suggested.
    """
    if session is None or entry.listing is None or str(session) in entry.sessions:
        return entry
    whole = replace(entry, sessions=listing(entry))
    if str(session) not in whole.sessions:
        close = did_you_mean(str(session), whole.sessions)
        message = (
            f"{entry.name} has no session {str(session)!r}{close} "
            f"All {len(whole.sessions)} of them: neurodata4ml fetch {entry.name} --all --dry-run"
        )
        raise CatalogError(message)
    return whole


def http(entry: Entry, session: str) -> Remote:
    """Take the address and the digest that the entry pins; its server may redirect to the hosts the entry names."""
    pin = entry.asset(session)
    return located(entry, session, pin, urls=(https(pin.url),), reach=reach_of(entry))


def local(entry: Entry, session: str) -> Remote:
    """Take a file on this machine; its path is relative to the folder of the entry's TOML file."""
    pin = entry.asset(session)
    file = entry.file.parent / pin.path
    if not file.is_file():
        message = f"{entry.file} says that session {session} of {entry.name} is {file}, and there is no such file."
        raise CatalogError(message)
    return located(entry, session, pin, file=file)


def simulated(entry: Entry, session: str) -> Remote:
    """Simulate the demo, or the system that the entry names: the session is the seed."""

    def write(path: Path) -> Path:
        if entry.system:
            from neurodata4ml.data.made_file import write_system

            return write_system(entry.system, path, seed=int(session))
        from neurodata4ml.data.demo.simulated_file import write_demo

        return write_demo(path, seed=int(session))

    return located(entry, session, entry.asset(session), write=write)


SOURCES: dict[str, Callable[[Entry, str], Remote]] = {
    "dandi": dandi.locate,
    "http": http,
    "zenodo": doi.zenodo,
    "osf": doi.osf,
    "local": local,
    "simulated": simulated,
}
"""From the ``archive`` of an entry to the function that locates its files."""

LISTS: dict[str, Callable[[Entry], Iterable[Asset]]] = {
    "dandi": dandi.assets,
    "zenodo": doi.zenodo_files,
    "osf": doi.osf_files,
}
"""From the ``archive`` of an entry to the function that lists its files, where the archive has such a list."""
