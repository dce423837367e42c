"""Hash a file while it is written: a thread reads it from its first byte, behind the writer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurodata4ml.data.cache.digests import BLOCK, Digests

NAP = 0.01
"""Seconds to wait where the writer has written nothing new."""


class Follower:
    """The digests of a file that only grows, or starts anew.

    What counts is what can be read from the file, not what its writer believes to have written: bytes of an earlier
    try are read like all others, and at the end there must be nothing more to read.
    """

    def __init__(self, path: Path, *also: str) -> None:  # noqa: D107
        self._also = also
        self._digests = Digests(*also)
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        self._whole_pieces = threading.Lock()  # a piece is read and hashed before the file may shrink
        self._over = threading.Event()
        self._given_up = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def anew(self) -> Iterator[None]:
        """Let the writer shrink its file inside; what was hashed is forgotten and the file read from its start."""
        with self._whole_pieces:
            try:
                yield
            finally:
                self._digests = Digests(*self._also)
                self._file.seek(0)

    def finish(self) -> dict[str, Any]:
        """Return the digests of the whole file, to which nothing is written any more."""
        self._close()
        if self._error is not None:
            raise self._error
        return self._digests.found()

    def give_up(self) -> None:
        """End the thread wherever it is."""
        self._given_up = True
        self._close()

    def _close(self) -> None:
        self._over.set()
        self._thread.join()
        self._file.close()

    def _follow(self) -> None:
        try:
            while not self._given_up and self._piece():
                pass
        except Exception as error:  # raised again where somebody hears it
            self._error = error

    def _piece(self) -> bool:
        """Hash what is there; False where nothing is, and nothing will come."""
        over = self._over.is_set()  # asked before reading: what was written before that is then read
        with self._whole_pieces:
            block = self._file.read(BLOCK)
            if block:
                self._digests.update(block)
        if not block and not over:
            self._over.wait(NAP)
        return bool(block) or not over
