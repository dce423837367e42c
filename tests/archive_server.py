"""The archive of the tests, as a process of its own: stored files and documents over real sockets, faults on demand.

``python tests/archive_server.py`` prints its port, then obeys its standard input: lines of JSON (see ``Orders``), each
followed by as many bytes as its ``bytes`` says, each answered by one line of JSON. It ends when its input ends, that
is with whoever started it. The tests speak to it through ``archive.Archive``, which explains what it can do.
"""

from __future__ import annotations

import gzip
import json
import mmap
import os
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from archive_faults import Faults, Request, Stored

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@dataclass
class State:
    """All that one test set up and what it was asked since."""

    root: str
    faults: Faults = field(default_factory=Faults)
    files: list[Stored] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[Request] = field(default_factory=list)
    presigned_only: bool = False
    page_size: int = 100
    lock: Any = field(default_factory=threading.Lock)

    def take(self, name: str) -> bool:
        """Use up one of the times that a fault shall happen; False when there is none left."""
        with self.lock:
            left: int = getattr(self.faults, name)
            setattr(self.faults, name, max(0, left - 1))
            return left > 0

    def cut(self) -> int | None:
        """Return after how many bytes the next answer is cut; None where it is not."""
        with self.lock:
            if self.faults.cuts:
                return self.faults.cuts.pop(0)
        return self.faults.drop_after if self.take("drops") else None


