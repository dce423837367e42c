"""A file on a server: every byte is the file's own, of one version of it; few requests bring them, and none twice."""

from __future__ import annotations

import multiprocessing
import pickle
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive import Archive, Stored
from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.remote import connections, lanes, transport
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.data.remote.versioned import Version
from neurodata4ml.data.storage.source import Cost, Span
from neurodata4ml.data.storage.sources import behind, identity
from neurodata4ml.data.storage.sources.streamed import HEAD, TAIL, RemoteSource, open_remote
from neurodata4ml.errors import ArchiveError, ChecksumError, LayoutError, NotCachedError

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of this test's own, and no waiting between two tries."""
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    yield tmp_path / "cache"
    behind.wait(60)


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        yield archive


@pytest.fixture
def stored(archive: Archive) -> Stored:
    return archive.put("bucket/a.nwb", CONTENT)


@pytest.fixture
def url(archive: Archive, stored: Stored) -> str:
    return archive.url(stored)


def check(source: RemoteSource, spans: list[Span]) -> None:
    found = {place: bytes(data) for place, data in source.read_many(spans)}
    assert found == {place: CONTENT[start:stop] for place, (start, stop) in enumerate(spans)}


def scattered(seed: int, n: int, longest: int) -> list[Span]:
    chance = np.random.default_rng(seed)
    starts = chance.integers(0, len(CONTENT), n).tolist()
    sizes = chance.integers(0, longest, n).tolist()
    return [(start, min(start + size, len(CONTENT))) for start, size in zip(starts, sizes, strict=True)]


