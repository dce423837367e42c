"""A server that speaks no HTTP that anybody meant: byte by byte, without an end, with numbers that are none."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from neurodata4ml.data.archives.asking import Question
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach, host_of, origin
from neurodata4ml.data.remote.transfer import Before, download
from neurodata4ml.errors import ArchiveError
from neurodata4ml.names import without_secrets

BODY = bytes(range(256)) * 4
OK = b"HTTP/1.1 200 OK\r\n"
Says = Callable[[socket.socket], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes | Says], str]]:
    """Return a function that starts a server, which says always the same, and returns its address."""
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "0.3")
    monkeypatch.setattr(transport, "PATIENT", 2)
    monkeypatch.setattr(transport, "BRIEF", 1)
    monkeypatch.setattr(transport, "_wait", lambda *_: 0.0)
    open_ones: list[socket.socket] = []

    def begin(says: bytes | Says) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        open_ones.append(listening)
        threading.Thread(target=answer, args=(listening, says), daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/a"

    def answer(listening: socket.socket, says: bytes | Says) -> None:
        while True:
            try:
                asked, _ = listening.accept()
            except OSError:
                return
            with asked, contextlib.suppress(OSError):
                heard = b""
                while not heard.endswith(b"\r\n\r\n"):  # to hang up on unread words resets the connection
                    heard += asked.recv(1 << 16) or b"\r\n\r\n"
                asked.sendall(says) if isinstance(says, bytes) else says(asked)

    yield begin
    for each in open_ones:
        each.close()


def dribble(content: bytes) -> Says:
    """Byte after byte, each sooner than anybody hangs up."""

    def says(asked: socket.socket) -> None:
        for byte in content:
            asked.sendall(bytes([byte]))
            time.sleep(0.05)

    return says


def ask(url: str, seconds: float = 1.0) -> str:
    deadline = time.monotonic() + seconds
    return transport.ask(url, what="a list", reach=Reach(named=(origin(url),)), deadline=deadline).text


def fetch(url: str, size: int = len(BODY)) -> bytes:
    file = io.BytesIO()
    download([url], file, what="a b", size=size, reach=Reach(named=(origin(url),)))
    return file.getvalue()


def header(**headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}\r\n".encode("latin-1") for name, value in headers.items()]
    return OK + b"".join(lines) + b"\r\n"


@pytest.mark.parametrize(
    "says",
    [dribble(OK + b"Content-Length: 2\r\n" + b"X: y\r\n" * 99), dribble(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)],
    ids=["a header", "promises"],
)
def test_a_header_that_comes_byte_by_byte_is_given_up(says: Says, serve: Callable[..., str]) -> None:
    url, began = serve(says), time.monotonic()
    with pytest.raises(ArchiveError, match=r"did not deliver a b: timed out \(2 tries in a row\)"):
        fetch(url)
    assert time.monotonic() - began < 2


def test_half_a_header_never_passes_for_a_whole_one(serve: Callable[..., str]) -> None:
    """What comes before the silence is a complete answer of no bytes, were the rest not missing."""

    def says(asked: socket.socket) -> None:
        asked.sendall(OK + b'ETag: "a"\r\n')
        dribble(b"X" * 99)(asked)

    with pytest.raises(ArchiveError, match="timed out"):
        fetch(serve(says), size=0)


def test_a_list_that_comes_byte_by_byte_has_its_time_too(serve: Callable[..., str]) -> None:
    url, began = serve(dribble(header(Content_Length="999") + b"[" * 999)), time.monotonic()
    with pytest.raises(ArchiveError, match="did not deliver a list"):
        ask(url)
    body = header(Content_Length="999")

    def quick_header(asked: socket.socket) -> None:
        asked.sendall(body)
        dribble(b"[" * 999)(asked)

    with pytest.raises(ArchiveError, match="no time is left to ask"):
        ask(serve(quick_header))
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("stated", ["²", "9" * 5000, "-1", "1 2"], ids=["a power", "endless", "negative", "two"])
def test_a_length_that_is_no_number_is_none(stated: str, serve: Callable[..., str]) -> None:
    assert fetch(serve(header(Content_Length=stated) + BODY)) == BODY
    away = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\nContent-Length: " + stated.encode("latin-1")
    with pytest.raises(ArchiveError, match=r"it redirects to 127.0.0.2, and may redirect to 127.0.0.1 only"):
        ask(serve(away + b"\r\n\r\n"))


@pytest.mark.parametrize(
    "stated", ["multipart/byteranges; boundary=x", f"bytes 0-{'9' * 5000}/*", "bytes ²-³/*"], ids=["many", "long", "²"]
)
def test_a_range_that_is_none_is_refused(stated: str, serve: Callable[..., str]) -> None:
    name = "Content_Type" if "multipart" in stated else "Content_Range"
    says = header(**{name: stated, "Content_Length": str(len(BODY))}).replace(b"200 OK", b"206 Partial Content")
    with pytest.raises(ArchiveError, match="asked for the bytes from 0 to the end, the server sent 1024 bytes as"):
        fetch(serve(says + BODY))


@pytest.mark.parametrize("when", ["Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "nan", "-5", "²", "0 0"])
def test_a_time_to_wait_that_is_none_is_passed_over(when: str, serve: Callable[..., str]) -> None:
    says = header(Retry_After=when, Content_Length="0").replace(b"200 OK", b"503 No")
    with pytest.raises(ArchiveError, match=r"it answered 503 No \(2 tries in a row\)"):
        ask(serve(says))


@pytest.mark.parametrize("how", ["in order", "by reset"])
def test_a_connection_that_was_hung_up_on_after_an_answer_is_no_fault_of_the_server(
    how: str, serve: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """The next request crosses the hanging up on its way: nobody can see it before."""

    def says(asked: socket.socket) -> None:
        asked.sendall(header(Content_Length="2") + b"[]")
        asked.recv(1 << 16)
        if how == "by reset":
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    url = serve(says)
    caplog.set_level("INFO", logger="neurodata4ml")
    with transport.session(Reach(named=(origin(url),)), patient="a list") as client:
        assert [client.get(url).text for _ in range(4)] == ["[]"] * 4
    assert "next try" not in caplog.text


@pytest.mark.parametrize("where", ["http://[::1/x", "http://é/ÿ"])
def test_a_redirect_to_what_is_no_address_is_refused(where: str, serve: Callable[..., str]) -> None:
    says = header(Location=where, Content_Length="0").replace(b"200 OK", b"302 Found")
    with pytest.raises(ArchiveError, match="it redirects to what is no address"):
        ask(serve(says))


@pytest.mark.parametrize("framing", [{}, {"Transfer_Encoding": "identity"}])
def test_the_etag_of_a_body_whose_end_nobody_can_see_is_not_remembered(
    framing: dict[str, str], serve: Callable[..., str]
) -> None:
    """It would make the beginning of a file pass for the file."""
    url = serve(header(ETag='"a"', **framing) + BODY[:300])
    told: list[str] = []
    download([url], io.BytesIO(), what="a b", reach=Reach(named=(origin(url),)), before=Before(remember=told.append))
    assert told == [""]


@pytest.mark.parametrize("encoding", ["", "Identity", "identity"])
def test_a_body_that_is_not_packed_may_say_so(encoding: str, serve: Callable[..., str]) -> None:
    assert fetch(serve(header(Content_Encoding=encoding, Content_Length=str(len(BODY))) + BODY)) == BODY


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a": ' + b"9" * 9999 + b"}", b"\xff\xfe\x81" * 9])
def test_what_no_program_can_read_is_no_json(body: bytes, serve: Callable[..., str]) -> None:
    url = serve(header(Content_Length=str(len(body))) + body)
    reach = Reach(named=(origin(url),))
    with (
        Question("a list", reach, 5.0) as question,
        pytest.raises(ArchiveError, match="answered for a list with something that is no JSON"),
    ):
        question.json(url)


def test_a_password_in_an_address_is_in_no_message() -> None:
    assert without_secrets("https://x.org/a//b@c?d") == "https://x.org/a//b@c"
    assert host_of("https://me:secret@x.org:8/a?b") == "x.org:8"
    for url in ("ftp://me:secret@x.org/a", "http://me:secret@[::1/x"):
        with pytest.raises(ArchiveError) as refused:
            fetch(url)
        assert "secret" not in str(refused.value), url
