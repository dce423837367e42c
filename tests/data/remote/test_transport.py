"""Patience with a server, and none with what it may not do: questions, redirects, credentials, time."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from archive import Archive, Stored
from clocks import own_time
from neurodata4ml.data.remote import client as its_client
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach, RefusedError, origin
from neurodata4ml.data.remote.transfer import download as move
from neurodata4ml.data.remote.transport import BRIEF, PATIENT, FaultError
from neurodata4ml.errors import ArchiveError, NeuroDataError, NotCachedError


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
    return archive.put("a", b"the file")


def near(archive: Archive) -> Reach:
    """What a user reaches who named the archive."""
    return Reach(named=(origin(archive.root),))


def refused_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def persist(attempt: Callable[[int], str], position: Callable[[], int] = lambda: 0, **options: object) -> str:
    return transport.persist(attempt, position, url="http://a.example/b", what="a b", **options)


def test_an_answer_is_returned_whole(archive: Archive) -> None:
    url = archive.serve("/list", {"count": 2})
    assert transport.ask(url, what="a list", reach=near(archive)).json() == {"count": 2}
    assert archive.log[0].headers["Accept"] == "application/json"


def test_a_missing_answer_is_an_error_unless_it_is_accepted(archive: Archive) -> None:
    url = f"{archive.root}/nothing"
    assert transport.ask(url, what="a list", reach=near(archive), accept_missing=True).status_code == 404
    with pytest.raises(ArchiveError, match=r"127.0.0.1:\d+ did not deliver a list: it answered 404 Not Found"):
        transport.ask(url, what="a list", reach=near(archive))


def test_a_page_is_no_list(archive: Archive) -> None:
    url = archive.serve("/list", "<html>", content_type="text/html")
    with pytest.raises(ArchiveError, match=r"it sent text/html in place of what was asked for.* \(3 tries in a row\)"):
        transport.ask(url, what="a list", reach=near(archive))


def test_an_answer_without_end_is_not_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(its_client, "LARGEST", 1_000_000)
    url = archive.serve("/list", b"x" * 2_000_000)
    with pytest.raises(ArchiveError, match="it sends more than 1,000,000 bytes where a short answer is due"):
        transport.ask(url, what="a list", reach=near(archive))


def test_an_answer_that_breaks_off_is_asked_for_again(archive: Archive) -> None:
    big = archive.put("list", b"x" * 100_000, content_type="application/json")
    archive.faults.cuts, archive.faults.unavailable = [50_000, 0], 3
    assert len(transport.ask(archive.url(big), what="a list", reach=near(archive)).content) == 100_000
    assert [request.status for request in archive.log] == [503, 503, 503, 200, 200, 200]


def test_a_patient_session_lets_nobody_see_what_passes(archive: Archive) -> None:
    """So that the loop of dandi's client, twelve long waits, never turns."""
    url = archive.serve("/list", {})
    archive.faults.unavailable, archive.faults.status = PATIENT - 1, 502
    with transport.session(near(archive), patient="a list") as client:
        assert client.get(url).status_code == 200
        assert client.get(f"{archive.root}/nothing").status_code == 404
        archive.faults.unavailable = 99
        with pytest.raises(ArchiveError, match=r"did not deliver a list: it answered 502 Bad Gateway \(8 tries"):
            client.get(url)


