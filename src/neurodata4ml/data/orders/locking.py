"""Write into the lock of the present work which bytes were fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from neurodata4ml.data.cache.receipts import receipt
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.errors import DiskError
from neurodata4ml.lock import Locked, place, read_lock, write_lock


def write_into_lock(entry: Entry, paths: dict[str, Path]) -> Path | None:
    """Write down the files of some sessions, as they were verified; return where the lock lies.

    Of an excerpt, the whole file that it was taken from is written down, where its digest is published; of a folder of
    pictures, each of them; of right tables of a damaged session, the digest of their values. Left out are files without
    a receipt: those on this machine. None where nothing is left.

    Raises
    ------
    DiskError
        When it cannot be written there.
    """
    files = [
        file for session, path in paths.items() for file in (*_files(entry, session, path), *_tables(entry, session))
    ]
    try:
        return write_lock(place(), files) if files else None
    except OSError as error:
        message = (
            f"the files are there, but {place()} cannot be written ({error.strerror}). Work in a folder that you may "
            "write to, name another place by NEURODATA4ML_LOCK, or go without: --no-lock"
        )
        raise DiskError(message) from error


def _files(entry: Entry, session: str, path: Path) -> Iterator[Locked]:
    if path.is_dir():
        for held in sorted(path.iterdir()):
            yield from _files(entry, f"{path.name}/{held.name}", held)
        return
    its = receipt(path)
    size, sha256 = (its.get(key) for key in (("whole", "source_sha256") if "what" in its else ("size", "sha256")))
    if size and sha256:
        known = {"asset_id": str(its.get("asset_id", "")), "url": str(its.get("url", ""))}
        version, its_path = str(its.get("version", entry.version)), str(its.get("path", ""))
        yield Locked(entry.name, session, version, its_path or entry.asset(session).path, size, sha256, **known)


def _tables(entry: Entry, session: str) -> list[Locked]:
    """Return the right tables that were fetched beside a damaged session; those in the lock stay as they are."""
    if entry.repair is None:
        return []
    from neurodata4ml.data import repair, repair_pins

    kept = repair.cached(entry, session)
    locked = read_lock(place())
    return [] if kept is None else [pin for pin in repair_pins.pins(entry, kept) if pin.key not in locked]
