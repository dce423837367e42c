"""The block cache never has a wrong byte: not after a kill, not on a bad disk, not among many processes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import Archive
from neurodata4ml.data.storage.sources import behind, piece_file
from neurodata4ml.data.storage.sources.blocks import Blocks, block_folder, limit
from neurodata4ml.data.storage.sources.piece_file import DamagedError, Name
from neurodata4ml.data.storage.sources.streamed import open_remote
from neurodata4ml.errors import NeuroDataError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
KEY = "https://x.org/a.nwb 1000000 abc"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    behind._start_anew()  # what the disk of another test refused is no matter here
    yield tmp_path / "cache"
    behind.wait(60)


def part(start: int, stop: int) -> memoryview:
    return memoryview(CONTENT)[start:stop]


def filled(*spans: tuple[int, int], key: str = KEY) -> Blocks:
    """Return the cache of a file with these spans on the disk, as another process finds it."""
    blocks = Blocks(key)
    for start, stop in spans:
        blocks.keep(start, part(start, stop))
    behind.wait(60)
    return opened(key)


def opened(key: str = KEY) -> Blocks:
    blocks = Blocks(key)
    blocks.look()
    return blocks


SPANS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 900)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(SPANS, SPANS)
def test_what_was_kept_is_here_and_nothing_else(kept: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    shutil.rmtree(block_folder(), ignore_errors=True)
    has = np.zeros(6_000, bool)
    for start, size in kept:
        has[start : start + size] = True
    for blocks in (filled(*((start, start + size) for start, size in kept)),):
        for start, size in asked:
            lacking = np.zeros(6_000, bool)
            for first, last in blocks.lacking(start, start + size):
                lacking[first:last] = True
            assert (lacking[start : start + size] == ~has[start : start + size]).all()
            data = blocks.read(start, start + size)
            assert data == (None if lacking.any() else part(start, start + size))


def test_bytes_are_here_before_they_are_on_the_disk_and_after() -> None:
    blocks = Blocks(KEY)
    blocks.keep(100, part(100, 300_000))
    assert blocks.read(150, 200_000) == part(150, 200_000)
    behind.wait(60)
    assert not blocks._in_memory
    assert blocks.read(150, 200_000) == part(150, 200_000)
    assert opened().read(100, 300_000) == part(100, 300_000)
    assert opened("another file").read(100, 300_000) is None


def test_what_another_process_writes_is_seen_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = filled((0, 1_000))
    filled((5_000, 6_000))
    monkeypatch.setattr("neurodata4ml.data.storage.sources.blocks.LISTED", 0.0)
    blocks.look()
    assert blocks.lacking(0, 6_000) == [(1_000, 5_000)]


def pieces() -> list[Path]:
    return sorted(path for path in block_folder().rglob("*") if path.is_file())


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_is_never_served(seed: int) -> None:
    blocks = filled((1_000, 401_000))
    (path,) = pieces()
    chance, data = random.Random(seed), bytearray(path.read_bytes())
    at = chance.randrange(len(data)) if seed % 2 else chance.randrange(400_000, len(data))
    data[at] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    for start in range(1_000, 401_000, 50_000):
        assert blocks.read(start, start + 50_000) in (None, part(start, start + 50_000))
    assert not path.exists()
    assert opened().read(1_000 + at % 350_000, 1_001 + at % 350_000) is None


@pytest.mark.parametrize("what", ["cut", "longer", "zeros", "empty", "another piece", "another file", "a folder"])
def test_what_is_not_the_piece_it_is_called_is_never_served(what: str) -> None:
    blocks = filled((0, 200_000))
    (path,) = pieces()
    data = path.read_bytes()
    if what == "another file":
        piece_file.write(path.parent, "another key", 0, memoryview(CONTENT[200_000:400_000]))
    elif what == "another piece":
        filled((200_000, 400_000))
        (path.parent / "200000-200000").replace(path)
    elif what == "a folder":
        path.unlink()
        path.mkdir()
    else:
        size = len(data)
        others = {"cut": data[:-1], "longer": data + b"0", "zeros": bytes(size), "empty": b""}
        path.write_bytes(others[what])
    assert blocks.read(10, 150_000) is None
    assert blocks.lacking(10, 20) == [(10, 20)]
    with pytest.raises((DamagedError, OSError)):
        piece_file.fill(path.parent, KEY, Name(0, 200_000), 0, memoryview(bytearray(10)))


def test_a_read_goes_on_where_the_cache_is_damaged_under_it() -> None:
    with Archive() as archive:
        url = archive.url(archive.put("a.nwb", CONTENT))
        open_remote(url).read(0, 1_000_000)
        behind.wait(60)
        for path in pieces():
            path.write_bytes(path.read_bytes().replace(CONTENT[500_000:500_010], bytes(10)))
        source = open_remote(url)
        archive.forget()
        assert source.cost([(0, 1_000_000)]).bytes == 0
        assert bytes(source.read(450_000, 550_000)) == CONTENT[450_000:550_000]
        buffer = bytearray(1_000_000)
        source.fill([(0, memoryview(buffer))])
        assert buffer == CONTENT
        assert archive.log
        behind.wait(60)
        archive.forget()
        assert bytes(open_remote(url).read(0, 1_000_000)) == CONTENT
        assert archive.log == []


def test_a_cache_that_is_removed_under_a_reader_costs_what_an_empty_one_costs() -> None:
    spans = [(start, start + 5_000) for start in range(0, 1_000_000, 5_000)]
    with Archive() as archive:
        source = open_remote(archive.url(archive.put("a.nwb", CONTENT)))
        for start, stop in spans:
            source.read(start, stop)
        behind.wait(60)
        archive.forget()
        shutil.rmtree(block_folder())
        for place, data in source.read_many(spans):
            assert bytes(data) == CONTENT[slice(*spans[place])]
        assert len(archive.log) <= 2


def test_the_least_recently_used_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", "500kB")
    filled(*((start, start + 40_000) for start in range(0, 400_000, 40_000)))
    for age, path in enumerate(pieces()):
        os.utime(path, (1e9 + age, 1e9 + age))
    oldest, next_one = pieces()[:2]
    first = int(oldest.name.partition("-")[0])
    assert opened().read(first, first + 10) is not None  # used: it is the youngest now
    filled(*((start, start + 40_000) for start in range(400_000, 560_000, 40_000)), key="another file")
    assert oldest.exists()
    assert not next_one.exists()
    assert sum(path.stat().st_size for path in pieces()) <= 500_000
    filled(*((start, start + 40_000) for start in range(0, 1_000_000, 40_000)), key="a third")
    assert sum(path.stat().st_size for path in pieces()) <= 500_000
    assert len(list(block_folder().iterdir())) <= 2  # folders with nothing in them are gone


SHARE = """
import sys
from neurodata4ml.data.storage.sources import behind
from neurodata4ml.data.storage.sources.blocks import Blocks
its = Blocks(sys.argv[1])
for start in range(0, 4_000_000, 20_000):
    its.keep(start, memoryview(bytes(20_000)))
    behind.wait(60)
