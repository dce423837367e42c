"""What makes bytes trusted: a published digest of any kind; else the line they came over, once, with a note."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archive import Archive
from clocks import own_time
from neurodata4ml.data import supplements
from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.cache import parts, receipts, store
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach, origin
from neurodata4ml.errors import ArchiveError, ChecksumError, DiskError, NotCachedError

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        yield archive


@pytest.fixture
def remote(archive: Archive) -> Remote:
    """A file at a plain address that the user named; nobody states a digest of it."""
    stored = archive.put("pictures/1.tif", CONTENT)
    reach = Reach(named=(origin(archive.root),))
    address = f"{archive.url(stored)}?signature=secret".replace("//", "//me:secret@")
    return Remote("x", "images", "1", "1.tif", urls=(address,), reach=reach)


@pytest.fixture
def final(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "x" / "images" / "1.tif"


def left(final: Path) -> list[str]:
    return sorted(path.name for path in final.parent.iterdir())


@pytest.mark.parametrize("published", [{"sha256": SHA256}, {"md5": MD5}, {"size": len(CONTENT)}, {}])
def test_right_bytes_are_taken_by_whatever_is_published_and_the_receipt_says_by_what(
    published: dict[str, str], remote: Remote, archive: Archive, final: Path
) -> None:
    remote = replace(remote, note="stated by the archive", **published)  # type: ignore[arg-type]
    assert store.fetch_remote(remote, final) == final
    assert final.read_bytes() == CONTENT
    its = store.receipt(final)
    digest_is_known = bool({"sha256", "md5"} & published.keys())
    assert its["note"] == ("stated by the archive" if digest_is_known else "no digest published: trusted on first use")
    assert (its["sha256"], its["size"]) == (SHA256, len(CONTENT))
    assert its["url"] == archive.url(archive.files[0])
    assert its["etag"] == archive.files[0].etag.strip('"')
    assert "secret" not in final.with_name(final.name + ".verified.json").read_text()
    assert store.fetch_remote(remote, final) == final
    assert len(archive.downloads()) == 1, "a file that is there asks nobody"
    assert left(final) == [final.name, final.name + ".verified.json"]


@pytest.mark.parametrize(
    ("published", "name"),
    [({"sha256": "0" * 64}, "sha256"), ({"md5": "0" * 32}, "md5"), ({"etag": "another"}, "etag")],
)
def test_other_bytes_than_those_published_are_not_kept(
    published: dict[str, str], name: str, remote: Remote, final: Path
) -> None:
    with pytest.raises(ChecksumError, match=f"x images arrived with {name} .*; published is {published[name]}"):
        store.fetch_remote(replace(remote, **published), final)  # type: ignore[arg-type]
    assert left(final) == []


def test_a_sha256_goes_before_an_md5_and_a_servers_etag_proves_nothing_of_it(remote: Remote, final: Path) -> None:
    remote = replace(remote, sha256=SHA256, md5="0" * 32, etag="another")
    assert store.fetch_remote(remote, final).read_bytes() == CONTENT


def test_without_a_digest_plain_http_is_refused_unless_the_user_named_it(remote: Remote, final: Path) -> None:
    with pytest.raises(
        ChecksumError, match=r"no digest is published for x images, and http://127.0.0.1:\d+/files/"
    ) as e:
        store.fetch_remote(replace(remote, reach=Reach()), final)
    assert "is not https: anybody on the way could change it. Use an https address, or state the sha256" in str(e.value)
    assert "secret" not in str(e.value)


def test_without_digest_size_and_etag_nothing_shows_that_a_file_is_whole(
    remote: Remote, archive: Archive, final: Path
) -> None:
    archive.faults.no_etag = True
    with pytest.raises(ChecksumError, match="x images came without a digest, a size or an ETag: nothing shows that"):
        store.fetch_remote(remote, final)
    assert left(final) == []
    assert store.fetch_remote(replace(remote, size=len(CONTENT)), final) == final


def test_an_etag_does_not_show_where_a_body_without_a_length_ends(
    remote: Remote, archive: Archive, final: Path
) -> None:
    archive.faults.no_length, archive.faults.cuts = True, [100_000]
    with pytest.raises(ChecksumError, match="nothing shows that it is whole; it is not kept"):
        store.fetch_remote(remote, final)
    assert left(final) == []
    archive.faults.no_length, archive.faults.chunked, archive.faults.cuts = False, True, [100_000]
    assert store.fetch_remote(remote, final).read_bytes() == CONTENT, "chunks have an end"


def test_room_is_asked_for_when_only_the_server_says_how_large_a_file_is(
    remote: Remote, archive: Archive, final: Path
) -> None:
    archive.faults.lengths, archive.faults.length_by = 1, 10**15
    with pytest.raises(DiskError, match=r"x images needs 1,000,000,000,\S+ bytes more and .* free"):
        store.fetch_remote(remote, final)
    assert not final.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not synced there")
def test_each_step_is_on_the_disk_before_the_next_one(
    remote: Remote, final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a loss of power could leave a name without its bytes: what no kill of a process can show."""
    steps: list[tuple[str, object]] = []
    sync, replace_file = os.fsync, os.replace

    def note_sync(handle: int) -> None:
        sync(handle)
        steps.append(("on the disk", os.fstat(handle).st_ino))

    def note_name(source: Path, target: Path) -> None:
        replace_file(source, target)
        steps.append(("named", Path(target).name))

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_name)
    store.fetch_remote(remote, final)
    receipt = receipts.place(final)
    its = {path: ("on the disk", path.stat().st_ino) for path in (final, receipt, final.parent)}
    assert steps == [
        its[final],
        its[receipt],
        ("named", receipt.name),
        its[final.parent],
        ("named", final.name),
        its[final.parent],
    ]


