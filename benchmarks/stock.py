"""What the archive holds: pseudo-random files, the same each time, and catalog entries that pin them."""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import tomli_w

from server import DANDISET, VERSION, Asset

MB = 1_000_000
PART_OF_ETAG = 64 << 20
"""Bytes of each part in DANDI's etag."""


def fill(folder: Path, sizes: dict[str, int]) -> dict[str, Asset]:
    """Write a file for every path in ``sizes`` (bytes) into ``folder``, and the list that the server reads."""
    (folder / "blobs").mkdir(parents=True)
    assets = {path: _write(folder / "blobs", path, size) for path, size in sizes.items()}
    lines = [asdict(asset) for asset in assets.values()]
    (folder / "assets.json").write_text(json.dumps(lines, indent=1), encoding="utf-8")
    return assets


def pin(catalog: Path, name: str, assets: Sequence[Asset]) -> None:
    """Write the entry ``name``, with a session for each of ``assets``, pinned as those of the shipped catalog are."""
    sessions = {
        f"{number:02}": {key: getattr(asset, key) for key in ("path", "size", "sha256", "asset_id", "etag")}
        for number, asset in enumerate(assets)
    }
    words = {"title": "pseudo-random bytes", "summary": "For the benchmark.", "license": "CC0-1.0", "citation": "none"}
    kind = {"species": "none", "modality": "none", "task": "none", "layout": {}, "default_session": "00"}
    where = {"archive": "dandi", "dandiset": DANDISET, "version": VERSION}
    entry = {"name": name, **words, **kind, **where, "sessions": sessions}
    (catalog / f"{name}.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")


def _write(blobs: Path, path: str, size: int) -> Asset:
    rng = random.Random(path)
    asset_id, blob = (str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(2))
    whole, parts, left = hashlib.sha256(), b"", size
    with open(blobs / blob, "wb") as file:
        while left:
            part = rng.randbytes(min(left, PART_OF_ETAG))
            file.write(part)
            whole.update(part)
            parts += hashlib.md5(part, usedforsecurity=False).digest()
            left -= len(part)
    etag = f"{hashlib.md5(parts, usedforsecurity=False).hexdigest()}-{len(parts) // 16}"
    return Asset(asset_id, blob, path, size, whole.hexdigest(), etag)
