"""An archive on loopback: files, documents and DANDI's REST interface, with faults that a test can switch on.

A real HTTP server in a process of its own (``archive_server.py``), asked by the real clients: nothing in the package
knows that it is not the public one. Here is its remote control, over a pipe, so that it works without any socket::

    with Archive() as archive:                           # NEURODATA4ML_DANDI_API = archive.api
        stored = archive.add("000001", "0.1", "sub-1/a.nwb", content)           # an asset of a DANDI archive
        archive.url(stored), f"{archive.api}/assets/{stored.asset_id}/download/"  # the store; a presigned redirect
        plain = archive.put("bucket/key.h5", content)    # bytes at archive.url(plain) = <root>/files/bucket/key.h5
        big = archive.put("big.bin", Path("big.bin"))    # bytes of a file on disk, not read here
        archive.serve("/api/records/1", {"files": []})   # a document: JSON, or text or bytes with content_type=
        archive.faults.drops, archive.faults.drop_after = 3, 50_000   # see archive_faults.Faults for all
        archive.faults.cuts = [300_000, 0, 500_000]      # the next three answers are cut there
        archive.faults.unavailable, archive.faults.status, archive.faults.retry_after = 2, 429, "1"
        archive.faults.heal()                            # no faults any more
        archive.change(stored, other)                    # the file is another one now, with another ETag
        archive.log, archive.downloads()                 # what was asked: method, path, range, status, sent, headers
        archive.page_size = 2                            # of listings; archive.presigned_only = True
        archive.stop()                                   # nobody listens any more

The files are ordinary ones of an HTTP/1.1 server: GET, HEAD, Range, If-Range, If-Match (412), strong ETags. Faults of
bytes befall both stored and put files; ``unavailable`` and ``latency`` befall whatever is asked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
import time
import tomllib
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

import archive_faults
from archive_faults import Request
from conftest import ROOT
from neurodata4ml.data.remote import lanes

SERVER = Path(__file__).with_name("archive_server.py")
PARTS = 64 << 20
"""Bytes of a part in DANDI's ETag."""


class Stored(archive_faults.Stored):
    """One file of the archive; what is set here changes there."""

    told: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self.told is not None and name != "told":
            self.told(self, name, value)


class Faults:
    """The faults of the server, each settable and readable by its name (see ``archive_faults.Faults``)."""

    def __init__(self, server: _Server) -> None:
        self.__dict__["server"] = server

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in archive_faults.Faults.__dataclass_fields__:
            raise AttributeError(name)
        self.server.do("fault", **{name: value})

    def __getattr__(self, name: str) -> Any:
        return self.server.do("faults")[name]

    def heal(self) -> None:
        """Make the server a healthy one again."""
        self.server.do("heal")


def _wait_for_readers(port: int) -> None:
    """Wait until this process asks nothing more of a server: a late request would stand in the log of the next test."""
    server, until = f"127.0.0.1:{port}", time.monotonic() + 2
    while (lanes._its.busy[server] or server in lanes._its.lines) and time.monotonic() < until:
        time.sleep(0.005)


class Archive:
    """The archive; use it as a context manager. A server that one test has left serves the next, empty again."""

    def __init__(self, *, presigned_only: bool = False, page_size: int = 100) -> None:
        self.settings = {"presigned_only": presigned_only, "page_size": page_size}

    def __enter__(self) -> Archive:
        self.server = _IDLE.pop() if _IDLE else _Server()
        self.root = f"http://127.0.0.1:{self.server.port}"
        self.api = f"{self.root}/api"
        self.faults = Faults(self.server)
        self.files: list[Stored] = _Files(self.server)
        self.server.do("set", **self.settings)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.server.process.poll() is None:
            _wait_for_readers(self.server.port)
            self.server.do("reset")
            _IDLE.append(self.server)

    def stop(self) -> None:
        """End the server: whoever connects is refused, and connections under way break."""
        self.server.end()

    def add(self, dandiset: str, version: str, path: str, content: bytes, **facts: Any) -> Stored:
        """Store an asset; ``sha256`` is what the archive states (its own when left out, nothing when empty)."""
        name = f"{dandiset}/{version}/{path}"
        ids = {
            "asset_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "blob": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        }
        facts = {key: value for key, value in facts.items() if value is not None}
        return self._store(content, {"dandiset": dandiset, "version": version, "path": path, **ids, **facts})

    def put(self, name: str, content: bytes | Path, **facts: Any) -> Stored:
        """Store bytes at ``/files/<name>``, or exactly at ``name`` where it begins with a slash."""
        return self._store(content, {"path": name, "at": name if name[0] == "/" else f"/files/{name}", **facts})

    def serve(
        self,
        path: str,
        body: bytes | str | dict[str, Any] | list[Any],
        *,
        content_type: str = "application/json",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        """Answer ``path`` (with its query, or any where it has none) with a document; return its address."""
        text = body if isinstance(body, bytes | str) else json.dumps(body)
        content = text.encode() if isinstance(text, str) else text
        facts = {"content_type": content_type, "status": status, "headers": headers or {}}
        self.server.do("serve", content, path=path, **facts)
        return f"{self.root}{path}"

    def change(self, stored: Stored, content: bytes) -> None:
        """Replace the bytes of a file, and its ETag."""
        stored.content, stored.etag = content, _etag(content)

    def url(self, stored: archive_faults.Stored) -> str:
        """Address of a file's bytes, in the store."""
        return self.root + (stored.at or f"/blobs/{stored.blob[:3]}/{stored.blob[3:6]}/{stored.blob}")

    @property
    def log(self) -> list[Request]:
        """All requests so far, in order; a copy."""
        return [Request(**line) for line in self.server.do("log")]

    def downloads(self) -> list[Request]:
        """The requests for bytes of files, in order."""
        return [request for request in self.log if request.is_bytes]

    def forget(self) -> None:
        """Empty the log."""
        self.server.do("forget")

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("presigned_only", "page_size"):
            self.server.do("set", **{name: value})

    def _store(self, content: bytes | Path, facts: dict[str, Any]) -> Stored:
        if isinstance(content, Path):
            facts = {"etag": f"{content.name}-{content.stat().st_size}", **facts}
            self.server.do("add", b"", file=str(content), **facts)
        else:
            facts = {"sha256": hashlib.sha256(content).hexdigest(), "etag": _etag(content), **facts}
            self.server.do("add", content, **facts)
        stored = Stored(**facts, content=content)
        self.files.append(stored)
        stored.told = self._tell
        return stored

    def _tell(self, stored: Stored, name: str, value: Any) -> None:
        index = next(i for i, file in enumerate(self.files) if file is stored)
        content, value = (value, None) if name == "content" else (b"", value)
        self.server.do("change", content, index=index, name=name, value=value)


class _Server:
    """The process and the pipe to it."""

    def __init__(self) -> None:
        self.pipes = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def do(self, order: str, content: bytes | None = None, **values: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        size = {} if content is None else {"bytes": len(content)}
        with self.pipes:
            self.process.stdin.write(json.dumps({"do": order, **values, **size}).encode() + b"\n" + (content or b""))
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["is"]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                assert pipe
                pipe.close()


class _Files(list[Stored]):
    def __init__(self, server: _Server) -> None:
        super().__init__()
        self.server = server

    def clear(self) -> None:
        super().clear()
        self.server.do("clear")


_IDLE: list[_Server] = []
"""Servers that no test uses at the moment; they end with this process, because their input does."""


def _etag(content: bytes) -> str:
    parts = [hashlib.md5(content[i : i + PARTS]).digest() for i in range(0, len(content), PARTS)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


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
