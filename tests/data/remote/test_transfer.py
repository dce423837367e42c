"""Bytes arrive whole, or an error says why: what a download asks, keeps and begins anew."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from archive import Archive, Stored
from clocks import own_time
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach, origin
from neurodata4ml.data.remote.transfer import Before
from neurodata4ml.data.remote.transfer import download as move
from neurodata4ml.errors import ArchiveError, ChecksumError

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which are noted and not made."""
    naps: list[float] = []
    own_time(monkeypatch, transport, sleep=naps.append)
    return naps


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        yield archive


@pytest.fixture
def stored(archive: Archive) -> Stored:
    return archive.add("000001", "0.1", "a.nwb", CONTENT)


def download(archive: Archive, stored: Stored, file: io.BytesIO | None = None, **options: object) -> bytes:
    """Download the stored file into memory; return all that is there."""
    file = file or io.BytesIO()
    before = {"etag": stored.etag, **{key: options.pop(key) for key in ("etag", "remember", "join") if key in options}}
    options = {"what": "a b", "size": len(CONTENT), "before": Before(**before), "reach": near(archive), **options}
    move([archive.url(stored)], file, **options)
    return file.getvalue()


def near(archive: Archive) -> Reach:
    """What a user reaches who named the archive."""
    return Reach(named=(origin(archive.root),))


def test_a_healthy_server_is_asked_once_and_progress_reaches_the_end(archive: Archive, stored: Stored) -> None:
    seen: list[tuple[int, int]] = []
    assert download(archive, stored, progress=lambda have, total: seen.append((have, total))) == CONTENT
    assert len(archive.log) == 1
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_what_is_there_is_not_asked_for_again(archive: Archive, stored: Stored) -> None:
    assert download(archive, stored, io.BytesIO(CONTENT)) == CONTENT
    assert not archive.log


def test_a_dropped_connection_is_resumed_where_it_broke(archive: Archive, stored: Stored) -> None:
    archive.faults.drop_after, archive.faults.drops = 50_000, 3
    assert download(archive, stored) == CONTENT
    ranges = [request.range for request in archive.log]
    assert ranges == ["", "bytes=50000-", "bytes=100000-", "bytes=150000-"]
    assert {request.if_range for request in archive.log[1:]} == {f'"{stored.etag}"'}


def test_any_number_of_breaks_is_borne_while_bytes_arrive(archive: Archive, stored: Stored) -> None:
    archive.faults.drop_after, archive.faults.drops = 24_000, 12
    assert download(archive, stored) == CONTENT
    assert len(archive.log) == 13 > transport.PATIENT


def test_a_server_that_ignores_ranges_starts_the_file_anew(archive: Archive, stored: Stored) -> None:
    archive.faults.ignore_range = True
    assert download(archive, stored, io.BytesIO(CONTENT[:1000])) == CONTENT
    assert archive.log[0].range == "bytes=1000-"
    assert archive.log[0].status == 200


def test_a_file_that_changed_on_the_server_starts_anew(archive: Archive, stored: Stored) -> None:
    archive.faults.new_etag = "another"
    assert download(archive, stored, io.BytesIO(b"x" * 1000)) == CONTENT
    assert [request.status for request in archive.log] == [200]


def test_another_range_than_asked_for_is_not_appended(archive: Archive, stored: Stored) -> None:
    archive.faults.wrong_range = 1
    assert download(archive, stored, io.BytesIO(CONTENT[:1000])) == CONTENT
    assert [request.status for request in archive.log] == [206, 206]


def test_a_part_longer_than_the_whole_starts_anew(archive: Archive, stored: Stored) -> None:
    assert download(archive, stored, io.BytesIO(CONTENT + b"more")) == CONTENT
    assert download(archive, stored, io.BytesIO(CONTENT + b"more"), size=0) == CONTENT
    assert [request.status for request in archive.log] == [200, 416, 200]


def test_a_moment_of_trouble_is_waited_out_as_long_as_the_server_says(
    archive: Archive, stored: Stored, naps: list[float]
) -> None:
    archive.faults.unavailable, archive.faults.retry_after = 1, "1"
    assert download(archive, stored) == CONTENT
    assert 1.0 <= sum(naps) <= 1.5
    assert [request.status for request in archive.log] == [503, 200]