def test_a_session_has_a_time_bound(archive: Archive, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    began = time.monotonic()
    archive.faults.pause, archive.faults.piece = 0.1, 1
    with transport.session(near(archive), deadline=began + 0.3) as client:
        with pytest.raises(ArchiveError, match=r"127.0.0.1:\d+ took too long, and is not asked any more. Try again"):
            client.get(archive.url(stored))
        with pytest.raises(ArchiveError, match="took too long"):
            client.get(archive.url(stored))
    assert time.monotonic() - began < 2
    assert len(archive.log) == 1


def test_patience_ends_with_the_time(archive: Archive, naps: list[float]) -> None:
    archive.faults.unavailable, archive.faults.retry_after = 9, "20"
    with pytest.raises(ArchiveError, match=r"503 Service Unavailable \(1 try, and the time for it is over\)"):
        transport.ask(f"{archive.root}/x", what="a list", reach=near(archive), deadline=time.monotonic() + 10)
    assert not naps


def test_no_credentials_are_sent(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    url = archive.serve("/a", {})
    archive.serve("/b", b"", status=302, headers={"Location": url, "Set-Cookie": "who=me"})
    with transport.session(near(archive)) as client:
        client.get(f"{archive.root}/b")
        client.get(archive.root.replace("//", "//me:secret@") + "/b")
        client.get(f"{archive.root}/b", headers={"Authorization": "token secret"})
    sent = [(request.path, request.headers.get("Authorization")) for request in archive.log]
    assert sent == [("/b", None), ("/a", None)] * 2 + [("/b", "token secret"), ("/a", None)]
    assert not any("Cookie" in request.headers for request in archive.log)


def test_a_redirect_that_is_allowed_is_followed_with_its_range(archive: Archive, stored: Stored) -> None:
    port = archive.root.rpartition(":")[2]
    archive.faults.misled, archive.faults.redirect_to = 1, f"http://localhost:{port}/files/a"
    reach = Reach(hosts=("localhost",), named=(origin(archive.root), f"http://localhost:{port}"))
    with transport.session(reach) as client:
        answer = client.get(archive.url(stored), headers={"Range": "bytes=4-"})
    assert answer.content == b"file"
    assert [hop.status_code for hop in answer.history] == [302]
    assert [request.range for request in archive.log] == ["bytes=4-"] * 2


def test_the_body_of_a_redirect_is_left_unread(archive: Archive, stored: Stored) -> None:
    location = {"Location": archive.url(stored)}
    url = archive.serve("/short", b"x" * 1000, status=302, headers=location)
    longest = archive.serve("/long", b"x", status=302, headers={**location, "Content-Length": "999999999999"})
    with transport.session(near(archive)) as client:
        assert client.get(url).content == client.get(longest).content == b"the file"


def test_a_relative_redirect_is_followed(archive: Archive, stored: Stored) -> None:
    url = archive.serve("/there/b", b"", status=307, headers={"Location": "../files/a"})
    with transport.session(near(archive)) as client:
        assert client.get(url).content == b"the file"
        assert client.get(url, allow_redirects=False).status_code == 307
        assert client.head(url, allow_redirects=True).headers["Content-Length"] == "8"


def test_waits_grow_and_are_never_the_same_for_two(naps: list[float]) -> None:
    for _ in range(2):
        with pytest.raises(ArchiveError, match=r"a.example did not deliver a b: broken \(8 tries in a row\)"):
            persist(fails(FaultError("broken", PATIENT)))
    first, second = sum(naps[: len(naps) // 2]), sum(naps[len(naps) // 2 :])
    assert 0.5 * 61.5 <= first <= 61.5
    assert first != second


def test_new_bytes_refill_the_patience() -> None:
    numbers = iter(range(1, 100))
    arrived = [0]

    def attempt(_: int) -> str:
        arrived[0] = next(numbers) // 2  # a new byte with every second try
        if arrived[0] == 30:
            return "there"
        raise FaultError("broken", BRIEF)

    assert persist(attempt, lambda: arrived[0]) == "there"


def test_each_address_and_each_kind_of_fault_has_a_patience_of_its_own() -> None:
    asked: list[int] = []

    def attempt(address: int) -> str:
        asked.append(address)
        raise FaultError(*(("gone", 1), ("expired", BRIEF), ("broken", PATIENT))[address])

    with pytest.raises(ArchiveError, match=r"broken \(8 tries in a row\)"):
        persist(attempt, n_urls=3)
    assert [asked.count(address) for address in range(3)] == [1, BRIEF, PATIENT]


def test_what_nobody_keeps_is_not_promised() -> None:
    with pytest.raises(ArchiveError, match="5 bytes are kept, and it continues there"):
        persist(fails(FaultError("broken", 1)), lambda: 5)
    with pytest.raises(ArchiveError, match=r"run the same line again\.$"):
        persist(fails(FaultError("broken", 1)), lambda: 5, keeps=lambda: False)


def test_an_error_has_the_status_of_the_last_answer_where_that_is_why() -> None:
    for fault, status in ((FaultError("it answered 410 Gone", 1, status=410), 410), (FaultError("broken", 1), 0)):
        with pytest.raises(ArchiveError) as e:
            persist(fails(fault))
        assert e.value.status == status


def fails(fault: FaultError) -> Callable[[int], str]:
    def attempt(_: int) -> str:
        raise fault

    return attempt


def test_a_network_that_is_down_is_said_within_seconds(naps: list[float]) -> None:
    url = f"http://127.0.0.1:{refused_port()}/a"
    reach = Reach(named=(origin(url),))
    with pytest.raises(ArchiveError, match=r"did not deliver a b: .*refused.* run the same line again"):
        transport.ask(url, what="a b", reach=reach)
    assert sum(naps) < 5


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "0.1")
    monkeypatch.setattr(transport, "PATIENT", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ArchiveError, match="timed out"):
            transport.ask(url, what="a b", reach=Reach(named=(origin(url),)))


def test_addresses_that_are_not_http_are_refused() -> None:
    with pytest.raises(ArchiveError, match="'file:///etc/hosts' is no address for this; it must begin with"):
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
        with pytest.raises(RefusedError, match=r"it redirects from https to http://127\S+, where anybody"):
            client.get("https://archive.example/a.nwb")
    assert not archive.log


def test_offline_no_socket_is_opened(archive: Archive, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match=r"NEURODATA4ML_OFFLINE is set, so 127.0.0.1:\d+ is not asked"):
        move([archive.url(stored)], io.BytesIO(), what="a b", reach=near(archive))
    assert not archive.log


@pytest.mark.parametrize("stated", ["soon", "-1", "nan", "inf"])
def test_a_time_limit_must_be_a_number_of_seconds(stated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", stated)
    with pytest.raises(NeuroDataError, match=r"NEURODATA4ML_TIMEOUT is .* must be a number of seconds, like 30"):
        transport.ask("http://127.0.0.1:1/", what="a b")
