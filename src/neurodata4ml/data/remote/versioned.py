"""Ask for ranges of a file on a server, and accept them only while it is one and the same version of the file."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, NoReturn

import requests

from neurodata4ml.data.remote import lanes, transport
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.data.remote.transport import FaultError
from neurodata4ml.errors import ArchiveError, ChecksumError

PIECE = 1 << 16
"""Bytes taken from a connection at once: no more are lost when it breaks."""

Span = tuple[int, int]


class Version(NamedTuple):
    """What tells the versions of a file apart: its length with its strong ETag or, where it has none, its date."""

    size: int
    etag: str
    date: str


class Advice(NamedTuple):
    """What to do, in messages: where no parts of a file can be had, where it is another one, where it changed."""

    whole: str
    other: str
    changed: str


FETCHING = Advice(
    whole="Fetch the whole file: leave --what out.",
    other="Nothing was kept of it. Fetch the whole file, whose digest tells: leave --what out.",
    changed="Nothing was kept: run the same line again.",
)
"""For whoever fetches parts of a file."""


class ChangedError(ArchiveError):
    """A file on a server is no longer the version that was read before."""


@dataclass
class _Arriving:
    """Bytes that arrive in a buffer, and how many there are."""

    buffer: memoryview
    n: int = 0


class Versioned:
    """One file on a server. Several threads may ask, each over a connection of its own.

    Attributes
    ----------
    version : Version or None
        What is known, or what the first answer stated; each later one must state the same.
    is_confirmed : bool
        Whether an answer stated it.
    moved, requests : int
        Bytes received, and requests made.
    failure : Exception or None
        What went wrong first; from then on nothing is asked.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        what: str,
        size: int,
        etag: str,
        reach: Reach,
        known: Version | None = None,
        advice: Advice = FETCHING,
    ) -> None:
        """Remember what is published of a file; 0 and empty where nothing is. No socket is opened.

        ``known`` is the version that was read before; where the server no longer has it, nothing is read.
        """
        self.urls, self.what, self.reach, self.advice = tuple(urls), what, reach, advice
        self.published = Version(size, etag.strip('"'), "")
        self.version, self.is_confirmed = known, False
        self.moved = self.requests = 0
        self.failure: Exception | None = None
        self._direct = ""
        self._lock = threading.Lock()

    def get(self, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` to ``stop``, or to the end of the file; continued where a connection broke.

        Raises
        ------
        ArchiveError
            When the server does not deliver, delivers whole files only, or the file changed.
        ChecksumError
            When it is another file than the published one.
        """
        buffer = memoryview(bytearray(stop - start))
        return bytes(buffer[: self.fill(start, buffer)])

    def fill(self, start: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with the bytes from ``start`` on; return how many there were before the end of the file."""
        got = _Arriving(buffer)
        try:
            transport.persist(
                lambda number: self._attempt(number, start, got),
                lambda: got.n,
                url=self.urls[0],
                what=self.what,
                n_urls=len(self.urls),
                tick=self._go_on,
                keeps=lambda: False,
            )
        except Exception as error:
            self.failure = self.failure or error
            raise
        return got.n

    def last(self, n_bytes: int) -> tuple[int, bytes]:
        """Return where the last bytes of a file begin, and these: they are asked for without knowing how long it is.

        It is asked once. Not every server understands the question; then there are none.
        """
        client = lanes.client(self.reach)
        headers = {"Range": f"bytes=-{n_bytes}"}
        with transport.connected(lambda: client.get(self.urls[0], headers=headers, stream=True)) as answer:
            stated = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range", ""))
            with self._lock:
                self.requests += 1
                if answer.status_code != 206 or stated is None or int(stated[3]) > int(stated[1]) + n_bytes:
                    return 0, b""
                start, stop = int(stated[1]), int(stated[3])
                self._check(answer, start, stop)
            got = _Arriving(memoryview(bytearray(stop - start)))
            self._receive(answer, got, stop - start)
            return start, bytes(got.buffer)

    def several(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """Ask for several ranges (start, stop) at once; yield the bytes of each in their order."""
        waiting = [lanes.ask(self.urls[0], self.get, *span) for span in spans]
        try:
            for answer in waiting:
                yield answer.result()
        finally:
            for answer in waiting:
                answer.cancel()

    def close(self) -> None:
        """Ask for nothing more; whoever still waits for bytes gets an error."""
        message = f"reading {self.what} was given up."
        self.failure = self.failure or ArchiveError(message)

    def _attempt(self, number: int, start: int, got: _Arriving) -> None:
        self._go_on()
        here, stop = start + got.n, start + len(got.buffer)
        headers = {"Range": f"bytes={here}-{stop - 1}", **self._condition()}
        url = self._direct or self.urls[number]
        client = lanes.client(self.reach)
        try:
            with transport.connected(lambda: client.get(url, headers=headers, stream=True)) as answer:
                with self._lock:
                    self.requests += 1
                    total = self._check(answer, here, stop)
                self._receive(answer, got, min(stop, total) - start)
            self._direct = answer.url if answer.history else self._direct
        except FaultError:
            self._direct = ""  # an address that was given to us may have expired
            raise

    def _go_on(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _condition(self) -> dict[str, str]:
        if self.version is None:
            return {}
        etag, date = self.version.etag, self.version.date
        return {"If-Match": f'"{etag}"'} if etag else {"If-Unmodified-Since": date}

    def _check(self, answer: requests.Response, here: int, stop: int) -> int:
        """Accept the header of an answer, or raise; returns the length of the file."""
        if answer.status_code == 412:
            self._refuse_change("the server no longer has that version")
        transport.refuse_trouble(answer)
        transport.refuse_page(answer)
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            reason = f"it sent the bytes of the file packed ({encoding})"
            raise FaultError(reason, transport.BRIEF)
        if answer.status_code != 206:
            message = (
                f"the server of {self.what} sends whole files only, so no parts of it can be had. {self.advice.whole}"
            )
            raise ArchiveError(message)
        stated = answer.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", stated)
        if not match or int(match[1]) != here or int(match[2]) >= min(stop, int(match[3])):
            reason = f"asked for the bytes {here:,} to {stop - 1:,}, the server sent {stated or 'a range of its own'}"
            raise FaultError(reason, transport.BRIEF)
        self._compare(Version(int(match[3]), _strong(answer), answer.headers.get("Last-Modified", "")))
        return int(match[3])

    def _compare(self, seen: Version) -> None:
        """Take the first version that is seen for the one to read, and raise where a later answer states another."""
        known = self.version
        if known is None:
            self._refuse_other(seen)
            self.version = seen
        elif seen.size != known.size:
            self._refuse_change(f"it had {known.size:,} bytes and has {seen.size:,}")
        elif seen.etag != known.etag:
            self._refuse_change(f"its ETag was {known.etag or 'none'} and is {seen.etag or 'none'}")
        elif not known.etag and seen.date != known.date:
            self._refuse_change(f"it was of {known.date} and is of {seen.date or 'no date'}")
        self.is_confirmed = True

    def _refuse_other(self, seen: Version) -> None:
        """Raise unless a file is the published one, and its versions can be told apart."""
        for name, published, found in zip(("size", "ETag"), self.published, seen, strict=False):
            if published and found != published:
                message = (
                    f"the server states {name} {found or 'none'} for {self.what}; published is {published}. "
                    f"It is not known to be the same file. {self.advice.other}"
                )
                raise ChecksumError(message)
        if not (seen.etag or seen.date):
            message = (
                f"the server of {self.what} states neither an ETag nor a date, so parts of two versions of the file "
                f"could not be told apart. {self.advice.whole}"
            )
            raise ArchiveError(message)

    def _refuse_change(self, how: str) -> NoReturn:
        message = f"{self.what} changed on the server while it was read ({how}). {self.advice.changed}"
        raise ChangedError(message)

    def _receive(self, answer: requests.Response, got: _Arriving, wanted: int) -> None:
        while left := wanted - got.n:
            piece = got.buffer[got.n : got.n + min(PIECE, left)]
            n = transport.connected(partial(answer.raw.readinto, piece))
            if not n:
                reason = f"the answer ended {left:,} bytes too early"
                raise FaultError(reason, transport.PATIENT)
            got.n += n
            self._go_on()
            with self._lock:
                self.moved += n


def _strong(answer: requests.Response) -> str:
    etag = answer.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag.strip('"')
