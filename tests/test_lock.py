"""The lock of a work: what is written is read, what others wrote into it stays, and what is no lock is refused."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from neurodata4ml import lock
from neurodata4ml.errors import CatalogError
from neurodata4ml.lock import Locked, read_lock, write_lock

ONE = Locked(
    "guo-alm", "20170627T093549", "0.220126.1903", "sub-1/a.nwb", 587240, "ac" * 32, "092550fe", "https://x.org/a"
)
DEMO = Locked("demo", "0", "1", "demo_seed-0.nwb", 11, "0f" * 32)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_lock(tmp_path / lock.NAME, [ONE, DEMO])
    assert read_lock(path) == {ONE.key: ONE, DEMO.key: DEMO}
    raw = tomllib.loads(path.read_text())
    assert raw["schema"] == "neurodata4ml/lock/1"
    assert [table["dataset"] for table in raw["asset"]] == ["demo", "guo-alm"]
    assert "url" not in raw["asset"][0], "what a file does not have is left out"


def test_where_there_is_no_lock_nothing_is_locked(tmp_path: Path) -> None:
    assert read_lock(tmp_path / lock.NAME) == {}


def test_a_later_fetch_adds_and_renews_and_leaves_the_rest(tmp_path: Path) -> None:
    path = write_lock(tmp_path / lock.NAME, [ONE])
    path.write_text(path.read_text() + '\n[report]\nseed = 7\n\n[[model]]\nname = "digits"\n')
    newer = replace(ONE, sha256="bd" * 32, size=1)
    write_lock(path, [DEMO, newer])
    assert read_lock(path) == {ONE.key: newer, DEMO.key: DEMO}
    raw = tomllib.loads(path.read_text())
    assert raw["report"] == {"seed": 7}
    assert raw["model"] == [{"name": "digits"}]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_of_several_processes_none_undoes_what_another_wrote(tmp_path: Path) -> None:
    path = tmp_path / lock.NAME
    children = []
    for name in "abc":
        child = os.fork()
        if not child:
            for session in range(10):
                write_lock(path, [replace(DEMO, dataset=name, session=str(session))])
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert len(read_lock(path)) == 30
    assert os.listdir(tmp_path) == [lock.NAME]


def test_the_same_files_give_the_same_lock_in_whatever_order(tmp_path: Path) -> None:
    first, second = write_lock(tmp_path / "a.lock", [ONE, DEMO]), write_lock(tmp_path / "b.lock", [DEMO, ONE])
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("schema = ", r"cannot be read as a lock: Invalid value .*\. Correct it, or delete it to make it anew"),
        ("\xff", "cannot be read as a lock: .*utf-8"),
        ('schema = "neurodata4ml/lock/9"', "has the schema 'neurodata4ml/lock/9'; this version reads"),
        ("x = 1", "has the schema None"),
        ('schema = "neurodata4ml/lock/1"\nasset = [3]', r"each \[\[asset\]\] needs dataset, session, .*; got 3"),
        ('schema = "neurodata4ml/lock/1"\n[[asset]]\ndataset = "demo"', "got {'dataset': 'demo'}"),
    ],
)
def test_what_is_no_lock_is_refused_and_left_as_it_is(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / lock.NAME
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CatalogError, match=complaint) as refused:
        read_lock(path)
    assert str(path) in str(refused.value)
    with pytest.raises(CatalogError):
        write_lock(path, [ONE])
    assert path.read_bytes() == text.encode("latin-1")
    assert os.listdir(tmp_path) == [lock.NAME]


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("size", '"large"', "size of demo is 'large'"),
        ("sha256", '"abc"', "sha256 of demo is 'abc'"),
        ("version", "1", "version of demo is 1"),
        ("size", "true", "size of demo is True"),
        ("size", "-5", "size of demo is -5"),
        ("size", "0", "size of demo is 0"),
        ("sha256", f'"{"0F" * 32}"', "sha256 of demo is '0F"),
    ],
)
def test_a_value_that_cannot_be_is_named(tmp_path: Path, key: str, value: str, complaint: str) -> None:
    path = write_lock(tmp_path / lock.NAME, [DEMO])
    lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    with pytest.raises(CatalogError, match=complaint):
        read_lock(path)


def test_two_tables_of_one_session_are_refused(tmp_path: Path) -> None:
    path = write_lock(tmp_path / "neurodata4ml.lock", [ONE])
    table = path.read_text(encoding="utf-8").partition("[[asset]]")[2]
    path.write_text(path.read_text(encoding="utf-8") + "\n[[asset]]" + table, encoding="utf-8")
    with pytest.raises(CatalogError, match=r"has two \[\[asset\]\] of .*Delete the wrong one"):
        read_lock(path)


def test_a_lock_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_lock(tmp_path / lock.NAME, [ONE])
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_lock(path, [DEMO])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [lock.NAME]


def test_the_lock_lies_beside_the_work_or_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODATA4ML_LOCK", raising=False)
    monkeypatch.chdir(tmp_path)
    assert lock.place() == tmp_path / "neurodata4ml.lock"
    monkeypatch.setenv("NEURODATA4ML_LOCK", str(tmp_path / "elsewhere.lock"))
    assert lock.place() == tmp_path / "elsewhere.lock"


def test_what_is_read_is_of_the_moment_and_nobody_elses(tmp_path: Path) -> None:
    path = write_lock(tmp_path / lock.NAME, [ONE])
    read_lock(path).clear()
    assert list(read_lock(path)) == [ONE.key]
    text = path.read_text()
    path.write_text(text.replace(ONE.sha256, "cd" * 32))
    assert read_lock(path)[ONE.key].sha256 == "cd" * 32
    path.unlink()
    assert read_lock(path) == {}