@pytest.mark.parametrize("kept", ["2GB", "0"])
@pytest.mark.parametrize(("n", "longest"), [(1, 3_000_000), (40, 90_000), (300, 300), (25, 1_500_000)])
def test_every_span_has_the_files_own_bytes(
    archive: Archive, url: str, kept: str, n: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", kept)
    source = open_remote(url)
    assert (source.size, source.is_remote) == (len(CONTENT), True)
    for seed in range(3):
        spans = scattered(seed, n, longest)
        check(source, spans)
        buffers = [np.zeros(stop - start, np.uint8) for start, stop in spans]
        source.fill([(start, memoryview(buffer)) for (start, _), buffer in zip(spans, buffers, strict=True)])
        assert [buffer.tobytes() for buffer in buffers] == [CONTENT[start:stop] for start, stop in spans]
    assert (bytes(source.read(5, 99)), bytes(source.read(7, 7))) == (CONTENT[5:99], b"")


def test_the_first_and_last_bytes_come_with_the_answer_what_the_file_is(archive: Archive, url: str) -> None:
    source = open_remote(url)
    ends = [(0, HEAD), (len(CONTENT) - TAIL, len(CONTENT))]
    assert source.cost(ends) == Cost(0, 0)
    check(source, [*ends, (100, 200)])
    assert {request.range for request in archive.log} == {f"bytes=0-{HEAD - 1}", f"bytes=-{TAIL}"}
    assert source.confirm()  # an answer said so
    assert len(archive.log) == 2


@pytest.mark.parametrize("size", [1, 9, HEAD - 1, HEAD, HEAD + 1, TAIL - 1, TAIL + 1, TAIL + HEAD + 1])
def test_a_small_file_is_here_as_soon_as_it_is_open(archive: Archive, size: int) -> None:
    source = open_remote(archive.url(archive.put("small", CONTENT[:size])))
    begun = len(archive.log)
    assert bytes(source.read(0, size)) == CONTENT[:size]
    assert len(archive.log) == begun + (size > TAIL + HEAD)


def test_what_was_read_is_not_asked_for_again_and_partly_read_only_the_rest(archive: Archive, url: str) -> None:
    source = open_remote(url)
    check(source, [(500_000, 600_000)])
    archive.forget()
    check(source, [(500_000, 600_000), (550_000, 550_010)])
    assert archive.log == []
    check(source, [(450_000, 700_000)])
    assert sorted(request.range for request in archive.log) == ["bytes=450000-499999", "bytes=600000-699999"]


def test_another_source_and_another_process_find_it_on_the_disk(archive: Archive, url: str) -> None:
    check(open_remote(url), [(0, 2_000_000)])
    behind.wait(60)
    archive.forget()
    source = open_remote(url)
    assert archive.log == []
    source.start_confirming()
    check(source, [(10, 2_000_000)])
    assert source.confirm()
    assert source.confirm()
    assert [(request.range, request.if_match) for request in archive.log] == [
        ("bytes=0-0", f'"{source.version.etag}"'),
    ]


def test_copies_of_a_source_in_one_process_share_what_is_not_on_the_disk_yet(
    archive: Archive, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind, "write", lambda *_: True)  # a disk that takes its time
    source = open_remote(url)
    check(source, [(500_000, 600_000)])
    archive.forget()
    check(pickle.loads(pickle.dumps(source)), [(500_000, 600_000)])
    check(open_remote(url), [(0, 100)])
    assert archive.log == []


def test_two_readers_of_the_same_bytes_ask_for_them_once(archive: Archive, url: str) -> None:
    source = open_remote(url)
    archive.forget()
    archive.faults.latency = 0.2
    spans = [(500_000, 900_000), (500_000, 900_000), (700_000, 1_100_000), (600_000, 1_000_000)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(source.read, *zip(*spans, strict=True)))
    assert [bytes(data) for data in found] == [CONTENT[start:stop] for start, stop in spans]
    assert sum(request.sent for request in archive.log) == 600_000


def test_near_spans_share_a_request_and_long_ones_are_split(archive: Archive, url: str) -> None:
    source = open_remote(url)
    near = [(start, start + 10_000) for start in range(500_000, 1_000_000, 11_000)]
    assert source.cost(near) == Cost(near[-1][1] - near[0][0], 1)
    far = [(start, start + 10_000) for start in range(100_000, 2_600_000, 100_000)]
    assert source.cost(far) == Cost(250_000, 25)
    archive.forget()
    check(source, far)
    assert len(archive.log) == 25
    assert sum(request.sent for request in archive.log) == 250_000


def test_requests_run_at_once_and_in_few_connections(
    archive: Archive, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    connect = connections._connect
    monkeypatch.setattr(connections, "_connect", lambda *a: made.append("") or connect(*a))
    lanes._start_anew()
    sources = [open_remote(url) for _ in range(5)]
    archive.faults.latency = 0.02
    spans = [(start, start + 1_000) for start in range(200_000, 2_990_000, 30_000)]
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(check, sources, [spans] * 5))
    assert 4 < len(made) <= lanes.LANES
    assert lanes._its.n_threads <= 2 * lanes.LANES


def test_spans_are_there_as_they_arrive_and_what_is_here_comes_first(archive: Archive, url: str) -> None:
    source = open_remote(url)
    check(source, [(2_000_000, 2_100_000)])
    archive.faults.latency = 0.3
    arriving = source.read_many([(1_000_000, 1_000_100), (2_050_000, 2_060_000), (50, 60)])
    assert next(arriving)[0] == 1
    assert next(arriving)[0] == 2
    assert [place for place, _ in arriving] == [0]


def test_a_reader_that_leaves_early_leaves_nothing_hanging(archive: Archive, url: str) -> None:
    source = open_remote(url)
    arriving = source.read_many([(start, start + 1_000) for start in range(200_000, 2_990_000, 60_000)])
    next(arriving)
    arriving.close()
    check(source, scattered(4, 30, 50_000))


@pytest.mark.parametrize("span", [(0, 3_000_001), (-1, 5), (10, 5), (0, 1 << 60)])
def test_what_lies_outside_of_the_file_is_refused_before_it_is_asked_for(url: str, span: Span) -> None:
    with pytest.raises(LayoutError, match=r"a\.nwb ends at byte 3,000,000, and byte .* is asked for: it is cut short"):
        open_remote(url).read(*span)


def test_a_source_is_pickled_by_reference_and_opened_without_a_request(archive: Archive, url: str) -> None:
    source = open_remote(url)
    check(source, [(1_000_000, 2_000_000)])
    pickled = pickle.dumps(source)
    assert len(pickled) < 1_000
    behind.wait(60)
    archive.forget()
    copy = pickle.loads(pickled)
    check(copy, [(1_000_000, 2_000_000)])
    assert archive.log == []
    check(copy, [(2_000_000, 2_000_010)])
    assert archive.log[0].if_match == f'"{source.version.etag}"'


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_process_reads_on_over_connections_of_its_own(archive: Archive, url: str) -> None:
    source = open_remote(url)
    check(source, scattered(1, 20, 10_000))
    reading = threading.Thread(target=check, args=(source, scattered(2, 200, 1_000)))  # locks are held while we fork
    reading.start()
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.starmap(_read, [(source, seed) for seed in range(9)]) == [True] * 9
    reading.join()
    check(source, scattered(3, 20, 10_000))


def _read(source: RemoteSource, seed: int) -> bool:
    check(source, scattered(seed, 20, 20_000))
    return True


@pytest.mark.parametrize(
    "faults",
    [
        {"cuts": [20_000, 0, 70_000, 50_000]},
        {"cuts": [20_000, 0, 70_000], "reset": True},
        {"unavailable": 3},
        {"short_range": 2},
        {"wrong_range": 2},
        {"html": 2},
        {"chunked": True},
    ],
)
def test_a_server_in_trouble_is_asked_again_and_no_byte_is_wrong(
    archive: Archive, url: str, faults: dict[str, Any]
) -> None:
    source = open_remote(url)
    for name, value in faults.items():
        setattr(archive.faults, name, value)
    check(source, [(200_000, 400_000), (900_000, 1_900_000)])
    archive.faults.heal()
    behind.wait(60)
    archive.forget()
    check(open_remote(url), [(200_000, 400_000), (900_000, 1_900_000)])  # and none wrong was kept
    assert archive.log == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"unavailable": 99}, "did not deliver {name}: it answered 503 Service Unavailable"),
        ({"html": 99}, "it sent text/html"),
        ({"drops": 99}, "did not deliver {name}"),
    ],
)
def test_what_does_not_get_better_is_an_error_until_it_does(
    archive: Archive, url: str, fault: dict[str, int], words: str
) -> None:
    source = open_remote(url)
    for name, value in fault.items():
        setattr(archive.faults, name, value)
    with pytest.raises(ArchiveError, match=re.escape(words.format(name=source.name))):
        source.read(200_000, 400_000)
    archive.faults.heal()
    check(source, [(200_000, 400_000)])


