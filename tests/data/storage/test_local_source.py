"""A file on this machine: its own bytes, by many threads and processes, and never another file's."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.sources import local
from neurodata4ml.data.storage.sources.local import LocalSource, ObjectSource
from neurodata4ml.errors import LayoutError

CONTENT = np.random.default_rng(0).bytes(300_000)
SPANS = [(0, 10), (299_990, 300_000), (5, 5), (1_000, 200_000), (0, 300_000), (7, 8)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    return path


class Slow(io.RawIOBase):
    """A file object that gives a few bytes at a time, as sockets do."""

    def __init__(self) -> None:
        self.at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = {0: 0, 1: self.at, 2: len(CONTENT)}[whence] + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1) -> bytes:
        piece = CONTENT[self.at : self.at + min(size, 70_001)]
        self.at += len(piece)
        return piece


def sources(path: Path) -> list[Any]:
    return [LocalSource(path), ObjectSource(io.BytesIO(CONTENT)), ObjectSource(open(path, "rb")), ObjectSource(Slow())]


@pytest.mark.parametrize("which", range(4))
def test_every_span_has_the_files_own_bytes(path: Path, which: int) -> None:
    source = sources(path)[which]
    assert source.size == len(CONTENT)
    for start, stop in SPANS:
        assert bytes(source.read(start, stop)) == CONTENT[start:stop]
    assert {n: bytes(data) for n, data in source.read_many(SPANS)} == {
        n: CONTENT[slice(*span)] for n, span in enumerate(SPANS)
    }
    values = np.zeros((3, 1_000), ">i2")
    source.fill([(10, memoryview(values[1])), (50_000, memoryview(values[0]))])
    assert values[1].tobytes() == CONTENT[10:2_010]
    assert values[0].tobytes() == CONTENT[50_000:52_000]
    assert not values[2].any()


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("span", [(0, 300_001), (-1, 5), (10, 5), (0, 1 << 60)])
def test_what_lies_outside_of_the_file_is_refused_before_memory_is_taken(
    path: Path, which: int, span: tuple[int, int]
) -> None:
    with pytest.raises(LayoutError, match=r"ends at byte 300,000, and byte .* is asked for: it is cut short"):
        sources(path)[which].read(*span)


def test_a_long_stretch_is_filled_by_several_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "AT_ONCE", 10_001)
    buffer = bytearray(len(CONTENT))
    LocalSource(path).fill([(0, memoryview(buffer))])
    assert buffer == CONTENT


def test_reading_here_costs_nothing_and_over_an_object_as_much_as_it_is(path: Path) -> None:
    file, memory, opened, other = sources(path)
    assert file.cost(SPANS) == memory.cost(SPANS) == opened.cost(SPANS) == Cost(0, 0)
    assert [source.is_remote for source in (file, memory, opened, other)] == [False, False, False, True]
    assert other.cost([(0, 10), (20, 25)]) == Cost(15, 2)


def test_many_threads_read_while_the_file_is_closed_and_opened_again(path: Path) -> None:
    source, shared = LocalSource(path), ObjectSource(Slow())

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(100):
            start = chance.randrange(299_000)
            assert bytes(source.read(start, start + 999)) == CONTENT[start : start + 999]
            assert bytes(shared.read(start, start + 999)) == CONTENT[start : start + 999]
            source.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(read, range(8)))


def test_it_is_pickled_by_its_path_and_read_by_another_process(path: Path) -> None:
    source = LocalSource(path)
    source.read(0, 10)
    pickled = pickle.dumps(source)
    assert len(pickled) < 600
    assert bytes(pickle.loads(pickled).read(7, 99)) == CONTENT[7:99]
    pickled = pickle.dumps(ObjectSource(io.BytesIO(CONTENT)))
    assert pickle.loads(pickled).read(7, 99) == CONTENT[7:99]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_process_reads_on(path: Path) -> None:
    source = LocalSource(path)
    source.read(0, 10)
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        assert pool.starmap(_read, [(source, start) for start in range(0, 200_000, 10_000)]) == [True] * 20


def _read(source: LocalSource, start: int) -> bool:
    return bytes(source.read(start, start + 5_000)) == CONTENT[start : start + 5_000]


def test_a_file_that_changed_since_is_refused(path: Path) -> None:
    source, copy = LocalSource(path), LocalSource(path)
    source.read(0, 10)
    copy = pickle.loads(pickle.dumps(copy))
    with open(path, "ab") as file:
        file.write(b"more")
    for its in (source, copy):
        with pytest.raises(LayoutError, match=r"changed since it was opened: .*300,000 bytes and has 300,004.* again"):
            its.read(0, 10)


def test_a_file_that_was_written_to_and_has_its_old_date_is_refused(path: Path) -> None:
    source = LocalSource(path)
    source.read(0, 10)
    times = path.stat()
    time.sleep(0.02)  # clocks of file systems tick slowly
    os.link(path, path.with_name("another name"))
    assert bytes(source.read(0, 10)) == CONTENT[:10]  # its status changed, and its bytes did not
    path.with_name("another name").unlink()
    source = LocalSource(path)
    with open(path, "r+b") as file:
        file.write(b"others")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(LayoutError, match=r"or was written to\. Open it again"):
        source.read(0, 10)


def test_a_file_that_is_cut_while_it_is_open_is_an_error_and_no_crash(path: Path) -> None:
    source = LocalSource(path)
    source.read(0, 10)
    os.truncate(path, 1_000)
    with pytest.raises(LayoutError, match=r"ends at byte 1,000, and was longer when it was opened"):
        source.read(500, 2_000)


def test_a_file_in_its_place_is_not_taken_for_it(path: Path, tmp_path: Path) -> None:
    source = LocalSource(path)
    source.read(0, 10)
    (tmp_path / "b.bin").write_bytes(CONTENT[::-1])
    times = path.stat()
    os.utime(tmp_path / "b.bin", ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "b.bin").replace(path)
    assert bytes(source.read(0, 10)) == CONTENT[:10]  # the open file is the old one
    source.close()
    with pytest.raises(LayoutError, match="changed since it was opened"):
        source.read(0, 10)
    path.unlink()
    with pytest.raises(LayoutError, match="is gone since it was opened"):
        source.read(0, 10)


def test_a_key_is_given_once_the_next_change_would_show(path: Path) -> None:
    assert LocalSource(path).key == ""
    os.utime(path, (1e9, 1e9))
    assert LocalSource(path).key == ""  # its status changed just now
    source = LocalSource(path)
    source._state = source._state._replace(changed=int(1e18))
    assert source.key.startswith(f"file:{path}:300000:")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(LayoutError, match=rf"{path} is no file\. Give the path of one"):
            LocalSource(path)
    with pytest.raises(LayoutError, match=r"nowhere\.nwb cannot be read .*No such file.* Correct the path"):
        LocalSource(tmp_path / "nowhere.nwb")


def test_objects_that_give_no_bytes_or_from_no_place_are_refused(path: Path) -> None:
    with (
        open(path, encoding="latin-1") as text,
        pytest.raises(LayoutError, match=r"a.bin \(TextIOWrapper\) gives no bytes\. Open it with mode 'rb'"),
    ):
        ObjectSource(text)
    ours, theirs = os.pipe()
    with (
        open(ours, "rb") as pipe,
        open(theirs, "wb"),
        pytest.raises(LayoutError, match=r"cannot be read from any place .* io\.BytesIO"),
    ):
        ObjectSource(pipe)
    with open(path, "rb") as file:
        source = ObjectSource(file)
    with pytest.raises(LayoutError, match=r"was closed by whoever opened it\. Keep it open"):
        source.read(0, 10)
