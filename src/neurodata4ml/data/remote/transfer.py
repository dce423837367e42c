"""Move the bytes of one resource into a file, resumed where it stopped, every range checked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import requests

from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import PUBLIC, Reach
from neurodata4ml.data.remote.client import length_of
from neurodata4ml.data.remote.transport import FaultError
from neurodata4ml.errors import ChecksumError

CHUNK = 1 << 20

MISTAKES = 2
"""Wrong answers to requests for a range after which the server is asked for the whole file instead."""


@dataclass(frozen=True)
class Before:
    """What is known of the bytes that a file already holds, and who wants to know more of it.

    Attributes
    ----------
    etag : str
        Their strong ETag; empty when not known.
    remember : callable, optional
        Called with the strong ETag as soon as the server states it, empty where it states none.
    join : callable, optional
        Called before bytes are continued that only a digest can prove to be of the same file; without it none are.
    """

    etag: str = ""
    remember: Callable[[str], None] | None = None
    join: Callable[[], None] | None = None


NOTHING = Before()


def download(
    urls: Sequence[str],
    file: BinaryIO,
    *,
    what: str,
    size: int = 0,
    before: Before = NOTHING,
    reach: Reach = PUBLIC,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Append to ``file`` what it lacks of the resource at ``urls``, however often the connection breaks.

    Each try continues where the last one ended, where a strong ETag of the bytes that are there is known: it goes along
    as ``If-Range``, and the answer must state it again. Where none is known the range is asked for alone, and only with
    ``before.join``: the caller holds a digest against the whole file. Either way it must be the right range of a file
    of the right length. In any other case (no ETag and no digest, another ETag, a server that knows no ranges) the file
    is emptied and starts anew. Tries are counted only while no new byte arrives, and go round the ``urls`` in turn,
    each asked anew, so that an expired redirect is replaced. Bytes are not verified here. Several threads may download,
    each into its own file.

    Parameters
    ----------
    urls : sequence of str
        Addresses of the same bytes, best first.
    file : binary file, readable and writable
    what : str
        Dataset and session, for messages.
    size : int
        Bytes expected; 0 when not known.
    before : Before
        What is known of the bytes that ``file`` already holds.
    reach : Reach
        Where answers may lead.
    progress : callable, optional
        Called with (bytes there, bytes in all; 0 when not known) for each piece, and several times a second while
        waiting for the next try. Whatever it raises ends the download; what arrived stays in ``file``.

    Raises
    ------
    ArchiveError
        When the server did not deliver; what arrived stays in ``file``, and the message says so where it can be
        continued.
    ChecksumError
        When the server offers another number of bytes than ``size``.
    NotCachedError
        In offline mode.
    """
    with transport.session(reach) as client:
        transfer = _Transfer(client, file, what, size, before, before.etag.strip('"'), progress)
        transport.persist(
            lambda n: transfer.attempt(urls[n]),
            transfer.position,
            url=urls[0],
            what=what,
            n_urls=len(urls),
            tick=transfer.tick,
            keeps=transfer.can_continue,
        )


