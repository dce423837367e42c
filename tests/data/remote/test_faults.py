"""Whatever a server does, the file ends right under its name, or is absent and an error says why: fault by fault."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive import Archive, Stored, guo_alm_local
from clocks import own_time
from neurodata4ml import describe, fetch
from neurodata4ml.data.archives import sources
from neurodata4ml.data.cache import store
from neurodata4ml.data.entries.records import Listing
from neurodata4ml.data.remote import transport
from neurodata4ml.errors import ArchiveError, ChecksumError, NeuroDataError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
NAME = "guo-alm-local"


@dataclass
class Scene:
    """A cache that lacks one file, and the archive that has it."""

    archive: Archive
    stored: Stored
    naps: list[float]

    def fetch(self) -> None:
        """Fetch the file, which must succeed."""
        assert fetch(NAME, progress=False).read_bytes() == CONTENT
        assert self.state() == "right"

    def fails(self, kind: type[NeuroDataError], message: str) -> None:
        """Fetch the file, which must fail with this sentence, and leave nothing; then a healthy server must do."""
        with pytest.raises(kind, match=message):
            fetch(NAME, progress=False)
        assert self.state() == "absent"
        self.archive.faults.heal()
        self.archive.change(self.stored, CONTENT)
        self.fetch()

    def state(self) -> str:
        """What lies under the final name: nothing, or the right bytes."""
        final = store.place(describe(NAME))
        if not final.exists():
            return "absent"
        return "right" if hashlib.sha256(final.read_bytes()).hexdigest() == self.stored.sha256 else "wrong"

    def statuses(self) -> list[int]:
        return [request.status for request in self.archive.downloads()]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    naps: list[float] = []
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        own_time(monkeypatch, transport, sleep=naps.append)
        yield Scene(archive, guo_alm_local(archive, tmp_path, CONTENT), naps)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_connection_dropped_after_n_bytes(scene: Scene, reset: bool) -> None:
    scene.archive.faults.cuts, scene.archive.faults.reset = [0, 300_000, 1, 0, 0, 400_000], reset
    scene.fetch()
    assert len(scene.statuses()) == 7
    assert set(scene.statuses()) == {200, 206}


def test_connection_dropped_for_ever(scene: Scene) -> None:
    scene.archive.faults.drops, scene.archive.faults.drop_after = 999, 0
    scene.fails(ArchiveError, rf"did not deliver {NAME} .* \({transport.PATIENT} tries in a row\)")


def test_wrong_bytes_of_the_right_length(scene: Scene) -> None:
    scene.archive.faults.flip_at = 999_999
    scene.fails(ChecksumError, f"arrived with sha256 .*; published is {scene.stored.sha256}")


def test_wrong_bytes_before_the_connection_broke(scene: Scene) -> None:
    scene.archive.faults.flip_at, scene.archive.faults.cuts = 5, [500_000]
    scene.fails(ChecksumError, "The bytes are not the dataset's, and none were kept")


def test_200_to_a_range_request(scene: Scene) -> None:
    scene.archive.faults.cuts, scene.archive.faults.ignore_range = [500_000], True
    scene.fetch()
    assert scene.statuses() == [200, 200]


@pytest.mark.parametrize("fault", ["wrong_range", "short_range", "wrong_total"])
@pytest.mark.parametrize("times", [1, 99])
def test_206_with_a_wrong_offset_or_length(scene: Scene, fault: str, times: int) -> None:
    scene.archive.faults.cuts = [500_000]
    setattr(scene.archive.faults, fault, times)
    scene.fetch()
    assert scene.statuses() == ([200, 206, 206] if times == 1 else [200, 206, 206, 200])


def test_etag_changed_half_way_with_the_content(scene: Scene) -> None:
    scene.archive.faults.cuts, scene.archive.faults.changes_after = [500_000], 1
    scene.fails(ChecksumError, "The bytes are not the dataset's, and none were kept")
    assert scene.archive.downloads()[1].status == 200, "the If-Range did not match: the whole file, not the rest"


def test_etag_changed_half_way_and_the_content_did_not(scene: Scene) -> None:
    scene.archive.faults.cuts = [500_000]
    scene.archive.faults.new_etag = "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport.time, "sleep", lambda _: setattr(scene.archive.faults, "new_etag", "second"))
        scene.fetch()
    assert scene.statuses() == [200, 200]


@pytest.mark.parametrize("fault", ["weak_etag", "no_etag"])
def test_without_a_strong_etag_the_published_digest_lets_it_be_resumed(scene: Scene, fault: str) -> None:
    setattr(scene.archive.faults, fault, True)
    scene.archive.faults.cuts = [500_000, *[0] * 99]
    with pytest.raises(ArchiveError, match="500,000 bytes are kept, and it continues there"):
        fetch(NAME, progress=False)
    scene.archive.faults.cuts = [300_000]
    scene.archive.forget()
    scene.fetch()
    asked = [(request.range, request.if_range) for request in scene.archive.downloads()]
    assert asked == [("bytes=500000-", ""), ("bytes=800000-", "")]


def test_429_with_retry_after(scene: Scene) -> None:
    scene.archive.faults.unavailable, scene.archive.faults.status = 2, 429
    scene.archive.faults.retry_after = "7"
    scene.fetch()
    assert 14 <= sum(scene.naps) <= 15


def test_429_with_retry_after_a_date(scene: Scene) -> None:
    scene.archive.faults.unavailable, scene.archive.faults.status = 1, 429
    scene.archive.faults.retry_after = formatdate(time.time() + 20, usegmt=True)
    scene.fetch()
    assert 15 <= sum(scene.naps) <= 21


def test_429_for_an_hour(scene: Scene) -> None:
    scene.archive.faults.unavailable, scene.archive.faults.status, scene.archive.faults.retry_after = 99, 429, "3600"
    scene.fails(ArchiveError, r"it answered 429 Too Many Requests \(1 try\)")
    assert not scene.naps


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_burst_of_503(scene: Scene, status: int) -> None:
    scene.archive.faults.unavailable, scene.archive.faults.status = transport.PATIENT - 1, status
    scene.fetch()
    assert 20 < sum(scene.naps) < 70, "about a minute of patience"


def test_503_for_ever(scene: Scene) -> None:
    scene.archive.faults.unavailable = 999
    scene.fails(ArchiveError, r"it answered 503 Service Unavailable \(8 tries in a row\). Check the connection")


def test_html_body_with_200(scene: Scene) -> None:
    scene.archive.faults.html = 1
    scene.fetch()


def test_html_body_with_200_for_ever(scene: Scene) -> None:
    scene.archive.faults.html = 99
    scene.fails(ArchiveError, r"it sent text/html; charset=utf-8 in place of what was asked for; a login or error page")


def test_slow_trickle(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer in all than the limit between two pieces: there is no limit in all."""
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "0.4")
    scene.archive.faults.pause, scene.archive.faults.piece = 0.02, 1 << 14
    started = time.monotonic()
    scene.fetch()
    assert time.monotonic() - started > 1.0
    assert scene.statuses() == [200]


