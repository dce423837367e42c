"""Entries of one's own for tests: ``mine`` with one file, ``several`` with some small files on the loopback archive."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from archive import Archive, Stored
from conftest import ROOT
from neurodata4ml import describe
from neurodata4ml.data.entries.records import Entry

NAME = "several"
WHERE = ("000009", "0.220126.1903")


def several(archive: Archive, catalog: Path, n: int = 5, size: int = 20_000, **changed: Any) -> dict[str, Stored]:
    """Store ``n`` files, each of other bytes, and write the entry that pins them; return them by session.

    ``changed`` goes into the entry; ``pin=False`` leaves the digests out.
    """
    stored = {}
    pinned = changed.pop("pin", True)
    for k in range(n):
        session = f"s{k}"
        path = f"sub-{k}/sub-{k}_ses-{session}.nwb"
        stored[session] = archive.add(*WHERE, path, bytes([k + 1]) * (size + k))
    sessions = {
        session: {"path": its.path}
        | ({"size": len(its.content), "sha256": its.sha256, "asset_id": its.asset_id} if pinned else {})
        for session, its in stored.items()
    }
    entry = tomllib.loads((ROOT / "catalog" / "guo-alm.toml").read_text(encoding="utf-8"))
    entry |= {"name": NAME, "dandiset": WHERE[0], "version": WHERE[1], "default_session": "s0", "sessions": sessions}
    catalog.mkdir(exist_ok=True)
    (catalog / f"{NAME}.toml").write_text(tomli_w.dumps({**entry, **changed}), encoding="utf-8")
    return stored


def own_entry(folder: Path, archive: str, asset: str, more: str = "") -> Entry:
    """Write an entry ``mine`` of this archive with one session, ``more`` on top."""
    text = (ROOT / "catalog" / "demo.toml").read_text(encoding="utf-8")
    text = text.replace('name = "demo"', f'name = "mine"\n{more}')
    text = text.replace('archive = "simulated"', f'archive = "{archive}"')
    before, rest = text.split("[sessions.0]")
    (folder / "mine.toml").write_text(f"{before}[sessions.0]\n{asset}\n\n[layout]{rest.split('[layout]')[1]}")
    return describe("mine")
