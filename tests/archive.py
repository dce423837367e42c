"""An archive on loopback: the DANDI REST interface and the store behind it, with faults that a test can switch on.

A real HTTP server, asked by the real clients: nothing in the package knows that it is not the public one.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import tomllib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import tomli_w

from conftest import ROOT

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
DATE = "2024-01-01T00:00:00+00:00"


@dataclass
class Faults:
    """What goes wrong; numbers count down with each time it went wrong (use a large one for always)."""

    drop_after: int = 0
    """Close the connection after so many bytes of a file ..."""
    drops: int = 0
    """... so many times."""
    flip_at: int = -1
    """Send this byte of a file flipped, each time."""
    new_etag: str = ""
    """State this ETag in place of the right one."""
    ignore_range: bool = False
    """Answer 200 and the whole file to a request for a range."""
    wrong_range: int = 0
    """Answer so many ranges with another range than was asked for."""
    html: int = 0
    """Send a web page in place of a file, so many times."""
    unavailable: int = 0
    """Answer 503 to so many requests, of any kind."""
    retry_after: str = ""
    """With this header."""
    expired: int = 0
    """Answer 403 to so many presigned addresses."""
    pause: float = 0.0
    """Seconds between two pieces of 16 kB."""


@dataclass
class Stored:
    """One file of the archive."""

    dandiset: str
    version: str
    path: str
    content: bytes
    asset_id: str
    blob: str
    sha256: str
    etag: str


@dataclass
class Request:
    """One line of the server's log."""

    method: str
    path: str
    range: str
    if_range: str
    status: int = 0