def test_a_server_that_asks_for_an_hour_is_left_alone(archive: Archive, stored: Stored) -> None:
    archive.faults.unavailable, archive.faults.retry_after = 1, "3600"
    with pytest.raises(ArchiveError, match=r"127.0.0.1:\d+ did not deliver a b: it answered 503 Service Unavailable"):
        download(archive, stored)
    assert len(archive.log) == 1


def test_a_web_page_is_not_data(archive: Archive, stored: Stored) -> None:
    archive.faults.html = 1
    assert download(archive, stored) == CONTENT
    archive.faults.html = 99
    file = io.BytesIO()
    with pytest.raises(ArchiveError, match=r"it sent text/html; charset=utf-8 .* a login or error page"):
        download(archive, stored, file)
    assert not file.getvalue()


def test_an_expired_address_is_asked_for_again(archive: Archive, stored: Stored) -> None:
    archive.faults.expired = 1
    file = io.BytesIO()
    url = f"{archive.api}/assets/{stored.asset_id}/download/"
    move([url], file, what="a b", size=len(CONTENT), reach=near(archive))
    assert file.getvalue() == CONTENT
    signed = [request.path.rpartition("?")[2] for request in archive.downloads()]
    assert len(set(signed)) == 2, "the second try must carry a fresh signature"


def test_the_second_address_is_tried_when_the_first_has_nothing(archive: Archive, stored: Stored) -> None:
    file = io.BytesIO()
    move([f"{archive.root}/gone", archive.url(stored)], file, what="a b", size=len(CONTENT), reach=near(archive))
    assert file.getvalue() == CONTENT
    with pytest.raises(ArchiveError, match=r"it answered 404 Not Found \(1 try\)"):
        move([f"{archive.root}/gone"], file, what="a b", reach=near(archive))


def test_another_length_than_published_is_not_the_file(archive: Archive, stored: Stored) -> None:
    with pytest.raises(ChecksumError, match="the server offers 300,000 bytes for a b; published are 299,999"):
        download(archive, stored, size=len(CONTENT) - 1)


