"""An archive on loopback that is never the slow part: the DANDI REST interface, its store, a rate and a latency.

A process of its own, ``python benchmarks/server.py FOLDER [--rate 50] [--latency 0.05]``: the first line that it prints
is its address. ``FOLDER/assets.json`` lists what it serves (see :class:`Asset`), ``FOLDER/blobs/`` holds it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DANDISET, VERSION = "000999", "0.260101.0001"
DATE = "2026-01-01T00:00:00+00:00"
PIECE = 256 << 10
"""Bytes that leave at once where the rate is limited: 5 ms at 50 MB/s."""


@dataclass(frozen=True)
class Asset:
    """One file that is served: a line of ``assets.json``."""

    asset_id: str
    blob: str
    path: str
    size: int
    sha256: str
    etag: str


class Bucket:
    """A token bucket for the whole server: ``rate`` bytes a second, and no more saved up than one piece."""

    def __init__(self, rate: float) -> None:
        """``rate`` of 0: no limit."""
        self.rate, self.free_at, self.lock = rate, 0.0, threading.Lock()

    def take(self, n_bytes: int) -> None:
        """Wait until ``n_bytes`` may leave."""
        with self.lock:
            now = time.perf_counter()
            self.free_at = max(self.free_at, now - PIECE / self.rate) + n_bytes / self.rate
            wait = self.free_at - now
        if wait > 0:
            time.sleep(wait)


class Server(ThreadingHTTPServer):
    """The archive in ``folder``, at a free port of the loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, handler: type[Handler], *, rate: float = 0.0, latency: float = 0.0) -> None:
        """``rate`` in bytes a second for all connections together (0: no limit), ``latency`` in seconds a request."""
        super().__init__(("127.0.0.1", 0), handler)
        self.folder, self.latency, self.bucket = folder, latency, Bucket(rate)
        listed = folder / "assets.json"
        lines = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else []
        self.assets = [Asset(**line) for line in lines]
        self.log: list[dict[str, Any]] = []
        self.root = f"http://127.0.0.1:{self.server_address[1]}"
        self.api = f"{self.root}/api"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def blob_url(self, asset: Asset) -> str:
        """Return where the bytes of ``asset`` lie, as in DANDI's store."""
        return f"{self.root}/blobs/{asset.blob[:3]}/{asset.blob[3:6]}/{asset.blob}"