@dataclass
class Archive:
    """A DANDI archive on loopback; use it as a context manager and put ``api`` into ``NEURODATA4ML_DANDI_API``."""

    presigned_only: bool = False
    faults: Faults = field(default_factory=Faults)
    files: list[Stored] = field(default_factory=list)
    log: list[Request] = field(default_factory=list)

    def add(self, dandiset: str, version: str, path: str, content: bytes, *, sha256: str | None = None) -> Stored:
        """Store a file; ``sha256`` is what the archive states (its own when left out, nothing when empty)."""
        parts = [hashlib.md5(content[i : i + (64 << 20)]).digest() for i in range(0, len(content), 64 << 20)]
        stored = Stored(
            dandiset,
            version,
            path,
            content,
            asset_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{dandiset}/{version}/{path}")),
            blob=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{dandiset}/{version}/{path}")),
            sha256=hashlib.sha256(content).hexdigest() if sha256 is None else sha256,
            etag=f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}",
        )
        self.files.append(stored)
        return stored

    def __enter__(self) -> Archive:
        archive = self

        class Handler(_Handler):
            its = archive

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.api = f"{self.root}/api"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def downloads(self) -> list[Request]:
        """The requests for bytes of files, in order."""
        return [request for request in self.log if request.path.startswith("/blobs/")]

    def url(self, stored: Stored) -> str:
        """Address of the bytes in the store."""
        return f"{self.root}/blobs/{stored.blob[:3]}/{stored.blob[3:6]}/{stored.blob}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    its: Archive

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        headers = self.headers
        self.seen = Request("GET", self.path, headers.get("Range", ""), headers.get("If-Range", ""))
        self.its.log.append(self.seen)
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        try:
            self.answer(unquote(url.path), query)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, path: str, query: dict[str, str]) -> None:
        faults = self.its.faults
        if faults.unavailable > 0:
            faults.unavailable -= 1
            return self.send(503, b"", {"Retry-After": faults.retry_after} if faults.retry_after else {})
        if path == "/api/info/":
            return self.send_json(self.info())
        if match := re.fullmatch(r"/api/dandisets/(\d+)/versions/([^/]+)/assets/", path):
            return self.send_assets(*match.groups(), query.get("path", ""))
        if match := re.fullmatch(r"/api/dandisets/\d+/versions/[^/]+/assets/([^/]+)/", path):
            return self.send_metadata(match[1])
        if match := re.fullmatch(r"/api/assets/([^/]+)/download/", path):
            (stored,) = [f for f in self.its.files if f.asset_id == match[1]]
            location = f"{self.its.url(stored)}?X-Amz-Signature={len(self.its.log)}"
            return self.send(302, b"", {"Location": location})
        for stored in self.its.files:
            if path.endswith(f"/{stored.blob}"):
                return self.send_blob(stored, presigned="X-Amz-Signature" in query)
        return self.send(404, b'{"detail": "Not found."}', {"Content-Type": "application/json"})

    def info(self) -> dict[str, Any]:
        return {
            "schema_version": "0.6.10",
            "version": "0.3.100",
            "cli-minimal-version": "0.60.0",
            "cli-requires-python": ">=3.9",
            "cli-bad-versions": [],
            "services": {"api": {"url": self.its.api}, "webui": {"url": self.its.root}, "jupyterhub": {"url": ""}},
        }

    def send_assets(self, dandiset: str, version: str, prefix: str) -> None:
        found = [f for f in self.its.files if (f.dandiset, f.version) == (dandiset, version)]
        if not found:
            return self.send(404, b'{"detail": "Not found."}', {"Content-Type": "application/json"})
        results = [
            {
                "asset_id": f.asset_id,
                "blob": f.blob,
                "zarr": None,
                "path": f.path,
                "size": len(f.content),
                "created": DATE,
                "modified": DATE,
            }
            for f in found
            if f.path.lower().startswith(prefix.lower())
        ]
        return self.send_json({"count": len(results), "next": None, "previous": None, "results": results})

    def send_metadata(self, asset_id: str) -> None:
        (f,) = [f for f in self.its.files if f.asset_id == asset_id]
        urls = [f"{self.its.api}/assets/{asset_id}/download/"]
        if not self.its.presigned_only:
            urls.append(self.its.url(f))
        digest = {"dandi:dandi-etag": f.etag, "dandi:sha2-256": f.sha256}
        self.send_json(
            {
                "path": f.path,
                "identifier": asset_id,
                "contentUrl": urls,
                "contentSize": len(f.content),
                "encodingFormat": "application/x-nwb",
                "digest": {name: value for name, value in digest.items() if value},
            }
        )

    def send_blob(self, stored: Stored, *, presigned: bool) -> None:
        faults, content = self.its.faults, stored.content
        if presigned and faults.expired > 0:
            faults.expired -= 1
            return self.send(403, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
        if faults.html > 0:
            faults.html -= 1
            return self.send(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
        if faults.flip_at >= 0:
            flipped = bytearray(content)
            flipped[faults.flip_at] ^= 1
            content = bytes(flipped)
        etag = f'"{faults.new_etag or stored.etag}"'
        headers = {"Content-Type": "application/octet-stream", "ETag": etag, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.seen.range)
        fresh = self.seen.if_range in ("", etag)
        if asked is None or faults.ignore_range or not fresh:
            return self.send(200, content, headers)
        first, last = int(asked[1]), int(asked[2] or len(content) - 1)
        if first >= len(content):
            return self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        if faults.wrong_range > 0:
            faults.wrong_range -= 1
            first = max(0, first - 7)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return self.send(206, content[first : last + 1], headers)

    def send_json(self, value: Any) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        faults = self.its.faults
        self.seen.status = status
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if status in (200, 206) and self.path.startswith("/blobs/"):
            if faults.drops > 0:
                faults.drops -= 1
                self.wfile.write(body[: faults.drop_after])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            for start in range(0, len(body), 1 << 14):
                self.wfile.write(body[start : start + (1 << 14)])
                time.sleep(faults.pause)
            return
        self.wfile.write(body)


GUO = ("000009", "0.220126.1903", "sub-anm00239123/sub-anm00239123_ses-20170627T093549_ecephys+ogen.nwb")


def guo_alm_local(archive: Archive, catalog: Path, content: bytes, **pin: Any) -> Stored:
    """Store ``content`` as the file of guo-alm, and write the entry ``guo-alm-local`` that pins it into ``catalog``.

    ``pin`` replaces what the entry pins, e.g. ``sha256=""``.
    """
    stored = archive.add(*GUO, content)
    entry = tomllib.loads((ROOT / "catalog" / "guo-alm.toml").read_text(encoding="utf-8"))
    pinned = {"path": stored.path, "size": len(content), "sha256": stored.sha256, **pin}
    entry |= {"name": "guo-alm-local", "sessions": {entry["default_session"]: pinned}}
    (catalog / "guo-alm-local.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")
    return stored


def guo_alm_twin(path: Path) -> bytes:
    """Write a recording like that of guo-alm with pynwb (4 units, trials with cues, some NaN); return its bytes."""
    from pynwb import NWBHDF5IO, NWBFile

    rng = np.random.default_rng(0)
    nwb = NWBFile("twin of guo-alm", "twin", datetime(2017, 6, 27, tzinfo=UTC), session_id="twin")
    for name in ("type", "cue_start_time"):
        nwb.add_trial_column(name, name)
    for trial in range(40):
        cue = float("nan") if trial % 6 == 0 else 10.0 * trial + 3
        kind = "non-performing" if trial % 6 == 0 else ("lick left", "lick right")[trial % 2]
        nwb.add_trial(start_time=10.0 * trial, stop_time=10.0 * trial + 9, type=kind, cue_start_time=cue)
    for _ in range(4):
        nwb.add_unit(spike_times=np.sort(rng.uniform(0, 400, 20_000)))
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path.read_bytes()
