"""A file on a server, read by ranges of its bytes through the block cache."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.remote import lanes
from neurodata4ml.data.remote.versioned import ChangedError, Version, Versioned
from neurodata4ml.data.storage.source import Cost, Span
from neurodata4ml.data.storage.sources import identity
from neurodata4ml.data.storage.sources.blocks import blocks_of
from neurodata4ml.data.storage.sources.gather import Gathering
from neurodata4ml.data.storage.sources.served import name_of, portable, refuse_clear, to_server, typed
from neurodata4ml.errors import ArchiveError, LayoutError, NotCachedError
from neurodata4ml.places import offline

HEAD = 1 << 16
"""Bytes that the first request brings, with the answer what the file is."""

TAIL = (3 << 17) + (1 << 12)
"""Bytes at the end of the file that a second request brings, at the same time: what was written last lies there."""


class RemoteSource:
    """A file on a server. It is pickled by its addresses, and stays the version of it that was opened.

    Attributes
    ----------
    name : str
    remote : Remote
        Where it is, and what is published of it.
    version : Version
        Size, ETag, and date of what is read.
    now : object
        What it has in this process: connections, blocks, an answer that is waited for.
    """

    is_remote = True

    def __init__(self, remote: Remote, version: Version) -> None:
        """Take a file for the version that it is known to be; no socket is opened. See :func:`open_remote`."""
        self.remote, self.version, self.name = remote, version, name_of(remote)
        self.size = version.size
        self.key = identity.key(remote.urls[0], remote.sha256, version)
        self.now = _Now(self)

    def read(self, start: int, stop: int) -> memoryview:
        """Return the bytes from ``start`` to ``stop``; a LayoutError where the file ends before."""
        return next(self.read_many([(start, stop)]))[1]

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, memoryview]]:
        """Yield (place in ``spans``, bytes) of each span as it arrives: merged, split, several at a time.

        Raises
        ------
        LayoutError
            When the file ends before.
        ArchiveError
            When the server does not deliver, or the file changed.
        NotCachedError
            In offline mode, when not all of it is in the block cache.
        """
        return self._gathering(spans).run()

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        """Fill each buffer with the bytes from its offset on, several at a time."""
        flat = [buffer.cast("B") for _, buffer in pieces]
        spans = [(start, start + len(buffer)) for (start, _), buffer in zip(pieces, flat, strict=True)]
        for _ in self._gathering(spans, flat).run():
            pass

    def cost(self, spans: Sequence[Span]) -> Cost:
        """Return what ``read_many`` would move now: what is in the block cache moves no more."""
        requests = self._gathering(spans).requests
        return Cost(sum(stop - start for start, stop in requests), len(requests))

    def close(self) -> None:
        """Leave the connections to the other files of this process; they were never this one's own."""

    def start_confirming(self, span: Span = (0, 1)) -> None:
        """Begin to ask whether the file is still the version that was opened, unless an answer told so by now.

        The answer brings ``span`` with it: something that may be needed next.
        """
        now = self._here()
        with now.lock:
            if now.confirming is None and not now.versioned.is_confirmed and not offline():
                now.confirming = lanes.ask(self.remote.urls[0], self._confirm, *span)

    def confirm(self) -> bool:
        """Return whether the file is still the version that was opened; if not, ``anew`` opens what is there now.

        One byte is asked for, if nothing was yet. Offline, what was known is believed.

        Raises
        ------
        ArchiveError
            When the server does not answer.
        """
        self.start_confirming()
        now = self._here()
        confirming = now.confirming
        try:
            if confirming is not None:
                confirming.result()
        except ChangedError:
            return False
        except ArchiveError:
            now.confirming = None  # it may answer the next time
            raise
        return True

    def anew(self) -> RemoteSource:
        """Open what is at the address now."""
        identity.forget(self.remote.urls[0])
        return open_remote(self.remote)

    @property
    def moved(self) -> int:
        """Bytes received by this process."""
        return self._here().versioned.moved + self._here().moved

    @property
    def requests(self) -> int:
        """Requests made by this process."""
        return self._here().versioned.requests + self._here().requests

    def __reduce__(self) -> Any:
        """Return where the file is, and which version: never its bytes, and no connection."""
        return RemoteSource, (portable(self.remote), self.version)

    def _confirm(self, start: int, stop: int) -> None:
        buffer = memoryview(bytearray(stop - start))
        self._get(start, buffer)
        self._here().blocks.hold(start, buffer.toreadonly())

    def _gathering(self, spans: Sequence[Span], targets: Sequence[memoryview] | None = None) -> Gathering:
        for start, stop in spans:
            if not 0 <= start <= stop <= self.size:
                message = (
                    f"{self.name} ends at byte {self.size:,}, and byte {stop:,} is asked for: it is cut short, "
                    "or damaged. Ask whoever published it."
                )
                raise LayoutError(message)
        return Gathering(spans, self._here().blocks, self._get, targets, url=self.remote.urls[0])

    def _get(self, start: int, buffer: memoryview) -> None:
        """Fill a buffer from the server; where its address leads nowhere any more, the archive is asked for others."""
        if offline():
            message = (
                f"{len(buffer):,} bytes of {self.name} are not in the block cache, and NEURODATA4ML_OFFLINE forbids "
                "to ask for them. Unset it, or fetch the whole file where there is a network."
            )
            raise NotCachedError(message)
        versioned = self._connected()
        try:
            versioned.fill(start, buffer)
        except ChangedError:
            identity.forget(self.remote.urls[0])
            raise
        except ArchiveError as error:
            if not self._move(versioned, error):
                raise
            self._connected().fill(start, buffer)

    def _connected(self) -> Versioned:
        """Return the way to the server; a new one after a failure, which may have passed."""
        now = self._here()
        with now.lock:
            if now.versioned.failure is not None:
                now.moved, now.requests = now.moved + now.versioned.moved, now.requests + now.versioned.requests
                now.versioned = to_server(self.remote, self.version)
            return now.versioned

    def _move(self, versioned: Versioned, error: ArchiveError) -> bool:
        """Take other addresses, where the archive states some; return whether it is worth another try."""
        now = self._here()
        with now.lock:
            if now.versioned is versioned:
                moved = self.remote.elsewhere(error)
                if moved is None:
                    return False
                self.remote = replace(self.remote, urls=moved.urls, reach=moved.reach, afresh=None)
            return self.remote.urls != versioned.urls

    def _here(self) -> _Now:
        """Return what belongs to this process: a forked one shares no lock, thread or socket with its parent."""
        if self.now.process != os.getpid():
            self.now = _Now(self)
        return self.now