@dataclass
class _Transfer:
    client: requests.Session
    file: BinaryIO
    what: str
    size: int
    before: Before
    etag: str
    progress: Callable[[int, int], None] | None
    total: int = 0
    """Bytes that the server says the file has; 0 where it does not."""
    mistakes: int = 0

    def position(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def tick(self) -> None:
        if self.progress is not None:
            self.progress(self.position(), self.size or self.total)

    def can_continue(self) -> bool:
        return bool(self.etag or self.before.join)

    def attempt(self, url: str) -> None:
        start = self.position()
        if self.size and start == self.size:
            return
        if not self.can_continue() or self.mistakes >= MISTAKES or (self.size and start > self.size):
            start = self.restart()
        condition = {"If-Range": f'"{self.etag}"'} if self.etag else {}
        headers = {"Range": f"bytes={start}-", **condition} if start else {}
        with transport.connected(lambda: self.client.get(url, headers=headers, stream=True)) as answer:
            end = self.check(answer, start)
            self.receive(answer, end)
        whole = self.size or self.total
        if self.position() < whole:
            reason = f"the answer ended after {self.position():,} of {whole:,} bytes"
            raise FaultError(reason, transport.PATIENT)

    def check(self, answer: requests.Response, start: int) -> int:
        """Accept the answer's header, or raise; returns where its bytes end, 0 where it does not say so.

        Empties the file where the answer holds all bytes from the start.
        """
        if answer.status_code == 416:  # our part is longer than what the server has
            self.restart()
        transport.refuse_trouble(answer)
        transport.refuse_page(answer)
        _refuse_packed(answer)
        stated = answer.headers.get("ETag", "")
        etag = "" if stated.startswith("W/") else stated.strip('"')
        if answer.status_code == 206:
            return self.check_range(answer, start, etag)
        length = length_of(answer)
        end = length or 0
        self.check_size(end, start)
        self.restart()
        is_chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
        is_framed = self.size or length is not None or is_chunked
        self.total, self.etag = end, etag if is_framed else ""  # whose end nobody can see is not known by its ETag
        if self.before.remember is not None:
            self.before.remember(self.etag)
        return end

    def check_range(self, answer: requests.Response, start: int, etag: str) -> int:
        if self.etag and etag != self.etag:
            self.restart()
            reason = f"the file changed while it was downloaded (its ETag was {self.etag}, now it is {etag or 'none'})"
            raise FaultError(reason, transport.BRIEF)
        stated, length = (answer.headers.get(name, "") for name in ("Content-Range", "Content-Length"))
        match = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", stated)
        first, last, total = (int(part) if part != "*" else 0 for part in match.groups()) if match else (-1, -1, 0)
        known = self.size or self.total
        is_whole = length in ("", str(last - first + 1)) and total in (0, known or total)
        if not (start and first == start <= last and is_whole):
            self.mistakes += 1
            got = f"{length} bytes as {stated[:80] or 'a range without saying which'}"
            reason = f"asked for the bytes from {start:,} to the end, the server sent {got}"
            raise FaultError(reason, transport.BRIEF)
        self.total = total or self.total
        if self.before.join is not None and not self.etag:
            self.before.join()
        return last + 1

    def check_size(self, stated: int, start: int) -> None:
        """Refuse a whole file of another size; what arrived before is not lost for it: a proxy may say anything."""
        if self.size and stated and stated != self.size:
            if start:
                reason = f"it offers {stated:,} bytes now, in place of the {self.size:,} that are published"
                raise FaultError(reason, transport.BRIEF)
            message = (
                f"the server offers {stated:,} bytes for {self.what}; published are {self.size:,}. "
                "It is another file; nothing was kept of it."
            )
            raise ChecksumError(message)

    def receive(self, answer: requests.Response, end: int) -> None:
        have = self.position()
        limit = end or self.size
        whole = self.size or self.total
        # read1 hands out what has arrived; a larger read would lose up to its size whenever the connection breaks
        while piece := transport.connected(lambda: answer.raw.read1(CHUNK)):
            have += self.file.write(piece)
            if limit and have > limit:
                message = f"the server sent more than the {limit:,} bytes that {self.what} has, or has up to there."
                raise ChecksumError(message)
            if self.progress is not None:
                self.progress(have, whole)

    def restart(self) -> int:
        if self.position():
            self.file.seek(0)
            self.file.truncate()
        return 0


def _refuse_packed(answer: requests.Response) -> None:
    """Refuse compressed bodies: we did not ask for one, and its bytes are not those of the file."""
    encoding = answer.headers.get("Content-Encoding", "")
    if encoding.lower() not in ("", "identity"):
        reason = f"it sent the file packed (Content-Encoding: {encoding}), which was not asked for"
        raise FaultError(reason, transport.BRIEF)
