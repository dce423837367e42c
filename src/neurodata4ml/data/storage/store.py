"""Many files under one prefix, read several at a time: what the readers of Zarr ask of a folder or a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from neurodata4ml.data.storage.source import Cost
from neurodata4ml.errors import LayoutError

LARGEST = 1 << 31
"""Bytes of one file that are read at most: compressors make no longer chunks, and a longer file is no chunk."""


class Store(Protocol):
    """Files under one prefix, open for reading by many threads at once. It is pickled by reference.

    Names are relative, with forward slashes. Whatever leads out of the prefix raises a LayoutError.

    Attributes
    ----------
    name : str
        For messages.
    folder : str
        The last part of the prefix: what other files may call this store.
    key : str
        "": nothing of a store is kept on disk, since its files may change one by one.
    is_remote : bool
        Whether a read costs a round trip.
    """

    name: str
    folder: str
    key: str
    is_remote: bool

    def read(self, name: str, at_most: int = LARGEST) -> bytes | None:
        """Return a file's bytes; None where there is none, LayoutError where it has more than ``at_most``."""
        ...

    def read_many(self, names: Sequence[str], at_most: int = LARGEST) -> Iterator[tuple[int, bytes | None]]:
        """Yield (place in ``names``, bytes or None) of each file as it arrives, several at a time."""
        ...

    def folders(self, name: str) -> list[str] | None:
        """Return the names of the folders in a folder ("": the first); None where nobody lists them."""
        ...

    def cost(self, names: Sequence[str], at_most: int) -> Cost:
        """Return what ``read_many`` would move if each file had ``at_most`` bytes: nobody lists their sizes."""
        ...

    def close(self) -> None:
        """Let go of connections; a later read opens them again."""
        ...


def parts_of(name: str, store: str) -> list[str]:
    """Return the parts of a name.

    Raises
    ------
    LayoutError
        When it is none below the prefix.
    """
    parts = name.split("/")
    is_text = name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)
    if not is_text or any(part in ("", ".", "..") or "\0" in part for part in parts):
        message = f"{store} names the file {name!r}, which may lie outside of it. Nothing was read; get the store anew."
        raise LayoutError(message)
    return parts


def refuse_length(name: str, n_bytes: int, at_most: int, store: str) -> None:
    """Raise a LayoutError for a file that is longer than what is due."""
    if n_bytes > at_most:
        message = f"{name} in {store} has {n_bytes:,} bytes where at most {at_most:,} are due. Get the store anew."
        raise LayoutError(message)