@pytest.mark.slow
def test_nobody_there_any_more(archive: Archive, url: str) -> None:
    source = open_remote(url)
    archive.stop()
    with pytest.raises(ArchiveError, match="Connection refused"):
        source.read(200_000, 200_010)
    check(source, [(0, 1_000)])


def test_a_server_without_ranges_is_refused(archive: Archive, url: str) -> None:
    archive.faults.ignore_range = True
    with pytest.raises(ArchiveError, match=r"sends whole files only, so no parts .* Download it, and open the file\."):
        open_remote(url)
    archive.faults.heal()
    source = open_remote(url)
    archive.faults.ignore_range = True
    with pytest.raises(ArchiveError, match="sends whole files only"):
        source.read(200_000, 200_010)


def test_a_file_that_changes_meanwhile_is_never_mixed(archive: Archive, stored: Stored, url: str) -> None:
    source = open_remote(url)
    archive.change(stored, CONTENT[::-1])
    with pytest.raises(ArchiveError, match=r"a\.nwb changed on the server while it was read .*Open it again\."):
        source.read(200_000, 300_000)
    fresh = open_remote(url)
    assert bytes(fresh.read(200_000, 300_000)) == CONTENT[::-1][200_000:300_000]
    assert fresh.key != source.key


def test_a_file_that_changed_since_last_time_is_noticed_and_opened_anew(
    archive: Archive, stored: Stored, url: str
) -> None:
    check(open_remote(url), [(0, 300_000)])
    archive.change(stored, CONTENT[::-1])
    source = open_remote(url)
    source.start_confirming()
    assert not source.confirm()
    assert bytes(source.anew().read(0, 300_000)) == CONTENT[::-1][:300_000]
    assert open_remote(url).confirm()


