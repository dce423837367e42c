"""kill -9 at every write point: the file is absent or right, its receipt too, and the next run ends right."""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plain
from archive import Archive
from crowd import Crowd
from neurodata4ml import describe
from neurodata4ml.data.cache import parts, store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")

PIECE = 8192
OLD, NEW = (np.random.default_rng(seed).bytes(6 * PIECE) for seed in (1, 2))
JOB = {"name": plain.NAME, "chunk": PIECE}


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as crowd:
        yield crowd


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        yield archive


def begin_empty(archive: Archive, crowd: Crowd, tmp_path: Path) -> Path:
    return plain.pin(archive, tmp_path / "catalog", NEW)


def begin_with_half_of_it(archive: Archive, crowd: Crowd, tmp_path: Path) -> Path:
    """Leave what a kill in the middle of the bytes leaves."""
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    (count,) = crowd.run({**JOB, "kill_at": 10**9})
    shutil.rmtree(tmp_path / "cache")
    (told,) = crowd.run({**JOB, "kill_at": count["points"] // 2})
    assert told["killed"]
    assert parts.arrived(final) > PIECE
    return final


def begin_with_an_older_file(archive: Archive, crowd: Crowd, tmp_path: Path) -> Path:
    """Leave a whole and right file, and change the pin."""
    plain.pin(archive, tmp_path / "catalog", OLD)
    assert "path" in crowd.run(JOB)[0]
    return plain.pin(archive, tmp_path / "catalog", NEW)


def begin_with_an_archive_to_come(archive: Archive, crowd: Crowd, tmp_path: Path) -> Path:
    """Let the session be a member of a zip archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.nwb", NEW)
    return plain.pin(archive, tmp_path / "catalog", packed.getvalue(), {"1": {"member": "a.nwb"}}, path="all.zip")


@pytest.mark.parametrize(
    ("begin", "at_least"),
    [
        (begin_empty, 50),
        (begin_with_half_of_it, 30),
        pytest.param(begin_with_an_older_file, 50, marks=pytest.mark.slow),
        pytest.param(begin_with_an_archive_to_come, 70, marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_write_point_nothing_wrong_is_visible_and_the_next_run_ends_right(
    begin: Any, at_least: int, archive: Archive, crowd: Crowd, tmp_path: Path
) -> None:
    final = begin(archive, crowd, tmp_path)
    shutil.copytree(tmp_path / "cache", tmp_path / "begun") if (tmp_path / "cache").exists() else None
    allowed = {hashlib.sha256(content).hexdigest() for content in (OLD, NEW)}
    n_killed = 0
    for n in range(1, 1000):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        if (tmp_path / "begun").exists():
            shutil.copytree(tmp_path / "begun", tmp_path / "cache")  # with the times of the files
        (told,) = crowd.run({**JOB, "kill_at": n})
        if final.exists():
            found = hashlib.sha256(final.read_bytes()).hexdigest()
            assert found in allowed, f"killed at {n}"
        seen = store.cached(describe(plain.NAME))
        assert seen is None or seen.read_bytes() == NEW, f"killed at {n}"
        assert "error" not in told, told
        if not told["killed"]:
            break
        n_killed += 1
        (told,) = crowd.run(JOB)
        assert told.get("path") == str(final), f"after a kill at {n}: {told}"
        assert final.read_bytes() == NEW
        assert store.cached(describe(plain.NAME)) == final
        left = {path.name for path in final.parent.iterdir()} - {final.name, final.name + ".verified.json"}
        assert not left, f"after a kill at {n}"
    assert n_killed >= at_least
