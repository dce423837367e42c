"""A remote file read by ranges: every byte is the file's own, of one version of it, and few requests bring them."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import Archive, Stored
from neurodata4ml.data.remote import connections, lanes, transport
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.data.remote.lanes import LANES
from neurodata4ml.data.remote.ranges import LONGEST, RangeFile, merged, split
from neurodata4ml.errors import ArchiveError, ChecksumError, NotCachedError

CONTENT = np.random.default_rng(0).bytes(400_000)
SPANS = st.lists(st.tuples(st.integers(0, 420_000), st.integers(0, 60_000)), min_size=1, max_size=8)


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    with Archive() as archive:
        yield archive


@pytest.fixture
def stored(archive: Archive) -> Stored:
    return archive.put("a.bin", CONTENT)


def opened(archive: Archive, *urls: str, **how: Any) -> RangeFile:
    return RangeFile(urls, what="a test", reach=Reach(named=(archive.root,)), **how)


def read(file: RangeFile, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size) or b""


def test_it_is_a_binary_file_like_any_other(archive: Archive, stored: Stored) -> None:
    with opened(archive, archive.url(stored)) as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        assert (file.size, file.etag, file.tell()) == (len(CONTENT), stored.etag, 0)
        assert file.seek(-10, io.SEEK_END) == len(CONTENT) - 10
        assert file.read() == CONTENT[-10:]
        assert file.read(5) == b""
        file.seek(3)
        file.seek(4, io.SEEK_CUR)
        assert file.read(9) == CONTENT[7:16]
    assert file.closed


def sent(archive: Archive, expected: int) -> int:
    """Return the bytes that the server sent; it counts a piece just after the client may have read it."""
    until = time.monotonic() + 5
    while (total := sum(request.sent for request in archive.log)) < expected and time.monotonic() < until:
        time.sleep(0.01)
    return total


@settings(max_examples=20, deadline=None)
@given(SPANS, SPANS, SPANS, st.sampled_from([1 << 10, 5_000, 1 << 13, 1 << 20]))
def test_what_is_read_is_what_lies_there(
    first: list[tuple[int, int]], ahead: list[tuple[int, int]], then: list[tuple[int, int]], block: int
) -> None:
    """Also after a part was fetched ahead, and after it was forgotten again."""
    with Archive() as archive, opened(archive, archive.url(archive.put("a.bin", CONTENT)), block=block) as file:
        for step in (lambda: None, lambda: file.prefetch(ahead), file.release):
            step()
            for start, size in first + then:
                assert read(file, start, size) == CONTENT[start : start + size]
        assert file.moved == sent(archive, file.moved)
        assert file.requests == len(archive.log)


def test_what_was_fetched_ahead_is_not_asked_for_again(archive: Archive, stored: Stored) -> None:
    with opened(archive, archive.url(stored)) as file:
        file.prefetch([(50_000, 20_000), (200_000, 100_000), (60_000, 20_000)])
        n_requests = file.requests
        assert n_requests == 3
        assert read(file, 50_000, 30_000) == CONTENT[50_000:80_000]
        for start in range(200_000, 300_000, 1_000):
            assert read(file, start, 1_000) == CONTENT[start : start + 1_000]
        file.prefetch([(51_000, 5_000), (210_000, 90_000)])
        assert file.requests == n_requests
        assert file.moved == (1 << 13) + 30_000 + 100_000
        file.release()
        assert read(file, 51_000, 20_000) == CONTENT[51_000:71_000]
        assert file.requests == n_requests + 1


def test_small_reads_share_blocks_and_large_ones_move_what_they_ask_for(archive: Archive, stored: Stored) -> None:
    with opened(archive, archive.url(stored), block=10_000) as file:
        for start in range(20_000, 30_000, 100):
            read(file, start, 100)
        assert (file.requests, file.moved) == (2, 20_000)
        read(file, 100_003, 50_001)
        assert (file.requests, file.moved) == (3, 70_001)
        read(file, 29_000, 21_000)  # a part of it is there
        assert (file.requests, file.moved) == (4, 90_001)


def test_many_threads_keep_their_connections(archive: Archive, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    connect = connections._connect
    monkeypatch.setattr(connections, "_connect", lambda *a: made.append("") or connect(*a))
    lanes._start_anew()
    with opened(archive, archive.url(stored), block=1000) as file:
        for k in range(4):
            file.prefetch([(1_000 + 90_000 * k + 9_000 * i, 200) for i in range(10)])
        assert file.requests == 1 + 40
        assert 1 < len(made) <= LANES + 1


@settings(max_examples=80, deadline=None)
@given(SPANS)
def test_ranges_are_joined_where_the_gap_is_cheap(spans: list[tuple[int, int]]) -> None:
    spans = [(start, start + size) for start, size in spans if size]
    joined = merged(spans, widest=3_000, waste=0.1)
    wanted, got = np.zeros(500_000, bool), np.zeros(500_000, bool)
    for start, stop in spans:
        wanted[start:stop] = True
    for start, stop in joined:
        assert not got[start:stop].any()
        got[start:stop] = True
    assert joined == sorted(joined)
    assert got[wanted].all()
    assert (got & ~wanted).sum() <= 0.1 * wanted.sum()
    edges = np.flatnonzero(np.diff(np.r_[False, got & ~wanted, False].astype(int)))
    assert (np.diff(edges.reshape(-1, 2)) <= 3_000).all()
    pieces = split(joined, 10_000)
    assert [p for p in pieces if p[1] - p[0] > 10_000] == []
    assert merged(pieces, waste=0) == merged(joined, waste=0)


def test_the_narrowest_gaps_are_closed_first() -> None:
    spans = [(0, 1_000), (1_060, 2_000), (2_005, 3_000), (3_030, 4_000)]
    assert merged(spans, waste=0.01) == [(0, 1_000), (1_060, 4_000)]
    assert merged(spans, waste=0) == spans
    assert split([(0, LONGEST + 1)]) == [(0, LONGEST), (LONGEST, LONGEST + 1)]


def test_h5py_opens_it(archive: Archive) -> None:
    values = np.random.default_rng(1).normal(size=(3_000, 40))
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["plain"] = values
        file.create_dataset("packed", data=values, chunks=(500, 40), compression="gzip")
        file.attrs["name"] = "a name"
    stored = archive.put("a.h5", memory.getvalue())
    with opened(archive, archive.url(stored)) as remote, h5py.File(remote) as file:
        assert file.attrs["name"] == "a name"
        assert remote.requests == 2
        assert remote.moved < 20_000
        np.testing.assert_array_equal(file["packed"][700:1_300], values[700:1_300])
        np.testing.assert_array_equal(file["plain"][5:9], values[5:9])
        assert remote.moved < 500_000


def test_a_broken_connection_is_taken_up_where_it_broke(archive: Archive, stored: Stored) -> None:
    with opened(archive, archive.url(stored)) as file:
        archive.faults.drops, archive.faults.drop_after = 3, 70_000
        before = file.moved
        assert read(file, 0, 300_000) == CONTENT[:300_000]
        assert archive.log[1].range == "bytes=8192-299999"
        assert len(archive.log) == 5
        assert file.moved - before < 1.1 * 300_000


@pytest.mark.parametrize("fault", ["wrong_range", "short_range", "html", "unavailable"])
def test_an_answer_that_is_wrong_is_asked_for_again(archive: Archive, stored: Stored, fault: str) -> None:
    with opened(archive, archive.url(stored)) as file:
        setattr(archive.faults, fault, 2)
        assert read(file, 100_000, 50_000) == CONTENT[100_000:150_000]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"wrong_range": 99}, "asked for the bytes 100,000 to 149,999, the server sent bytes 99993-149999/400000"),
        ({"html": 99}, "it sent text/html"),
        ({"unavailable": 99}, "it answered 503 Service Unavailable"),
        ({"short_range": 99, "drop_after": 0, "drops": 99}, "did not deliver a test"),
    ],
)
def test_what_does_not_get_better_ends_in_a_sentence(
    archive: Archive, stored: Stored, fault: dict[str, int], words: str
) -> None:
    with opened(archive, archive.url(stored)) as file:
        for name, value in fault.items():
            setattr(archive.faults, name, value)
        with pytest.raises(ArchiveError, match=re.escape(words)) as first:
            read(file, 100_000, 50_000)
        assert "bytes are kept" not in str(first.value)
        archive.faults.heal()
        with pytest.raises(ArchiveError) as again:  # who reads on must not take the hole for the end
            read(file, 100_000, 50_000)
        assert again.value is first.value is file.failure


def test_a_file_that_changes_meanwhile_is_never_mixed(archive: Archive, stored: Stored) -> None:
    with opened(archive, archive.url(stored)) as file:
        archive.faults.changes_after = 1
        assert read(file, 100_000, 20_000) == CONTENT[100_000:120_000]
        with pytest.raises(ArchiveError, match=r"a test changed on the server while it was read .* run the same line"):
            read(file, 200_000, 20_000)
        assert archive.log[-1].if_match == f'"{stored.etag}"'
        assert archive.log[-1].status == 412


def test_a_file_that_changes_while_it_is_fetched_ahead(archive: Archive, stored: Stored) -> None:
    with opened(archive, archive.url(stored)) as file:
        archive.faults.changes_after = 3
        with pytest.raises(ArchiveError, match="changed on the server"):
            file.prefetch([(start, 5_000) for start in range(20_000, 390_000, 20_000)])


@pytest.mark.parametrize("changed", [{"wrong_total": 1}, {"weak_etag": True}, {"no_etag": True}])
def test_another_length_or_etag_is_another_file(archive: Archive, stored: Stored, changed: dict[str, Any]) -> None:
    with opened(archive, archive.url(stored)) as file:
        archive.change(stored, CONTENT) if "wrong_total" not in changed else None
        for name, value in changed.items():
            setattr(archive.faults, name, value)
        with pytest.raises(ArchiveError, match="a test changed on the server while it was read"):
            read(file, 200_000, 20_000)


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ({"etag": "0" * 32 + "-1"}, "the server states ETag .* for a test; published is 0{32}-1"),
        ({"size": 5}, "the server states size 400000 for a test; published is 5.* leave --what out"),
    ],
)
def test_another_file_than_the_published_one_is_refused(
    archive: Archive, stored: Stored, pin: dict[str, Any], words: str
) -> None:
    with pytest.raises(ChecksumError, match=words):
        opened(archive, archive.url(stored), **pin)
    assert opened(archive, archive.url(stored), etag=stored.etag, size=len(CONTENT)).size == 400_000


@pytest.mark.parametrize("fault", ["no_etag", "weak_etag"])
def test_a_file_whose_versions_nobody_can_tell_apart_is_refused(archive: Archive, stored: Stored, fault: str) -> None:
    setattr(archive.faults, fault, True)
    with pytest.raises(ArchiveError, match=r"states neither an ETag nor a date.* Fetch the whole file"):
        opened(archive, archive.url(stored))


def test_a_server_without_ranges_is_refused(archive: Archive, stored: Stored) -> None:
    archive.faults.ignore_range = True
    with pytest.raises(ArchiveError, match=r"the server of a test sends whole files only.*leave --what out"):
        opened(archive, archive.url(stored))
    assert len(archive.log) == 1


def test_the_next_address_is_asked_where_one_fails(archive: Archive, stored: Stored) -> None:
    with opened(archive, f"{archive.root}/nowhere", archive.url(stored)) as file:
        assert read(file, 100_000, 500) == CONTENT[100_000:100_500]


def test_a_redirect_is_followed_once_and_again_when_its_address_expired(archive: Archive) -> None:
    asset = archive.add("000001", "1", "a.bin", CONTENT)
    with opened(archive, f"{archive.api}/assets/{asset.asset_id}/download/", etag=asset.etag) as file:
        for start in range(50_000, 300_000, 50_000):
            assert read(file, start, 20_000) == CONTENT[start : start + 20_000]
        assert sum("/download/" in request.path for request in archive.log) == 1
        archive.faults.expired = 1
        assert read(file, 320_000, 20_000) == CONTENT[320_000:340_000]
        assert sum("/download/" in request.path for request in archive.log) == 2


def test_offline_opens_no_socket(archive: Archive, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match="NEURODATA4ML_OFFLINE is set"):
        opened(archive, archive.url(stored))
    assert archive.log == []


def test_nothing_is_read_after_closing(archive: Archive, stored: Stored) -> None:
    file = opened(archive, archive.url(stored))
    file.prefetch([(50_000, 10_000)])
    file.close()
    file.close()
    with pytest.raises(ValueError, match="a test is closed"):
        file.read(10)


class Dated(BaseHTTPRequestHandler):
    """A server that states a date and no ETag, and heeds no condition."""

    protocol_version = "HTTP/1.1"
    when = 1_000_000_000.0

    def do_GET(self) -> None:
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        body = CONTENT[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(CONTENT)}")
        self.send_header("Last-Modified", formatdate(self.when, usegmt=True))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


def test_where_there_is_no_etag_the_date_must_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dated)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_address[1]}"
    with RangeFile([f"{root}/a.bin"], what="a test", reach=Reach(named=(root,))) as file:
        assert read(file, 50_000, 100) == CONTENT[50_000:50_100]
        monkeypatch.setattr(Dated, "when", Dated.when + 1)
        with pytest.raises(ArchiveError, match=r"it was of Sun, 09 Sep 2001 01:46:40 GMT and is of .* 01:46:41 GMT"):
            read(file, 100_000, 100)
    server.shutdown()
    server.server_close()