def test_a_server_that_heeds_no_condition_is_told_by_its_etag(archive: Archive, stored: Stored, url: str) -> None:
    open_remote(url)
    archive.faults.new_etag = "another"
    assert not open_remote(url).confirm()


def test_a_confirmation_that_does_not_come_is_an_error_and_is_asked_for_again(archive: Archive, url: str) -> None:
    open_remote(url)
    source = open_remote(url)
    archive.faults.unavailable = 99
    with pytest.raises(ArchiveError, match="it answered 503"):
        source.confirm()
    archive.faults.heal()
    assert source.confirm()


def test_a_presigned_address_that_expires_is_resolved_anew(archive: Archive) -> None:
    asset = archive.add("000001", "1", "a.nwb", CONTENT)
    source = open_remote(f"{archive.api}/assets/{asset.asset_id}/download/")
    check(source, scattered(1, 10, 1_000))
    assert sum("/download/" in request.path for request in archive.log) == 2  # for the first bytes, and for the last
    archive.faults.expired = 1
    check(source, [(1_000_000, 1_100_000)])
    assert sum("/download/" in request.path for request in archive.log) == 3


def test_a_presigned_address_that_was_typed_is_one_file_and_keeps_its_secret(
    archive: Archive, url: str, cache: Path
) -> None:
    source = open_remote(f"{url}?X-Amz-Signature=first&X-Amz-Date=1&part=7")
    source.read(200_000, 300_000)
    behind.wait(60)
    again = open_remote(f"{url}?X-Amz-Date=2&part=7&X-Amz-Signature=second")
    assert again.key == source.key
    assert again.requests == 0
    assert identity.address(f"{url}?part=8") != identity.address(f"{url}?part=7")
    for path in cache.rglob("*"):
        assert not path.is_file() or b"first" not in path.read_bytes()
    archive.faults.expired = 99
    with pytest.raises(ArchiveError, match="it answered 403") as failed:
        again.read(500_000, 600_000)
    assert "second" not in str(failed.value)


def located(url: str, archive: Archive, **its: Any) -> Remote:
    facts: dict[str, Any] = {"dataset": "mine", "session": "1", "version": "1", "path": "a.nwb", "urls": (url,)}
    return Remote(**{**facts, "reach": Reach(named=(archive.root,)), **its})


def test_what_an_archive_published_must_be_what_the_server_states(archive: Archive, stored: Stored, url: str) -> None:
    source = open_remote(located(url, archive, size=len(CONTENT), etag=stored.etag, sha256="ab"))
    assert source.name == "mine 1"
    assert source.key == f"sha256:ab {len(CONTENT)} {stored.etag}"
    for pin, words in (({"size": 5}, "states size 3000000 .* published is 5"), ({"etag": "x"}, "published is x")):
        with pytest.raises(ChecksumError, match=f"{words}.* Download it, and open the file"):
            open_remote(located(url, archive, **pin))


def test_an_address_in_the_clear_that_nobody_named_is_not_read(archive: Archive, url: str) -> None:
    with pytest.raises(ChecksumError, match=r"mine 1 have no digest of their own, and http://.* is not https: anybody"):
        open_remote(located(url, archive, reach=Reach()))
    assert archive.log == []


@pytest.mark.parametrize("when", ["at once", "later"])
def test_where_the_address_leads_nowhere_the_archive_is_asked_for_another(
    archive: Archive, stored: Stored, url: str, when: str
) -> None:
    now = located(url, archive)
    gone = archive.put("gone.nwb", CONTENT, etag=stored.etag)
    remote = located(archive.url(gone), archive, afresh=lambda: now)
    if when == "later":
        source = open_remote(remote)
    gone.at = "/elsewhere"
    if when == "at once":
        source = open_remote(remote)
    check(source, [(200_000, 300_000), (1_000_000, 2_900_000)])
    pickle.loads(pickle.dumps(source))
    archive.stop()
    with pytest.raises(ArchiveError, match="Connection refused"):
        source.read(300_000, 400_000)