"""


def test_several_processes_together_stay_near_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, n_processes = 4_000_000, 3
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", str(limit))
    others = [subprocess.Popen([sys.executable, "-c", SHARE, f"file {number}"]) for number in range(n_processes)]
    most = 0
    while any(other.poll() is None for other in others):
        with contextlib.suppress(FileNotFoundError):  # swept meanwhile
            most = max(most, sum(path.stat().st_size for path in pieces()))
    assert all(other.returncode == 0 for other in others)
    assert limit / 2 < most <= limit * (1 + 2 * n_processes * behind.LOOK_AGAIN)


def test_what_a_dead_process_left_goes_in_time() -> None:
    filled((0, 1_000))
    left = pieces()[0].parent / ".0-5.1-1-1.part"
    for age, stays in ((0, True), (7_200, False)):
        left.write_bytes(b"begun")
        os.utime(left, (time.time() - age, time.time() - age))
        behind.sweep(block_folder(), 10**9)
        assert left.exists() == stays
    assert len(pieces()) == 1


@pytest.mark.parametrize("stated", ["0", "0GB"])
def test_a_cache_that_is_off_keeps_nothing(stated: str, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", stated)
    blocks = filled((0, 1_000))
    assert blocks.read(0, 10) is None
    assert not block_folder().exists()


def test_the_limit_is_a_size_and_at_most_a_quarter_of_the_whole_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limit() == 2_000_000_000
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "1GB")
    assert limit() == 250_000_000
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", "much")
    with pytest.raises(NeuroDataError, match=r"BLOCK_CACHE_BYTES is 'much'; it must be a size, like 2GB, or 0 to keep"):
        limit()


@pytest.mark.parametrize("trouble", ["no folder", "full"])
def test_a_disk_that_takes_nothing_breaks_no_read(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble == "no folder":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "file"))
    else:
        monkeypatch.setattr(behind, "SPARE", 1 << 60)
    with Archive() as archive:
        url = archive.url(archive.put("a.nwb", CONTENT))
        for _ in range(2):
            source = open_remote(url)
            for start in range(0, 1_000_000, 100_000):
                assert bytes(source.read(start, start + 100_000)) == CONTENT[start : start + 100_000]
    assert pieces() == []


def test_a_slow_disk_slows_nobody_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "MOST_WAITING", 100_000)
    monkeypatch.setattr(behind, "_write", lambda *_: time.sleep(0.3))
    blocks, begun = Blocks(KEY), time.monotonic()
    for start in range(0, 1_000_000, 50_000):
        blocks.keep(start, part(start, start + 50_000))
    assert time.monotonic() - begun < 0.2
    assert sum(len(data) for data in blocks._in_memory.values()) <= 100_000


CHILD = """
import hashlib, json, os, random, sys
from neurodata4ml.data.storage.sources.streamed import open_remote

