"""A dataset of one file at a plain address of the loopback archive, pinned, so that nobody needs to be asked for it."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from archive import Archive
from conftest import ROOT
from neurodata4ml import describe
from neurodata4ml.data.cache import store

NAME = "plain"


def pin(archive: Archive, catalog: Path, content: bytes, sessions: dict[str, Any] | None = None, **its: Any) -> Path:
    """Have the archive hold ``content``, and write the entry ``plain`` that pins it; return where it will lie.

    ``its`` replaces what is pinned; ``sessions`` pins members of it, or further files.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    stored = archive.put(f"bucket/{sha256[:8]}", content)
    facts = {"url": archive.url(stored), "size": len(content), "sha256": sha256}
    asset = {"path": "sub-1/a.nwb", **facts, **its}
    entry = tomllib.loads((ROOT / "catalog" / "guo-alm.toml").read_text(encoding="utf-8"))
    kept = ("title", "summary", "license", "citation", "species", "modality", "task", "layout")
    entry = {key: entry[key] for key in kept}
    pinned = {session: {**asset, **more} for session, more in (sessions or {"1": {}}).items()}
    entry |= {
        "name": NAME,
        "archive": "http",
        "version": "1",
        "default_session": next(iter(pinned)),
        "sessions": pinned,
    }
    catalog.mkdir(exist_ok=True)
    (catalog / f"{NAME}.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")
    return store.place(describe(NAME))
