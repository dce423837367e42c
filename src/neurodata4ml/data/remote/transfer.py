"""Move the bytes of one resource into a file, resumed where it stopped, every range checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import requests

from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.transport import FaultError
from neurodata4ml.errors import ChecksumError

CHUNK = 1 << 20


def download(
    urls: Sequence[str],
    file: BinaryIO,
    *,
    what: str,
    size: int = 0,
    etag: str = "",
    remember: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Append to ``file`` what it lacks of the resource at ``urls``, however often the connection breaks.

    Each try continues where the last one ended, with ``Range`` and ``If-Range``; where the resource changed, or the
    server ignores the range, the file is emptied and starts anew. Tries are counted only while no new byte arrives, and
    go round the ``urls`` in turn, so that an expired redirect is asked for again. Bytes are not verified here.

    Parameters
    ----------
    urls : sequence of str
        Addresses of the same bytes, best first.
    file : binary file, readable and writable
    what : str
        Dataset and session, for messages.
    size : int
        Bytes expected; 0 when not known.
    etag : str
        ETag of what ``file`` already holds; empty when not known.
    remember : callable, optional
        Called with the ETag as soon as the server states it.
    progress : callable, optional
        Called with (bytes there, bytes in all).

    Raises
    ------
    ArchiveError
        When the server did not deliver; what arrived stays in ``file``.
    ChecksumError
        When the server offers another number of bytes than ``size``.
    NotCachedError
        In offline mode.
    """
    with transport.session() as client:
        transfer = _Transfer(client, file, what, size, etag.strip('"'), remember, progress)
        transport.persist(
            lambda n: transfer.attempt(urls[n % len(urls)]),
            transfer.position,
            url=urls[0],
            what=what,
            n_urls=len(urls),
        )


@dataclass
class _Transfer:
    client: requests.Session
    file: BinaryIO
    what: str
    size: int
    etag: str
    remember: Callable[[str], None] | None
    progress: Callable[[int, int], None] | None

    def position(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def attempt(self, url: str) -> None:
        start = self.position()
        if self.size and start >= self.size:
            if start == self.size:
                return
            start = self.restart()
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and self.etag:
            headers["If-Range"] = f'"{self.etag}"'
        with transport.connected(lambda: self.client.get(url, headers=headers, stream=True)) as answer:
            self.check(answer, start)
            self.receive(answer)
        if self.size and self.position() < self.size:
            reason = f"the answer ended after {self.position():,} of {self.size:,} bytes"
            raise FaultError(reason, transport.PATIENT)

    def check(self, answer: requests.Response, start: int) -> None:
        """Accept the answer's header, or raise; empties the file where the answer holds all bytes from the start."""
        if answer.status_code == 416:  # our part is longer than what the server has
            self.restart()
        transport.refuse_trouble(answer)
        _refuse_pages(answer)
        etag = answer.headers.get("ETag", "")
        etag = "" if etag.startswith("W/") else etag.strip('"')
        if answer.status_code == 206:
            self.check_range(answer, start, etag)
        else:
            self.restart()
            self.check_size(answer.headers.get("Content-Length", ""))
        self.etag = etag
        if self.remember is not None:
            self.remember(etag)

    def check_range(self, answer: requests.Response, start: int, etag: str) -> None:
        stated = answer.headers.get("Content-Range", "")
        first, _, rest = stated.removeprefix("bytes ").partition("-")
        if not start or first != str(start):
            reason = f"asked for the bytes from {start:,}, the server sent {stated or 'a range without saying which'}"
            raise FaultError(reason, transport.BRIEF)
        if self.etag and etag and etag != self.etag:
            self.restart()
            reason = "the file changed on the server while it was downloaded"
            raise FaultError(reason, transport.BRIEF)
        self.check_size(rest.partition("/")[2])

    def check_size(self, stated: str) -> None:
        if self.size and stated.isdigit() and int(stated) != self.size:
            message = (
                f"the server offers {int(stated):,} bytes for {self.what}; published are {self.size:,}. "
                "It is another file; nothing was kept of it."
            )
            raise ChecksumError(message)

    def receive(self, answer: requests.Response) -> None:
        have = self.position()
        total = self.size or have + int(answer.headers.get("Content-Length", 0))
        # read1 hands out what has arrived; a larger read would lose up to its size whenever the connection breaks
        while piece := transport.connected(lambda: answer.raw.read1(CHUNK)):
            have += self.file.write(piece)
            if self.size and have > self.size:
                message = f"the server sent more than the {self.size:,} bytes published for {self.what}."
                raise ChecksumError(message)
            if self.progress is not None:
                self.progress(have, total)

    def restart(self) -> int:
        self.file.seek(0)
        self.file.truncate()
        return 0


def _refuse_pages(answer: requests.Response) -> None:
    """Refuse web pages and compressed bodies: a login or error page must not be saved as data."""
    kind = answer.headers.get("Content-Type", "")
    encoding = answer.headers.get("Content-Encoding", "identity")
    if "html" in kind.lower() or encoding != "identity":
        reason = f"it sent {kind or 'data'} ({encoding}) in place of the file; a login or error page?"
        raise FaultError(reason, transport.BRIEF)
