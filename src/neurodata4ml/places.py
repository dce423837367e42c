"""Where things lie on disk: the shipped catalog and the cache."""

from __future__ import annotations

import os
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


def write_whole(path: Path, text: str) -> Path:
    """Write a text file whole or not at all: beside its place first, onto the disk, then moved there."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