def test_what_arrived_is_not_lost_for_a_word_of_another_length(
    archive: Archive, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may answer in place of the server."""
    own_time(monkeypatch, transport, sleep=lambda _: archive.faults.heal())
    file = io.BytesIO(CONTENT[:100_000])
    archive.faults.ignore_range, archive.faults.lengths, archive.faults.length_by = True, 9, -7
    assert download(archive, stored, file) == CONTENT
    assert [(request.range, request.status) for request in archive.log] == [
        ("bytes=100000-", 200),
        ("bytes=100000-", 206),
    ]
    file = io.BytesIO(CONTENT[:100_000])
    archive.faults.ignore_range, archive.faults.lengths, archive.faults.length_by = True, 9, -7
    own_time(monkeypatch, transport, sleep=lambda _: None)
    with pytest.raises(ArchiveError, match=r"it offers 299,993 bytes now, in place of the 300,000 .* are kept"):
        download(archive, stored, file)
    assert file.getvalue() == CONTENT[:100_000]


def test_what_arrived_without_an_etag_is_continued_only_where_a_digest_will_tell(
    archive: Archive, stored: Stored
) -> None:
    assert download(archive, stored, io.BytesIO(b"?" * 1000), etag="") == CONTENT
    joined: list[str] = []
    whole = download(archive, stored, io.BytesIO(CONTENT[:1000]), etag="", join=lambda: joined.append("joined"))
    assert whole == CONTENT
    assert [(request.range, request.if_range) for request in archive.log] == [("", ""), ("bytes=1000-", "")]
    assert joined == ["joined"]


@pytest.mark.parametrize("fault", ["weak_etag", "no_etag"])
def test_without_an_etag_and_a_digest_nothing_is_continued_and_nothing_promised(
    archive: Archive, stored: Stored, fault: str
) -> None:
    setattr(archive.faults, fault, True)
    archive.faults.cuts = [50_000] * 99
    with pytest.raises(ArchiveError, match=r"Check the connection and run the same line again\.$"):
        download(archive, stored, etag="")
    assert {request.range for request in archive.log} == {""}


def test_the_etag_is_remembered_only_if_it_is_strong(archive: Archive, stored: Stored) -> None:
    etags: list[str] = []
    download(archive, stored, remember=etags.append)
    archive.faults.weak_etag = True
    download(archive, stored, remember=etags.append)
    archive.faults.no_etag = True
    download(archive, stored, remember=etags.append)
    assert etags == [stored.etag, "", ""]


@pytest.mark.parametrize("fault", ["new_etag", "weak_etag", "no_etag"])
@pytest.mark.parametrize("join", [None, lambda: None], ids=["no digest", "digest"])
def test_a_range_of_another_version_is_not_appended(archive: Archive, stored: Stored, fault: str, join: object) -> None:
    """The server is broken: it sends the range though our If-Range does not match."""
    archive.faults.ignore_if_range = True
    setattr(archive.faults, fault, "another" if fault == "new_etag" else True)
    assert download(archive, stored, io.BytesIO(b"?" * 1000), join=join) == CONTENT
    assert [request.status for request in archive.log] == [206, 200]


@pytest.mark.parametrize("options", [{}, {"etag": "", "join": lambda: None}], ids=["etag", "digest"])
@pytest.mark.parametrize("fault", ["wrong_range", "wrong_total"])
def test_a_server_that_cannot_do_ranges_is_asked_for_the_whole(
    archive: Archive, stored: Stored, fault: str, options: dict[str, object]
) -> None:
    setattr(archive.faults, fault, 99)
    assert download(archive, stored, io.BytesIO(CONTENT[:1000]), **options) == CONTENT
    assert [request.status for request in archive.log] == [206, 206, 200]


def test_a_file_of_unknown_size_is_complete_when_the_server_says_so(archive: Archive, stored: Stored) -> None:
    archive.faults.cuts = [100_000, 50_000]
    seen: list[tuple[int, int]] = []
    assert download(archive, stored, size=0, progress=lambda *have: seen.append(have)) == CONTENT
    assert {total for have, total in seen} == {len(CONTENT)}


def test_a_body_in_chunks_that_breaks_off_is_not_taken_for_whole(archive: Archive, stored: Stored) -> None:
    archive.faults.chunked, archive.faults.cuts = True, [100_000]
    assert download(archive, stored, size=0) == CONTENT
    assert [request.status for request in archive.log] == [200, 206]


def test_more_than_was_published_is_not_the_file(archive: Archive, stored: Stored) -> None:
    archive.faults.chunked = True
    with pytest.raises(ChecksumError, match="the server sent more than the 299,000 bytes that a b has"):
        download(archive, stored, size=299_000)


def test_an_address_that_has_nothing_is_asked_once(archive: Archive, stored: Stored) -> None:
    archive.faults.cuts = [10_000, 10_000]
    file = io.BytesIO()
    move([f"{archive.root}/gone", archive.url(stored)], file, what="a b", size=len(CONTENT), reach=near(archive))
    assert file.getvalue() == CONTENT
    assert [request.status for request in archive.log] == [404, 200, 206, 206]


def test_what_progress_raises_ends_the_download_at_once(archive: Archive, stored: Stored) -> None:
    archive.faults.pause = 0.001

    def stop(have: int, _: int) -> None:
        if have > 50_000:
            raise KeyboardInterrupt

    file = io.BytesIO()
    with pytest.raises(KeyboardInterrupt):
        download(archive, stored, file, progress=stop)
    assert 50_000 < len(file.getvalue()) < 250_000
    assert CONTENT.startswith(file.getvalue()), "what arrived stays"


def test_progress_is_asked_while_waiting_too(
    archive: Archive, stored: Stored, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.faults.unavailable, archive.faults.retry_after = 1, "200"

    def stop(have: int, _: int) -> None:
        if len(naps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(archive, stored, progress=stop)
    assert sum(naps) < 1, "of 200 seconds"


def test_several_threads_download_at_once(archive: Archive) -> None:
    archive.faults.drops, archive.faults.drop_after, archive.faults.pause = 8, 100_000, 0.001
    contents = [bytes([number]) * 200_000 for number in range(4)]
    files = [archive.put(f"{number}", content) for number, content in enumerate(contents)]
    together = threading.Barrier(4)

    def one(stored: Stored) -> bytes:
        together.wait()
        return download(archive, stored, size=200_000)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, files)) == contents


def test_an_error_names_the_host_the_file_and_what_is_kept(archive: Archive, stored: Stored) -> None:
    archive.faults.cuts = [70_000, *[0] * 99]
    message = r"127.0.0.1:\d+ did not deliver a b: .* \(8 tries in a row\)\. Check .* 70,000 bytes are kept, and it"
    with pytest.raises(ArchiveError, match=message):
        download(archive, stored)
