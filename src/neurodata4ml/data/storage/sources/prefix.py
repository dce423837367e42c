"""A store on a server: many files below one address, each asked for whole, several at a time."""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import requests

from neurodata4ml.data.archives.remote import https
from neurodata4ml.data.remote import lanes, transport
from neurodata4ml.data.remote.addresses import PUBLIC, Reach, origin
from neurodata4ml.data.remote.client import length_of
from neurodata4ml.data.remote.transport import FaultError
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.store import LARGEST, parts_of, refuse_length
from neurodata4ml.errors import ArchiveError
from neurodata4ml.names import without_secrets

AHEAD = 24
"""Files that are asked for, or arrived and wait for whoever reads: all lanes, and the next ones in line."""

PIECE = 1 << 16
"""Bytes taken from a connection at once."""

ABSENT = (404, 410)

LASTING = 30.0
"""Seconds for which it is believed that the store is still there, before a file is said to be missing from it."""


class Anchor(NamedTuple):
    """The file by which a store is known to be there, and to be the same: its name, length, and ETag or date.

    ``opened`` is the server's time when it came; infinite where the server states none that tells.
    """

    name: str
    size: int
    tag: str
    opened: float


class Prefix:
    """Files below an address (see ``Store``).

    A file that the server does not have reads as missing only while the first file that was read of the store (its
    metadata) is there and unchanged: a store that was taken away is not one that is full of fill values. A file of
    a later date than the opening (``Last-Modified``) is refused: chunks of two versions are not mixed.

    Attributes
    ----------
    moved, requests : int
        Bytes received, and requests made.
    anchor : Anchor or None
        The first file that was read.
    """

    key = ""
    is_remote = True

    def __init__(self, url: str, *, reach: Reach = PUBLIC) -> None:
        """Remember where the store is; no socket is opened.

        Parameters
        ----------
        url : str
            ``https://``, ``s3://bucket/key``, or ``http://`` of a server that ``reach`` names.
        reach : Reach
            Where the server may lead.

        Raises
        ------
        ArchiveError
            When anybody on the way could change the bytes: those of a store have no published digest.
        """
        address = urlsplit(https(url))
        self.url, self.reach = https(url), reach
        self._base = f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}/"
        self._query = f"?{address.query}" if address.query else ""
        self.name = without_secrets(self.url)
        self.folder = unquote(address.path.rstrip("/").rpartition("/")[2])
        self.moved = self.requests = 0
        self.anchor: Anchor | None = None
        self._seen = -LASTING
        self._lock = threading.Lock()
        if origin(self.url) not in reach.named and address.scheme != "https":
            message = (
                f"{self.name} is not https: anybody on the way could change what it sends, and a store has no digest. "
                "Use its https:// address."
            )
            raise ArchiveError(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the address, and no bytes."""
        return _again, (self.url, self.reach, self.anchor)

    def read(self, name: str, at_most: int = LARGEST) -> bytes | None:
        """Return a file's bytes; None where there is none.

        Raises
        ------
        ArchiveError
            When the server does not deliver, or no longer has the store.
        """
        data = self._get(name, at_most)
        if data is None and self.anchor is not None:
            self._confirm(name)
        return data

    def read_many(self, names: Sequence[str], at_most: int = LARGEST) -> Iterator[tuple[int, bytes | None]]:
        """Yield (place in ``names``, bytes or None) of each file as it arrives, several at a time."""
        answers: queue.SimpleQueue[tuple[int, Future[bytes | None]]] = queue.SimpleQueue()
        left, pending = iter(enumerate(names)), set[Future[bytes | None]]()

        def ask(n_files: int) -> None:
            for place, name in itertools.islice(left, n_files):
                future = lanes.ask(self.url, self.read, name, at_most)
                pending.add(future)
                future.add_done_callback(lambda future, place=place: answers.put((place, future)))  # type: ignore[misc]

        try:
            ask(AHEAD)
            while pending:
                place, future = answers.get()
                pending.discard(future)
                yield place, future.result()
                ask(1)
        finally:
            for future in pending:
                future.cancel()

    def folders(self, name: str) -> None:
        """Return None: servers do not list what they have."""

    def cost(self, names: Sequence[str], at_most: int) -> Cost:
        """Return what ``read_many`` would move if each file had ``at_most`` bytes."""
        return Cost(len(names) * at_most, len(names))

    def close(self) -> None:
        """Leave the connections to the other files of this process; they were never this one's own."""

    def _get(self, name: str, at_most: int) -> bytes | None:
        url = self._base + quote("/".join(parts_of(name, self.name))) + self._query
        return transport.persist(
            lambda _: self._attempt(url, name, at_most),
            lambda: 0,
            url=url,
            what=f"{name} of {self.folder}",
            keeps=lambda: False,
        )

    def _attempt(self, url: str, name: str, at_most: int) -> bytes | None:
        """Ask once for a file; what a broken try brought is thrown away."""
        client = lanes.client(self.reach)
        with transport.connected(lambda: client.get(url, stream=True)) as answer:
            with self._lock:
                self.requests += 1
            if answer.status_code in ABSENT:
                transport.connected(partial(answer.raw.read, PIECE))  # so that the connection serves again
                return None
            self._check(answer, name, at_most)
            return self._received(answer, name, at_most)

    def _check(self, answer: requests.Response, name: str, at_most: int) -> None:
        """Accept the header of an answer, or raise."""
        transport.refuse_trouble(answer)
        transport.refuse_page(answer)
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding != "identity" or answer.status_code != 200:
            reason = f"it sent a part of the file, or packed ({encoding}, status {answer.status_code})"
            raise FaultError(reason, transport.BRIEF)
        refuse_length(name, length_of(answer) or 0, at_most, self.name)
        if self.anchor is not None and _time(answer, "Last-Modified") > self.anchor.opened:
            message = (
                f"{name} of {self.name} changed while it was read: it is of {answer.headers['Last-Modified']}, later "
                "than when the store was opened. Open it again."
            )
            raise ArchiveError(message)

    def _received(self, answer: requests.Response, name: str, at_most: int) -> bytes:
        data, size = bytearray(), length_of(answer)
        while piece := transport.connected(partial(answer.raw.read, PIECE)):
            data += piece
            refuse_length(name, len(data), at_most, self.name)
            with self._lock:
                self.moved += len(piece)
        if size is not None and len(data) != size:
            reason = f"the answer ended {size - len(data):,} bytes too early"
            raise FaultError(reason, transport.PATIENT)
        if self.anchor is None:
            self.anchor, self._seen = Anchor(name, len(data), _tag(answer), _opened(answer)), time.monotonic()
        return bytes(data)

    def _confirm(self, missing: str) -> None:
        """Raise unless the store is still there, and the same."""
        anchor = self.anchor
        with self._lock:
            if anchor is None or time.monotonic() - self._seen < LASTING:
                return
        url = self._base + quote(anchor.name) + self._query
        with transport.session(self.reach, patient=f"{anchor.name} of {self.folder}") as client:
            answer = client.head(url, allow_redirects=True)
        with self._lock:
            self.requests += 1
        size = length_of(answer)
        if answer.status_code != 200 or _tag(answer) != anchor.tag or size not in (None, anchor.size):
            message = (
                f"{self.name} changed on the server, or was taken away, while it was read: {missing} is missing, and "
                f"{anchor.name} is not what it was. Open it again."
            )
            raise ArchiveError(message)
        self._seen = time.monotonic()


def _again(url: str, reach: Reach, anchor: Anchor | None) -> Prefix:
    store = Prefix(url, reach=reach)
    store.anchor = anchor
    return store


def _tag(answer: requests.Response) -> str:
    return answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")


def _opened(answer: requests.Response) -> float:
    """Return the time of an answer on its server; infinity where its files are always of the time of the answer."""
    now = _time(answer, "Date")
    return now if _time(answer, "Last-Modified") < now else math.inf


def _time(answer: requests.Response, header: str) -> float:
    """Return seconds since 1970 that a header states; the beginning of all time where it states none."""
    try:
        return parsedate_to_datetime(answer.headers.get(header, "")).timestamp()
    except (ValueError, OverflowError):
        return -math.inf