def test_silence_in_the_middle(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "0.3")
    scene.archive.faults.stalls, scene.archive.faults.stall_after = 2, 400_000
    scene.fetch()
    assert [request.range for request in scene.archive.downloads()] == ["", "bytes=400000-", "bytes=800000-"]


def test_403_on_an_expired_signature(scene: Scene) -> None:
    scene.archive.faults.expired, scene.archive.faults.cuts = 1, [500_000]
    scene.archive.presigned_only = True
    scene.fetch()
    signed = [request.path.rpartition("?")[2] for request in scene.archive.downloads()]
    assert len(set(signed)) == len(signed) == 3, "each try asks for an address with a fresh signature"


def test_403_for_ever(scene: Scene) -> None:
    scene.archive.faults.expired, scene.archive.presigned_only = 999, True
    scene.fails(ArchiveError, "it answered 403 Forbidden")


def test_redirect_chain(scene: Scene) -> None:
    scene.archive.faults.chain = 9
    scene.fetch()
    assert len(scene.archive.downloads()) == 10


def test_redirect_chain_without_end(scene: Scene) -> None:
    scene.archive.faults.chain = 99
    scene.fails(ArchiveError, r"it redirected 11 times, and then to \S*/blobs/\S+ \(1 try\)")


def test_redirect_loop(scene: Scene) -> None:
    scene.archive.faults.loop = True
    scene.fails(ArchiveError, r"it redirected 11 times.* It leads round and round; please report it")


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "169.254.169.254", "192.168.178.1", "[::1]", "127.0.0.2", "[::ffff:10.0.0.1]", "inside.example"],
)
def test_redirect_to_a_private_address(scene: Scene, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the source allows the host, which nobody does: its address is not public."""
    real = socket.getaddrinfo

    def look_up(name: Any, *rest: Any, **options: Any) -> Any:
        return real("10.0.0.9" if name == "inside.example" else name, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("neurodata4ml.data.archives.dandi.HOSTS", (host.strip("[]"),))
    scene.archive.faults.misled, scene.archive.faults.redirect_to = 99, f"http://{host}/latest/meta-data"
    scene.fails(ArchiveError, r"it leads to \S+, a (private|link-local|loopback) address")


def test_redirect_to_another_host(scene: Scene) -> None:
    scene.archive.faults.misled, scene.archive.faults.redirect_to = 99, "https://evil.example/a"
    scene.fails(
        ArchiveError, r'it redirects to evil.example, and may redirect to .* add redirects = \["evil.example"\]'
    )


def test_redirect_to_another_loopback_port(scene: Scene) -> None:
    with Archive() as other:
        lure = other.put("a", CONTENT)
        scene.archive.faults.misled, scene.archive.faults.redirect_to = 99, other.url(lure)
        scene.fails(ArchiveError, rf"it leads to 127.0.0.1, a loopback address.* name {other.root} ")
        assert not other.log


def test_redirect_to_what_is_no_web_address(scene: Scene) -> None:
    scene.archive.faults.misled, scene.archive.faults.redirect_to = 99, "file:///etc/passwd"
    scene.fails(ArchiveError, r"it redirects to file:///etc/passwd; only http:// and https:// are followed")


@pytest.mark.parametrize("by", [-1000, 1000])
def test_short_or_long_content_length(scene: Scene, by: int) -> None:
    scene.archive.faults.lengths, scene.archive.faults.length_by = 99, by
    scene.fails(ChecksumError, rf"the server offers {1_000_000 + by:,} bytes for {NAME} .* published are 1,000,000")


def test_gzip_encoded_body(scene: Scene) -> None:
    scene.archive.faults.gzip = 1
    scene.fetch()


def test_gzip_encoded_body_for_ever(scene: Scene) -> None:
    scene.archive.faults.gzip = 99
    scene.fails(ArchiveError, r"it sent the file packed \(Content-Encoding: gzip\), which was not asked for")


@pytest.mark.parametrize("framing", ["chunked", "no_length"])
def test_body_without_a_length(scene: Scene, framing: str) -> None:
    setattr(scene.archive.faults, framing, True)
    scene.archive.faults.cuts = [300_000]
    scene.fetch()


def test_paginated_listing_with_count_null(scene: Scene) -> None:
    for number in range(5):
        scene.archive.add(scene.stored.dandiset, scene.stored.version, f"sub-{number}/sub-{number}_ses-s.nwb", b"x")
    scene.archive.page_size, scene.archive.faults.count_null = 2, True
    entry = replace(describe(NAME), sessions={}, listing=Listing("sub-*/*.nwb", r"sub-([^/]+)/"))
    found = sources.listing(entry)
    assert sorted(found) == ["0", "1", "2", "3", "4", "anm00239123"]
