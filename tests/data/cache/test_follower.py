"""Digests computed while a file is written are those of the file, however it came to be."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from neurodata4ml.data.cache import digests as module
from neurodata4ml.data.cache.digests import Digests, digests
from neurodata4ml.data.cache.follower import Follower
from neurodata4ml.data.cache.parts import claim

KINDS = ("md5", "etag")
WANTED = {"session": "1", "size": 0, "digest": "x"}

steps = st.lists(st.one_of(st.binary(min_size=1, max_size=50_000), st.just("anew"), st.just("wait")), max_size=12)
"""What a writer does: write, throw all away, or be slower than the one who hashes."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
@example(steps=[b"thrown away", "wait", "anew", b"kept"])
@example(steps=[b"thrown away", "wait", "anew", b"kept, and longer than what was thrown away", "wait"])
def test_whatever_is_written_and_thrown_away_the_digests_are_those_of_the_file(
    steps: list[bytes | str], tmp_path: Path
) -> None:
    final = tmp_path / f"{time.monotonic_ns()}"
    part = claim(final, WANTED, etag="", also=KINDS)
    for step in steps:
        if step == "anew":
            part.seek(0)
            part.truncate()
        elif step == "wait":  # until the follower has come as far
            until = time.monotonic() + 2
            while part.follower._digests.size < part.tell() and time.monotonic() < until:
                time.sleep(0.0005)
        else:
            part.write(step)
    found = part.finish()
    with open(part.path, "rb") as file:
        assert found == digests(file, *KINDS)
    assert found["size"] == part.path.stat().st_size
    part.discard()


def test_bytes_of_an_earlier_process_are_hashed_too(tmp_path: Path) -> None:
    final = tmp_path / "a"
    first = claim(final, WANTED, etag="")
    first.remember("e")
    first.write(b"begun, ")
    first.release()
    second = claim(final, WANTED, etag="")
    assert second.seek(0, 2) == 7
    second.write(b"and ended")
    assert second.finish()["sha256"] == hashlib.sha256(b"begun, and ended").hexdigest()
    second.discard()
    assert not list(tmp_path.iterdir())


def test_a_piece_that_is_thrown_away_while_it_is_hashed_is_forgotten(tmp_path: Path) -> None:
    part = claim(tmp_path / "a", WANTED, etag="")
    is_read, may_go_on = threading.Event(), threading.Event()
    file = part.follower._file

    class Slow:
        seek, close = file.seek, file.close

        def read(self, size: int) -> bytes:
            block = file.read(size)
            if block == b"thrown away":
                is_read.set()
                may_go_on.wait(5)
            return block

    with part.follower._whole_pieces:
        part.follower._file = Slow()  # type: ignore[assignment]
    part.write(b"thrown away")
    assert is_read.wait(5)
    threading.Timer(0.1, may_go_on.set).start()
    part.seek(0)
    part.truncate()
    part.write(b"kept")
    assert part.finish()["sha256"] == hashlib.sha256(b"kept").hexdigest()
    part.discard()


def test_the_digests_of_pieces_of_any_length_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """DANDI's etag is over parts of a fixed size, which pieces do not respect."""
    monkeypatch.setattr(module, "PART_OF_ETAG", 1000)
    content = np.random.default_rng(0).bytes(10_500)
    parts = [hashlib.md5(content[i : i + 1000]).digest() for i in range(0, len(content), 1000)]
    for length in (1, 999, 1000, 1001, 2500, 20_000):
        seen = Digests(*KINDS)
        for i in range(0, len(content), length):
            seen.update(content[i : i + length])
        assert seen.found() == {
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "md5": hashlib.md5(content).hexdigest(),
            "etag": f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}",
        }


def test_a_follower_that_is_given_up_ends_at_once_and_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(1 << 20))
    follower = Follower(path)
    follower.give_up()
    assert not follower._thread.is_alive()
    assert follower._file.closed


def test_trouble_while_hashing_is_raised_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Follower) -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Follower, "_piece", broken)
    path = tmp_path / "a"
    path.touch()
    with pytest.raises(OSError, match="the disk is gone"):
        Follower(path).finish()