class Handler(BaseHTTPRequestHandler):
    """Answers the requests that dandi's client, a browser of its API, or a plain downloader makes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *arguments: Any) -> None:
        """Say nothing: a terminal is slow."""

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Wait as long as a far server would, and answer."""
        time.sleep(self.server.latency)
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        try:
            self.answer(unquote(url.path), query)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, path: str, query: dict[str, str]) -> None:
        """Find what ``path`` means."""
        version = rf"/api/dandisets/{DANDISET}/versions/{VERSION}"
        if match := re.fullmatch(r"/blobs/.*/([^/]+)", path):
            return self.send_blob(self.find(blob=match[1]))
        if match := re.fullmatch(rf"(?:/api|{version})/assets/([^/]+)/download/?", path):
            return self.send_redirect(self.find(asset_id=match[1]))
        if match := re.fullmatch(rf"(?:/api|{version})/assets/([^/]+)/(?:info/)?", path):
            return self.send_metadata(self.find(asset_id=match[1]), info=path.endswith("/info/"))
        if path == f"{version}/assets/":
            return self.send_page(query)
        return self.send_json(self.about().get(path))

    def about(self) -> dict[str, Any]:
        """Return what the archive says of itself and of its one dandiset, by path."""
        services = {"api": {"url": self.server.api}, "webui": {"url": self.server.root}, "jupyterhub": {"url": ""}}
        client = {"cli-minimal-version": "0.60.0", "cli-requires-python": ">=3.9", "cli-bad-versions": []}
        dates = {"created": DATE, "modified": DATE}
        counts = {"asset_count": len(self.server.assets), "size": sum(asset.size for asset in self.server.assets)}
        version = {"version": VERSION, "name": "benchmark", "status": "Valid", **dates, **counts}
        latest = {"most_recent_published_version": version, "draft_version": version}
        dandiset = {"identifier": DANDISET, "contact_person": "", "embargo_status": "OPEN", **dates, **latest}
        base = f"/api/dandisets/{DANDISET}/"
        return {
            "/api/info/": {"schema_version": "0.6.10", "version": "0.3.100", "services": services, **client},
            base: dandiset,
            f"{base}versions/": {"count": 1, "next": None, "previous": None, "results": [version]},
            f"{base}versions/{VERSION}/": {"identifier": f"DANDI:{DANDISET}", "name": "benchmark", "version": VERSION},
            f"{base}versions/{VERSION}/info/": {**version, "metadata": {}},
        }

    def find(self, **wanted: str) -> Asset | None:
        """Return the asset with this one field."""
        ((name, value),) = wanted.items()
        return next((asset for asset in self.server.assets if getattr(asset, name) == value), None)

    def send_page(self, query: dict[str, str]) -> None:
        """Send one page of the assets; as the real archive does, with a count on the first page only."""
        found = [asset for asset in self.server.assets if asset.path.startswith(query.get("path", ""))]
        size, page = int(query.get("page_size", 100)), int(query.get("page", 1))
        rest = f"path={query.get('path', '')}&page_size={size}&page={page + 1}"
        more = f"{self.server.root}{self.path.partition('?')[0]}?{rest}" if page * size < len(found) else None
        results = [self.record(asset) for asset in found[(page - 1) * size : page * size]]
        count = len(found) if page == 1 else None
        self.send_json({"count": count, "next": more, "previous": None, "results": results})

    def record(self, asset: Asset) -> dict[str, Any]:
        """Return an asset as the list of a version shows it."""
        its = {"asset_id": asset.asset_id, "blob": asset.blob, "zarr": None, "path": asset.path, "size": asset.size}
        return {**its, "created": DATE, "modified": DATE}

    def send_metadata(self, asset: Asset | None, *, info: bool) -> None:
        """Send what the archive knows of one asset."""
        if asset is None:
            return self.send_json(None)
        its = {
            "path": asset.path,
            "identifier": asset.asset_id,
            "contentUrl": [f"{self.server.api}/assets/{asset.asset_id}/download/", self.server.blob_url(asset)],
            "contentSize": asset.size,
            "encodingFormat": "application/x-nwb",
            "digest": {"dandi:dandi-etag": asset.etag, "dandi:sha2-256": asset.sha256},
            "blobDateModified": DATE,
        }
        return self.send_json({**self.record(asset), "metadata": its} if info else its)

    def send_redirect(self, asset: Asset | None) -> None:
        """Redirect to the store, as to a presigned address."""
        if asset is None:
            return self.send_json(None)
        return self.send_head(302, 0, {"Location": f"{self.server.blob_url(asset)}?X-Amz-Signature=benchmark"})

    def send_blob(self, asset: Asset | None) -> None:
        """Send bytes of a file, the whole or the range asked for, from the page cache into the socket."""
        if asset is None:
            return self.send_json(None)
        etag, size = f'"{asset.etag}"', asset.size
        headers = {"Content-Type": "application/octet-stream", "ETag": etag, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None or not any(asked.groups()) or self.headers.get("If-Range", etag) != etag:
            self.send_head(200, size, headers)
            return self.send_bytes(asset, 0, size)
        first = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
        stop = min(size, int(asked[2]) + 1) if asked[1] and asked[2] else size
        if first >= size:
            return self.send_head(416, 0, {"Content-Range": f"bytes */{size}"})
        self.send_head(206, stop - first, {**headers, "Content-Range": f"bytes {first}-{stop - 1}/{size}"})
        return self.send_bytes(asset, first, stop)

    def send_bytes(self, asset: Asset, start: int, stop: int) -> None:
        """Send a stretch of a file with ``sendfile``, in pieces where the rate is limited."""
        if self.command == "HEAD":
            return
        with open(self.place(asset), "rb") as file:
            while start < stop:
                piece = stop - start
                if self.server.bucket.rate:
                    piece = min(piece, PIECE)
                    self.server.bucket.take(piece)
                sent = os.sendfile(self.connection.fileno(), file.fileno(), start, piece)
                self.sending(start, sent)
                start += sent

    def place(self, asset: Asset) -> Path:
        """Return where the bytes of ``asset`` lie."""
        return self.server.folder / "blobs" / asset.blob

    def sending(self, start: int, n_bytes: int) -> None:
        """Whoever counts bytes does it here."""

    def send_json(self, value: Any) -> None:
        """Send a record; 404 where there is none."""
        body = json.dumps({"detail": "Not found."} if value is None else value).encode()
        self.send_head(404 if value is None else 200, len(body), {"Content-Type": "application/json"})
        if self.command == "GET":
            self.wfile.write(body)

    def send_head(self, status: int, length: int, headers: dict[str, str]) -> None:
        """Send the status and the headers, in one packet."""
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()


@contextlib.contextmanager
def started(script: Path, folder: Path, rate: float, latency: float) -> Iterator[str]:
    """Serve a folder by ``script`` from a process of its own; yield its address. ``rate`` in MB/s, 0: no limit."""
    pipe = subprocess.PIPE
    command = [sys.executable, str(script), str(folder), "--rate", str(rate), "--latency", str(latency)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()  # it ends by itself


def serve(handler: type[Handler], what: str) -> None:
    """Serve until whoever started us closes our standard input, or dies."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("folder", type=Path, help="what is served")
    parser.add_argument("--rate", type=float, default=0.0, help="MB/s for all connections together; 0: no limit")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    given = parser.parse_args()
    server = Server(given.folder, handler, rate=given.rate * 1e6, latency=given.latency)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.root, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(Handler, "an archive on loopback, for benchmarks/fetch.py")
