"""Ask for ranges of a file on a server, and accept them only while it is one and the same version of the file."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple, NoReturn

import requests

from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.data.remote.transport import FaultError
from neurodata4ml.errors import ArchiveError, ChecksumError

THREADS = 8
"""Requests at once, each over a connection that is kept."""

PIECE = 1 << 16
"""Bytes taken from a connection at once: no more are lost when it breaks."""


Span = tuple[int, int]


class Version(NamedTuple):
    """What tells the versions of a file apart: its length with its strong ETag or, where it has none, its date."""

    size: int
    etag: str
    date: str


class Versioned:
    """One file on a server. Several threads may ask, each over a connection of its own.

    Attributes
    ----------
    version : Version or None
        What the first answer stated; each later one must state the same.
    moved, requests : int
        Bytes received, and requests made.
    failure : Exception or None
        What went wrong first; from then on nothing is asked.
    """

    def __init__(self, urls: Sequence[str], *, what: str, size: int, etag: str, reach: Reach) -> None:
        """Remember what is published of a file; 0 and empty where nothing is. No socket is opened."""
        self.urls, self.what, self.reach = tuple(urls), what, reach
        self.published = Version(size, etag.strip('"'), "")
        self.version: Version | None = None
        self.moved = self.requests = 0
        self.failure: Exception | None = None
        self._direct = ""
        self._lock, self._local = threading.Lock(), threading.local()
        self._clients: list[requests.Session] = []
        self._tasks: queue.SimpleQueue[tuple[Future[bytes], Span] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def get(self, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` to ``stop``, or to the end of the file; continued where a connection broke.

        Raises
        ------
        ArchiveError
            When the server does not deliver, delivers whole files only, or the file changed.
        ChecksumError
            When it is another file than the published one.
        """
        got = bytearray()
        try:
            transport.persist(
                lambda number: self._attempt(number, start, stop, got),
                lambda: len(got),
                url=self.urls[0],
                what=self.what,
                n_urls=len(self.urls),
                tick=self._go_on,
                keeps=lambda: False,
            )
        except Exception as error:
            self.failure = self.failure or error
            raise
        return bytes(got)

    def several(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """Ask for several ranges (start, stop) at once; yield the bytes of each in their order."""
        waiting = [(Future[bytes](), span) for span in spans]
        if waiting and not self._threads:
            self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
            for thread in self._threads:
                thread.start()
        for task in waiting:
            self._tasks.put(task)
        try:
            for answer, _ in waiting:
                yield answer.result()
        finally:
            for answer, _ in waiting:
                answer.cancel()

    def close(self) -> None:
        """End all connections; whoever still waits for bytes gets an error."""
        for _ in self._threads:
            self._tasks.put(None)
        message = f"reading {self.what} was given up."
        self.failure = self.failure or ArchiveError(message)
        for client in self._clients:
            client.close()

    def _work(self) -> None:
        """Do the tasks; a process does not wait for this thread when it ends: a silent server may hold it."""
        while (task := self._tasks.get()) is not None:
            answer, span = task
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(self.get(*span))
                except BaseException as error:
                    answer.set_exception(error)

    def _attempt(self, number: int, start: int, stop: int, got: bytearray) -> None:
        self._go_on()
        here = start + len(got)
        headers = {"Range": f"bytes={here}-{stop - 1}", **self._condition()}
        url = self._direct or self.urls[number]
        try:
            with transport.connected(lambda: self._client().get(url, headers=headers, stream=True)) as answer:
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
            message = f"the server of {self.what} sends whole files only, so no parts of it can be had. {WHOLE}"
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

    def _refuse_other(self, seen: Version) -> None:
        """Raise unless a file is the published one, and its versions can be told apart."""
        for name, published, found in zip(("size", "ETag"), self.published, seen, strict=False):
            if published and found != published:
                message = (
                    f"the server states {name} {found or 'none'} for {self.what}; published is {published}. "
                    "It is not known to be the same file, and nothing was kept of it. "
                    "Fetch the whole file, whose digest tells: leave --what out."
                )
                raise ChecksumError(message)
        if not (seen.etag or seen.date):
            message = (
                f"the server of {self.what} states neither an ETag nor a date, so parts of two versions of the file "
                f"could not be told apart. {WHOLE}"
            )
            raise ArchiveError(message)

    def _refuse_change(self, how: str) -> NoReturn:
        message = (
            f"{self.what} changed on the server while it was read ({how}). Nothing was kept: run the same line again."
        )
        raise ArchiveError(message)

    def _receive(self, answer: requests.Response, got: bytearray, wanted: int) -> None:
        while left := wanted - len(got):
            piece = transport.connected(partial(answer.raw.read, min(PIECE, left)))
            if not piece:
                reason = f"the answer ended {left:,} bytes too early"
                raise FaultError(reason, transport.PATIENT)
            got += piece
            self._go_on()
            with self._lock:
                self.moved += len(piece)

    def _client(self) -> requests.Session:
        """Return the client of this thread: a connection serves one request at a time."""
        if not hasattr(self._local, "client"):
            self._local.client = transport.session(self.reach)
            with self._lock:
                self._clients.append(self._local.client)
        client: requests.Session = self._local.client
        return client


WHOLE = "Fetch the whole file: leave --what out."


def _strong(answer: requests.Response) -> str:
    etag = answer.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag.strip('"')