class _Now:
    """What a source has in one process."""

    def __init__(self, source: RemoteSource) -> None:
        self.process, self.lock = os.getpid(), threading.Lock()
        self.versioned = to_server(source.remote, source.version)
        self.blocks = blocks_of(source.key)
        self.confirming: Future[None] | None = None
        self.moved = self.requests = 0


def open_remote(place: str | Sequence[str] | Remote) -> RemoteSource:
    """Open a file on a server.

    Where its version is known from last time, nothing is asked: ``start_confirming`` and ``confirm`` tell whether it
    still is what it was. Else one request brings what it is, with its first bytes.

    Parameters
    ----------
    place : str, sequence of str, or Remote
        Its address over http, https or s3; several of the same bytes, best first; or as an archive located it.

    Raises
    ------
    ArchiveError
        When the server does not deliver, delivers whole files only, or does not tell versions of a file apart.
    ChecksumError
        When it is not the published file, or anybody on the way could change it.
    NotCachedError
        In offline mode, when the file was never opened.
    """
    remote = place if isinstance(place, Remote) else typed([place] if isinstance(place, str) else list(place))
    refuse_clear(remote)
    known = identity.known(remote.urls[0])
    if known and remote.size in (0, known.size) and remote.etag in ("", known.etag):
        return RemoteSource(remote, known)
    if offline():
        message = (
            f"{name_of(remote)} was never opened, and NEURODATA4ML_OFFLINE forbids to ask for it. Unset it, or fetch "
            "the whole file where there is a network."
        )
        raise NotCachedError(message)
    return _asked(remote)


def _asked(remote: Remote) -> RemoteSource:
    """Open a file by a request for its first bytes; where it is gone, the archive is asked where it is now."""
    versioned = to_server(remote, None)
    ending = lanes.ask(remote.urls[0], versioned.last, TAIL)
    try:
        head = lanes.ask(remote.urls[0], versioned.get, 0, HEAD).result()
    except ArchiveError as error:
        moved = remote.elsewhere(error)
        if moved is None:
            raise
        return _asked(replace(moved, afresh=None))
    assert versioned.version is not None
    source = RemoteSource(remote, versioned.version)
    source.now.versioned = versioned
    source.now.blocks.hold(0, memoryview(head))
    with contextlib.suppress(Exception):  # where the server does not know how, it is asked for like all the rest
        start, tail = ending.result()
        source.now.blocks.hold(max(start, len(head)), memoryview(tail)[max(len(head) - start, 0) :])
    if source.key:
        identity.remember(remote.urls[0], versioned.version)
    return source