def test_a_look_at_the_complete_file_can_refuse_it_before_it_is_seen(remote: Remote, final: Path) -> None:
    def look(part: Path) -> None:
        assert part.read_bytes() == CONTENT
        assert not final.exists()
        raise ArchiveError("no picture")

    with pytest.raises(ArchiveError, match="no picture"):
        store.fetch_remote(remote, final, check=look)
    assert left(final) == []
    assert store.fetch_remote(remote, final, check=lambda part: None) == final


def test_a_pinned_address_that_leads_nowhere_is_asked_for_afresh_and_what_arrived_is_kept(
    remote: Remote, archive: Archive, final: Path
) -> None:
    asked: list[str] = []

    def afresh() -> Remote:
        asked.append("the archive")
        return replace(remote, sha256=SHA256)

    moved = replace(remote, sha256=SHA256, urls=(f"{archive.root}/files/gone",), afresh=afresh)
    assert store.fetch_remote(moved, final).read_bytes() == CONTENT
    assert asked == ["the archive"]
    assert store.receipt(final)["url"].endswith("/files/pictures/1.tif")
    with pytest.raises(ArchiveError, match="404"):
        store.fetch_remote(replace(moved, afresh=None), final.with_name("2.tif"))
    archive.faults.unavailable, archive.faults.status = 10**6, 400
    with pytest.raises(ArchiveError, match="it answered 400"):
        store.fetch_remote(moved, final.with_name("3.tif"))
    assert asked == ["the archive"], "only where there is nothing at the address"


def test_bytes_of_which_nothing_says_whose_they_are_are_not_continued(final: Path) -> None:
    wanted = {"session": "images", "size": 5, "digest": ""}
    final.parent.mkdir(parents=True)
    for etag, n_kept in (("", 0), ("e", 5)):
        part = parts.claim(final, wanted, etag="")
        part.remember(etag)
        part.write(b"begun")
        part.release()
        again = parts.claim(final, wanted, etag="")
        assert again.seek(0, 2) == n_kept
        again.discard()


@pytest.mark.parametrize("fault", ["weak_etag", "no_etag"])
def test_without_a_strong_etag_two_files_are_told_apart_by_the_digest_and_all_is_asked_for_anew_once(
    fault: str, remote: Remote, archive: Archive, final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was another one, and became the published one while it came."""
    setattr(archive.faults, fault, True)
    archive.faults.cuts = [100_000]
    archive.change(archive.files[0], bytes(len(CONTENT)))
    own_time(monkeypatch, transport, sleep=lambda _: archive.change(archive.files[0], CONTENT))
    assert store.fetch_remote(replace(remote, sha256=SHA256), final).read_bytes() == CONTENT
    assert [request.range for request in archive.downloads()] == ["", "bytes=100000-", ""]


def test_wrong_bytes_that_break_off_again_and_again_are_asked_for_anew_only_once(
    remote: Remote, archive: Archive, final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_time(monkeypatch, transport, sleep=lambda _: None)
    archive.faults.no_etag, archive.faults.flip_at, archive.faults.cuts = True, 5, [120_000] * 18
    with pytest.raises(ChecksumError, match="and none were kept"):
        store.fetch_remote(replace(remote, sha256=SHA256), final)
    assert [request.range for request in archive.downloads()] == ["", "bytes=120000-", "bytes=240000-"] * 2
    assert left(final) == []


def test_a_file_that_was_touched_is_read_again_once_and_one_that_changed_is_not_taken(
    remote: Remote, final: Path
) -> None:
    path = store.fetch_remote(remote, final)
    os.utime(path)
    assert supplements.is_kept(path)
    assert store.receipt(path)["mtime_ns"] == path.stat().st_mtime_ns, "the new time is remembered"
    path.write_bytes(CONTENT[:-1] + b"?")  # as long as before
    assert not supplements.is_kept(path)
    path.unlink()
    assert not supplements.is_kept(path)


def test_a_touched_file_of_a_shared_cache_is_taken_and_its_receipt_left_alone(
    remote: Remote, final: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.fetch_remote(remote, final)
    os.utime(path)
    written = receipts.place(path).read_bytes()
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "mine"))
    assert supplements.is_kept(path)
    assert receipts.place(path).read_bytes() == written


def test_offline_a_remote_that_is_not_there_is_named_and_nothing_is_written(
    remote: Remote, final: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match=r"x images is not in the cache \(.*1.tif\), and NEURODATA4ML_OFFLINE"):
        store.fetch_remote(remote, final)
    assert not (tmp_path / "cache").exists()


def test_a_file_copied_into_the_cache_by_hand_is_taken_in_by_its_digest_of_any_kind(
    remote: Remote, archive: Archive, final: Path
) -> None:
    final.parent.mkdir(parents=True)
    final.write_bytes(CONTENT)
    assert store.fetch_remote(replace(remote, md5=MD5), final) == final
    assert not archive.log
    assert store.receipt(final)["sha256"] == SHA256