job = json.loads(sys.argv[1])
content = open(job["file"], "rb").read()

def work(seed):
    chance, source = random.Random(seed), open_remote(job["url"])
    for n in range(job["reads"]):
        start = chance.randrange(len(content))
        spans = [(start, min(len(content), start + chance.randrange(1, 200_000))) for _ in range(3)]
        for place, data in source.read_many(spans):
            assert data == memoryview(content)[slice(*spans[place])], "a wrong byte"
        if n % 5 == 0:
            source = open_remote(job["url"])

children = []
for seed in range(job["processes"]):
    child = os.fork()
    if not child:
        try:
            work(seed + job["seed"])
        except BaseException as error:
            print(repr(error), flush=True)
        finally:
            sys.stdout.flush()
            os._exit(0)
    children.append(child)
print(json.dumps(children), flush=True)
for child in children:
    os.waitpid(child, 0)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_eight_processes_of_which_some_are_killed_while_they_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", "3MB")  # so that all sweep, too
    (tmp_path / "a.nwb").write_bytes(CONTENT)
    with Archive() as archive:
        url = archive.url(archive.put("a.nwb", CONTENT))
        job = {"url": url, "file": str(tmp_path / "a.nwb"), "reads": 10**6, "processes": 8, "seed": 0}
        crowd = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(job)], stdout=subprocess.PIPE, text=True)
        assert crowd.stdout is not None
        children, chance, said = json.loads(crowd.stdout.readline()), random.Random(0), ""
        until = time.monotonic() + 20
        while len(pieces()) < 5 and time.monotonic() < until:
            time.sleep(0.01)
        for child in children:
            time.sleep(chance.uniform(0, 0.15))
            os.kill(child, signal.SIGKILL)
        said, _ = crowd.communicate()
        assert said == ""
        written = [path for path in pieces() if piece_file.name_of(path.name)]
        assert written
        key = open_remote(url).key
        for path in written:
            name = piece_file.name_of(path.name)
            assert name is not None
            data = memoryview(bytearray(name.length))
            piece_file.fill(path.parent, key, name, name.first, data)
            assert data == part(name.first, name.first + name.length)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, json.dumps({**job, "reads": 30, "processes": 2, "seed": 100})],
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(done.stdout.splitlines()) == 1, done.stdout