class Handler(BaseHTTPRequestHandler):
    """Answers: orders of faults first, then documents, then DANDI's interface, then bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    its: State
    seen: Request

    def log_message(self, *arguments: Any) -> None: ...

    def do_GET(self) -> None:
        self.its = its = self.server.state  # type: ignore[attr-defined]
        headers = self.headers
        conditions = [headers.get(name, "") for name in ("Range", "If-Range", "If-Match")]
        self.seen = Request(self.command, self.path, *conditions, dict(headers.items()))
        its.log.append(self.seen)
        time.sleep(its.faults.latency)
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    do_HEAD = do_GET

    def answer(self) -> None:
        its, url = self.its, urlsplit(self.path)
        path, query = unquote(url.path), dict(parse_qsl(url.query))
        if its.take("unavailable"):
            wait = its.faults.retry_after
            return self.send(its.faults.status, b"", {"Retry-After": wait} if wait else {})
        document = its.documents.get(self.path) or its.documents.get(path)
        if document:
            kind = {"Content-Type": document["content_type"]}
            return self.send(document["status"], document["body"], {**kind, **document["headers"]})
        for stored in its.files:
            if path == stored.at or (stored.blob and path.endswith(f"/{stored.blob}")):
                return self.send_file(stored, path, query)
        from archive_dandi import answer

        status, body, headers = answer(its, path, query)
        return self.send(status, b"" if body is None else json.dumps(body).encode(), headers)

    def send_file(self, stored: Stored, path: str, query: dict[str, str]) -> None:
        its, faults = self.its, self.its.faults
        self.seen.is_bytes = True
        if its.take("misled"):
            return self.send(302, b"", {"Location": faults.redirect_to})
        hop = int(query.get("hop", 0))
        if faults.loop or hop < faults.chain:
            again = path if faults.loop else f"{path}?{urlencode({**query, 'hop': hop + 1})}"
            return self.send(302, b"", {"Location": again})
        if "X-Amz-Signature" in query and its.take("expired"):
            return self.send(403, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
        if its.take("html"):
            return self.send(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
        if faults.changes_after == 0:
            stored.content, stored.etag = bytes(255 - byte for byte in stored.content), f"changed-{stored.etag}"
        faults.changes_after = max(-1, faults.changes_after - 1)
        content: Any = memoryview(stored.content)
        if 0 <= faults.flip_at < len(content):
            content = bytearray(content)
            content[faults.flip_at] ^= 1
        return self.send_range(stored, memoryview(content))

    def send_range(self, stored: Stored, content: memoryview) -> None:
        its, faults, total = self.its, self.its.faults, len(content)
        etag = f'"{faults.new_etag or stored.etag}"'
        headers = {"Content-Type": stored.content_type, "Accept-Ranges": "bytes"}
        if not faults.no_etag:
            headers["ETag"] = f"W/{etag}" if faults.weak_etag else etag
        if stored.modified:
            headers["Last-Modified"] = stored.modified
        unmodified = self.headers.get("If-Unmodified-Since", stored.modified) == stored.modified
        if self.seen.if_match not in ("", "*", headers.get("ETag")) or not unmodified:
            return self.send(412, b"", {})
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.seen.range)
        versions = ("", headers.get("ETag"), stored.modified)
        is_same = self.seen.if_range in versions and not self.seen.if_range.startswith("W/")
        fresh = is_same or faults.ignore_if_range
        if asked is None or faults.ignore_range or not fresh:
            return self.send_whole(content, headers)
        first = int(asked[1]) if asked[1] else max(0, total - int(asked[2]))
        last = min(int(asked[2]), total - 1) if asked[1] and asked[2] else total - 1
        if first > last:
            return self.send(416, b"", {"Content-Range": f"bytes */{total}"})
        if its.take("wrong_range"):
            first = max(0, first - 7)
        stated = total + 7 if its.take("wrong_total") else total
        headers["Content-Range"] = f"bytes {first}-{last}/{stated}"
        end = last - 6 if its.take("short_range") else last + 1
        return self.send(206, content[first:end], headers)

    def send_whole(self, content: memoryview, headers: dict[str, str]) -> None:
        by = self.its.faults.length_by if self.its.take("lengths") else 0
        if by:
            headers["Content-Length"] = str(len(content) + by)
            content = content[: len(content) + by]
            self.close_connection = by > 0
        if self.its.take("gzip"):
            return self.send(200, gzip.compress(content, 1), {**headers, "Content-Encoding": "gzip"})
        return self.send(200, content, headers)

    def send(self, status: int, body: bytes | memoryview, headers: dict[str, str]) -> None:
        self.seen.status = status
        its_bytes = self.seen.is_bytes and status in (200, 206)
        chunked, endless = (its_bytes and on for on in (self.its.faults.chunked, self.its.faults.no_length))
        self.send_response(status)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif endless:
            self.send_header("Connection", "close")
        else:
            headers = {"Content-Length": str(len(body)), **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if its_bytes:
            self.pour(memoryview(body), chunked=chunked)
        else:
            self.send_counted(body, len(body))

    def send_counted(self, content: bytes | memoryview, n_bytes: int) -> None:
        """Send, and count before: whoever has received the last byte may look at the log at once."""
        self.seen.sent += n_bytes
        try:
            self.wfile.write(content)
        except OSError:
            self.seen.sent -= n_bytes
            raise

    def pour(self, body: memoryview, *, chunked: bool) -> None:
        """Send bytes of a file, as fast and as far as the faults let them."""
        faults = self.its.faults
        cut, stall = self.its.cut(), self.its.take("stalls")
        drop = cut is not None
        body = body[: cut if drop else faults.stall_after if stall else None]
        began = time.monotonic()
        start = 0
        while start < len(body):
            piece = body[start : start + (faults.piece if faults.pause else 1 << 18 if faults.rate else 1 << 20)]
            self.send_counted(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece, len(piece))
            start += len(piece)
            time.sleep(max(faults.pause, (start / faults.rate - time.monotonic() + began) if faults.rate else 0, 0))
        if stall:
            self.connection.settimeout(60)
            self.connection.recv(1)  # until the client hangs up
        if drop or stall:
            self.close_connection = True
            if faults.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")


class Orders:
    """What the starter may say on standard input, one method each."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.root = f"http://127.0.0.1:{server.server_address[1]}"
        self.reset()

    def reset(self) -> None:
        """Forget everything; answers under way go on in what is forgotten."""
        self.server.state = State(self.root)

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self.server.state, name, value)

    def fault(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self.server.state.faults, name, value)

    def faults(self) -> dict[str, Any]:
        return asdict(self.server.state.faults)

    def heal(self) -> None:
        self.server.state.faults = Faults()

    def log(self) -> list[dict[str, Any]]:
        return [asdict(request) for request in list(self.server.state.log)]

    def forget(self) -> None:
        self.server.state.log.clear()

    def clear(self) -> None:
        self.server.state.files.clear()

    def add(self, content: bytes, *, file: str = "", **facts: Any) -> None:
        if file:
            with open(file, "rb") as opened:
                content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)  # type: ignore[assignment]
        self.server.state.files.append(Stored(content=content, **facts))

    def change(self, content: bytes, *, index: int, name: str, value: Any = None) -> None:
        setattr(self.server.state.files[index], name, content if name == "content" else value)

    def serve(self, content: bytes, *, path: str, **facts: Any) -> None:
        self.server.state.documents[path] = {"body": content, **facts}


class Server(ThreadingHTTPServer):
    """One thread per connection; clients that hang up are no news."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)  # without looking for this machine's name, which can take seconds
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ValueError | OSError):
            super().handle_error(request, client_address)


def main() -> None:
    server = Server(("127.0.0.1", 0), Handler)
    orders = Orders(server)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    print(server.server_port, flush=True)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        content = [sys.stdin.buffer.read(order.pop("bytes"))] if "bytes" in order else []
        try:
            answer = {"is": getattr(orders, order.pop("do"))(*content, **order)}
        except Exception as error:  # the starter raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
