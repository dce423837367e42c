"""Bytes arrive whole, or an error says why: each fault of a real server, one at a time."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest
import requests

from archive import Archive, Stored
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.transfer import download as move
from neurodata4ml.errors import ArchiveError, ChecksumError, NeuroDataError, NotCachedError

CONTENT = np.random.default_rng(0).bytes(300_000)


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
    options = {"what": "a b", "size": len(CONTENT), "etag": stored.etag, **options}
    move([archive.url(stored)], file, **options)
    return file.getvalue()


def refused_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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


def test_a_moment_of_trouble_is_waited_out_as_long_as_the_server_says(archive: Archive, stored: Stored) -> None:
    archive.faults.unavailable, archive.faults.retry_after = 1, "1"
    started = time.monotonic()
    assert download(archive, stored) == CONTENT
    assert time.monotonic() - started >= 1.0
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
    move([url], file, what="a b", size=len(CONTENT))
    assert file.getvalue() == CONTENT
    signed = [request.path.rpartition("?")[2] for request in archive.downloads()]
    assert len(set(signed)) == 2, "the second try must carry a fresh signature"


def test_the_second_address_is_tried_when_the_first_has_nothing(archive: Archive, stored: Stored) -> None:
    file = io.BytesIO()
    move([f"{archive.root}/gone", archive.url(stored)], file, what="a b", size=len(CONTENT))
    assert file.getvalue() == CONTENT
    with pytest.raises(ArchiveError, match=r"it answered 404 Not Found \(1 try\)"):
        move([f"{archive.root}/gone"], file, what="a b")


def test_another_length_than_published_is_not_the_file(archive: Archive, stored: Stored) -> None:
    with pytest.raises(ChecksumError, match="the server offers 300,000 bytes for a b; published are 299,999"):
        download(archive, stored, size=len(CONTENT) - 1)


def test_a_network_that_is_down_is_said_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{refused_port()}/a"
    started = time.monotonic()
    with pytest.raises(ArchiveError, match=r"did not deliver a b: .*refused.* run the same line again"):
        transport.probe(url, what="a b")
    assert time.monotonic() - started < 10


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "0.1")
    monkeypatch.setattr(transport, "PATIENT", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ArchiveError, match="timed out"):
        transport.probe(f"http://127.0.0.1:{silent.getsockname()[1]}/", what="a b")


def test_addresses_that_are_not_http_are_refused() -> None:
    with pytest.raises(ArchiveError, match="No connection adapters were found for 'file:///etc/hosts'"):
        move(["file:///etc/hosts"], io.BytesIO(), what="a b")


def test_a_redirect_from_https_to_http_is_refused(archive: Archive, stored: Stored) -> None:
    class Redirecting(requests.adapters.BaseAdapter):
        def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
            answer = requests.Response()
            answer.status_code, answer.url, answer.request = 302, str(request.url), request
            answer.headers["Location"] = archive.url(stored)
            answer.raw = io.BytesIO()
            return answer

        def close(self) -> None: ...

    with transport.session() as client:
        client.mount("https://", Redirecting())
        with pytest.raises(transport.FaultError, match=r"it redirects from https to http://127\S+, where anybody"):
            transport.connected(lambda: client.get("https://archive.example/a.nwb"))
    assert not archive.log


def test_offline_no_socket_is_opened(archive: Archive, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match=r"NEURODATA4ML_OFFLINE is set, so 127.0.0.1:\d+ is not asked"):
        download(archive, stored)
    assert not archive.log


@pytest.mark.parametrize("stated", ["soon", "-1", "nan", "inf"])
def test_a_time_limit_must_be_a_number_of_seconds(stated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", stated)
    with pytest.raises(NeuroDataError, match=r"NEURODATA4ML_TIMEOUT is .* must be a number of seconds, like 30"):
        transport.probe("http://127.0.0.1:1/", what="a b")
