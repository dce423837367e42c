"""Where things lie on disk: the shipped catalog and the cache."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parents[1]
"""The repository's root where the package is installed editable; meaningless in a wheel."""


def catalog_folder() -> Path:
    """Return the folder of the shipped entries: inside the wheel, or in the checkout."""
    shipped = PACKAGE / "catalog"
    return shipped if shipped.is_dir() else CHECKOUT / "catalog"


def user_catalog_folder() -> Path | None:
    """Return the folder named by ``NEURODATA4ML_CATALOG``, which adds entries of one's own."""
    named = os.environ.get("NEURODATA4ML_CATALOG")
    return Path(named).expanduser().absolute() if named else None


def cache_folder() -> Path:
    """Return the cache: ``NEURODATA4ML_CACHE``, else ``cache/`` of the checkout, else the user's cache folder.

    Never the working folder: a student's files do not end up between the data. The folder is not created here.
    """
    named = os.environ.get("NEURODATA4ML_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    if (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "cache").is_dir():
        return CHECKOUT / "cache"
    from platformdirs import user_cache_path

    return user_cache_path("neurodata4ml", appauthor=False)


def shared_caches() -> tuple[Path, ...]:
    """Return the caches that others fill and we only read: the folders named by ``NEURODATA4ML_SHARED_CACHE``.

    Several are separated as in ``PATH``. A file that is in one of them is used from there, and nothing is written.
    """
    named = os.environ.get("NEURODATA4ML_SHARED_CACHE", "")
    return tuple(Path(folder).expanduser().absolute() for folder in named.split(os.pathsep) if folder)


def offline() -> bool:
    """Return whether ``NEURODATA4ML_OFFLINE`` forbids the network."""
    return os.environ.get("NEURODATA4ML_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def write_whole(path: Path, *parts: str | bytes | memoryview, synced: bool = True) -> Path:
    """Write a file whole or not at all: beside its place first, onto the disk, then moved there.

    What may be lost when the power goes needs not be ``synced``.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(draft, "wb", buffering=0) as file:
            for part in parts:
                left = memoryview(part.encode() if isinstance(part, str) else part)
                while len(left):  # a disk that is nearly full takes a part of it
                    left = left[file.write(left) or 0 :]
            if synced:
                os.fsync(file.fileno())
        move(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return path


def move(source: Path, target: Path) -> None:
    """``os.replace`` that is patient with Windows, where a virus scanner may hold a file."""
    for wait in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, None):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if wait is None or sys.platform != "win32":
                raise
            time.sleep(wait)
