"""Digest and size of what a report was made from: of a file, or of a folder that is a Zarr store."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of the names and digests of all files in it, in order of names.

    Parameters
    ----------
    path : Path
        Of a file, or of a folder.

    Raises
    ------
    OSError
        When there is neither.
    """
    if path.is_dir():
        names = {file.relative_to(path).as_posix(): file for file in _inside(path)}
        lines = [f"{sha256_of(file)}  {name}\n" for name, file in sorted(names.items())]
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in _inside(path)) if path.is_dir() else path.stat().st_size


def changed_at(path: Path) -> int:
    """Return when a file, or the last of those in a folder, was changed (ns)."""
    return max(file.stat().st_mtime_ns for file in [path, *_inside(path)])


def _inside(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
