"""Names from outside are hostile: one rule for what may become a file's name, or be told of an address."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath

from neurodata4ml.errors import CatalogError, DiskError

RESERVED = {
    *("con", "prn", "aux", "nul", "conin$", "conout$", "clock$"),
    *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"),
}
"""Names that Windows keeps for devices, whatever their suffix."""

LONGEST_NAME, LONGEST_PATH = 180, 600
"""Bytes in UTF-8. Systems allow 255 for a name; the rest is for what we hang on it (``.part``, a receipt)."""


def safe(relative: str, what: str) -> PurePosixPath:
    """Return ``relative`` as a path that stays where it is put, and can be made, on every system.

    Parameters
    ----------
    relative : str
        A path with forward slashes, as an archive or an entry states it.
    what : str
        Whose path it is, for the message.

    Raises
    ------
    CatalogError
        When it is absolute, leads up, or one of its names is refused by POSIX, by Windows, or by Unicode.
    """
    wrong = next((part for part in relative.split("/") if not is_portable(part)), None)
    if wrong is not None:
        message = (
            f"{what}: {wrong!r} (in {relative[:200]!r}) cannot be a file's name everywhere; use a relative path with "
            "forward slashes, like 'sub-1/sub-1_ses-2.nwb'."
        )
        raise CatalogError(message)
    if len(relative.encode()) > LONGEST_PATH:
        message = f"{what}: the path {relative[:80]!r}... is longer than {LONGEST_PATH} bytes; use a shorter one."
        raise CatalogError(message)
    return PurePosixPath(relative)


def is_portable(part: str) -> bool:
    """Return whether ``part`` can be a file's or folder's name everywhere, and leads nowhere else.

    Refused are names that Unicode takes for another one (NFKC): a full-width slash or dot is one for some systems.
    """
    if not part or part[-1] in ". " or unicodedata.normalize("NFKC", part) != part:
        return False
    if part.split(".")[0].rstrip(" ").casefold() in RESERVED or re.search(r'[<>:"\\|?*/]', part):
        return False
    if any(unicodedata.category(character) in _UNSEEN for character in part):
        return False
    return len(part.encode()) <= LONGEST_NAME


def key(relative: PurePosixPath) -> str:
    """Return what two names share that are one file where case does not count."""
    return unicodedata.normalize("NFKC", str(relative).casefold())


def refuse_links(root: Path, path: Path) -> None:
    """Raise where a folder on the way from ``root`` to ``path`` is a link that leads out of ``root``.

    Raises
    ------
    DiskError
        Before anything is written there.
    """
    home = root.resolve()
    folder = root
    for name in path.relative_to(root).parts[:-1]:
        folder = folder / name
        if folder.is_symlink() and not folder.resolve().is_relative_to(home):
            message = (
                f"{folder} is a link that leads out of the cache, to {folder.resolve()}; nothing is written there. "
                "Delete the link, or set NEURODATA4ML_CACHE to a folder on the other disk."
            )
            raise DiskError(message)


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Kinds of characters that nobody sees, or that mean nothing yet: control, direction, surrogates, line ends."""


def without_secrets(url: str) -> str:
    """Return an address without what may be a signature or a password; they belong in no message and no file."""
    return re.sub("^([^/]*//)[^/]*@", r"\1", url.partition("?")[0])