def test_a_typed_address_may_lead_to_any_public_host_and_to_none_in_this_house(archive: Archive, url: str) -> None:
    reach = Reach(anywhere=True)
    reach.refuse_hop("https://doi.org/1", "https://doi.org/1", "https://zenodo.org/a.nwb")
    with pytest.raises(ArchiveError, match="from https to http"):
        reach.refuse_hop("https://doi.org/1", "https://doi.org/1", "http://zenodo.org/a.nwb")
    archive.faults.misled, archive.faults.redirect_to = 9, url.replace("127.0.0.1", "localhost")
    with pytest.raises(ArchiveError, match=r"it leads to .*, a loopback address, where only what you named yourself"):
        open_remote(url)


def test_offline_what_was_read_is_there_and_nothing_else(
    archive: Archive, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(open_remote(url), [(0, 500_000)])
    behind.wait(60)
    archive.forget()
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    source = open_remote(url)
    assert source.confirm()
    check(source, [(100_000, 500_000)])
    with pytest.raises(NotCachedError, match=r"100,000 bytes of http://.* are not in the block cache, and .*OFFLINE"):
        source.read(400_000, 600_000)
    with pytest.raises(NotCachedError, match=r"other\.nwb was never opened, and NEURODATA4ML_OFFLINE forbids"):
        open_remote(f"{archive.root}/files/other.nwb")
    assert archive.log == []


def test_a_date_tells_versions_apart_only_when_it_is_old(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Version(10, "", "Sun, 09 Sep 2001 01:46:40 GMT")
    assert identity.key("https://x.org/a", "", old).startswith("https://x.org/a 10 Sun, 09 Sep")
    assert identity.key("https://x.org/a", "", old._replace(date="Sun, 09 Sep 2331 01:46:40 GMT")) == ""
    assert identity.key("https://x.org/a", "", old._replace(date="yesterday")) == ""


def test_what_is_written_down_of_an_address_may_be_anything(url: str, cache: Path) -> None:
    open_remote(url)
    (path,) = (cache / "index").iterdir()
    for text in ("", "{}", "[]", '{"size": -5, "etag": "", "date": ""}', '{"size": "5", "etag": 7, "date": null}'):
        path.write_text(text)
        assert identity.known(url) is None
    check(open_remote(url), [(0, 10)])
    assert identity.known(url) is not None


SIGNED = ("sig=%s&sv=2022&se=%s&sp=r", "Signature=%s&Expires=%s&Key-Pair-Id=k", "X-Goog-Signature=%s&X-Goog-Date=%s")


@pytest.mark.parametrize("query", SIGNED)
def test_signatures_do_not_tell_files_apart(query: str) -> None:
    one, other = (identity.address(f"https://x.org/a?{query % pair}") for pair in (("a", "1"), ("b", "2")))
    assert one == other == "https://x.org/a"


@pytest.mark.parametrize("name", ["se", "sig", "token", "policy", "Expires", "Signature", "X-Amz-Date", "sv"])
def test_one_short_name_is_no_signature(name: str) -> None:
    one, other = (identity.address(f"https://x.org/get.nwb?{name}=session{k}") for k in "12")
    assert one != other
    assert "session" not in one  # it may be a secret all the same


def test_a_server_that_hangs_does_not_stop_the_others(archive: Archive, url: str) -> None:
    lanes._start_anew()
    hanging = threading.Event()
    stuck = [lanes.ask(f"http://10.0.0.{host}/a", hanging.wait) for host in range(6) for _ in range(40)]
    try:
        answer = lanes.ask(url, threading.active_count)
        assert answer.result(10) >= 16
        assert lanes._its.n_threads <= lanes.MOST_LANES
        assert max(lanes._its.busy.values()) <= lanes.LANES
    finally:
        hanging.set()
    assert all(one.result(10) for one in stuck)
    assert not lanes._its.lines


def test_an_address_in_a_bucket_is_asked_over_https() -> None:
    with pytest.raises(ArchiveError, match=r"^bucket\.s3\.amazonaws\.com did not deliver https://bucket\.s3"):
        open_remote("s3://bucket/a b.nwb")
