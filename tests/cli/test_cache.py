"""cache ls, rm, verify and path, as they are typed; none of them opens a socket."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import plain
from archive import Archive
from neurodata4ml import fetch
from neurodata4ml.cli.main import main
from neurodata4ml.data.cache import parts

CONTENT = np.random.default_rng(0).bytes(50_000)
SESSIONS = {name: {"path": f"sub-{name}/a.nwb"} for name in ("1", "2")}
SOCKETS: list[str] = []


def _count_sockets(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        SOCKETS.append(event)


sys.addaudithook(_count_sockets)


def typed(*words: str) -> Result:
    SOCKETS.clear()
    done = CliRunner().invoke(main, ["cache", *words])
    assert not SOCKETS, "the cache is looked after without a network"
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture
def final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the first of two sessions, and an archive that is gone."""
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        plain.pin(archive, tmp_path / "catalog", CONTENT, SESSIONS)
        return fetch(plain.NAME)


def leave(final: Path) -> Path:
    part = parts.own(final.parent.parent / "b.nwb", ".part", process=0)
    part.write_bytes(b"begun")
    return part


def test_ls_lists_files_what_was_left_and_the_total(final: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(final)
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "2GB")
    done = typed("ls")
    head, whole, left, total = done.stdout.splitlines()
    assert head.split() == ["dataset", "session", "size", "came", "what"]
    assert whole.split()[:4] == ["plain", "1", "50", "kB"]
    assert whole.endswith("whole")
    assert left.split()[0] == "plain"
    assert left.endswith("unfinished")
    assert total.startswith("50.")
    assert f"kB of 2 GB allowed in {final.parents[3]}" in total
    assert "neurodata4ml cache rm --all --unfinished" in done.stderr
    facts = json.loads(typed("ls", "--json").stdout)
    assert facts["limit"] == 2_000_000_000
    assert [(file["dataset"], file["session"], file["bytes"]) for file in facts["files"]] == [("plain", "1", 50_000)]
    assert [part["bytes"] for part in facts["unfinished"]] == [5]


def test_ls_of_an_empty_cache_says_where_it_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    assert typed("ls").stdout == f"nothing in {tmp_path / 'cache'}\n"
    assert not (tmp_path / "cache").exists()


def test_rm_removes_what_is_named_after_a_yes(final: Path) -> None:
    assert typed("rm", "plain", "--dry-run").stdout == f"{final}\n"
    refused = typed("rm", "plain")
    assert refused.exit_code == 2
    assert "1 file (50 kB) would be removed; say --yes, or look first with --dry-run" in refused.stderr
    assert final.exists()
    done = typed("rm", "plain", "--session", "1", "--yes")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "1 file (50 kB) removed" in done.stderr
    assert not final.parent.exists()
    gone = typed("rm", "plain", "--yes")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("Error: nothing of 'plain' is in the cache")


def test_rm_of_unfinished_parts_leaves_the_files(final: Path) -> None:
    part = leave(final)
    facts = json.loads(typed("rm", "--all", "--unfinished", "--yes", "--json").stdout)
    assert facts == {"removed": True, "bytes": 5, "paths": [str(part)]}
    assert final.exists()
    assert not part.exists()
    assert typed("rm", "--all", "--unfinished", "--dry-run").stdout == "nothing to remove\n"
    assert typed("rm", "--all", "--unfinished").exit_code == 0


def test_rm_wants_a_name_or_all_of_them(final: Path) -> None:
    for words in ([], ["plain", "--all"], ["plain", "--blocks"]):
        refused = typed("rm", *words, "--yes")
        assert refused.exit_code == 2
        assert (
            "name a dataset, or say --all, or --blocks; see what there is with: neurodata4ml cache ls" in refused.stderr
        )
    assert final.exists()


def test_what_reading_kept_is_seen_and_goes_by_itself_or_with_all(final: Path) -> None:
    blocks, index = (final.parents[3] / name for name in ("blocks", "index"))
    for folder in (blocks / "f00d", index):
        folder.mkdir(parents=True)
        (folder / "0-5").write_bytes(bytes(5_000))
    rows = [line.split() for line in typed("ls").stdout.splitlines()]
    assert [row[2:4] + row[-4:] for row in rows[2:4]] == [
        ["5", "kB", "parts", "of", "remote", "files"],
        ["5", "kB", "is", "where", "in", "files"],
    ]
    facts = json.loads(typed("ls", "--json").stdout)["reading"]
    assert facts["blocks"] == {"path": str(blocks), "bytes": 5_000}
    refused = typed("rm", "--blocks")
    assert "2 folders (10 kB) would be removed; say --yes" in refused.stderr
    assert "1 file and 2 folders (60 kB) would be removed" in typed("rm", "--all").stderr
    assert typed("rm", "--all", "--unfinished", "--dry-run").stdout == "nothing to remove\n"
    assert "2 folders (10 kB) removed" in typed("rm", "--blocks", "--yes").stderr
    assert not blocks.exists()
    assert not index.exists()
    assert final.exists()


def test_of_a_link_to_another_disk_only_the_link_goes(final: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "0-5").write_bytes(bytes(5_000))
    (final.parents[3] / "blocks").symlink_to(tmp_path / "other")
    assert "1 folder (5 kB) removed" in typed("rm", "--blocks", "--yes").stderr
    assert not (final.parents[3] / "blocks").is_symlink()
    assert (tmp_path / "other" / "0-5").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("answer", ["y", "n"])
def test_rm_asks_at_a_terminal(answer: str, final: Path) -> None:
    import pty
    import subprocess

    ours, theirs = pty.openpty()
    code = "from neurodata4ml.cli.main import main; main()"
    command = [sys.executable, "-c", code, "cache", "rm", "plain"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 1 << 16)
    os.write(ours, f"{answer}\n".encode())
    assert process.wait() == (0 if answer == "y" else 1)
    assert str(final) in shown.decode()
    assert b"Remove this 1 file (50 kB)?" in shown
    assert final.exists() == (answer == "n")


def test_verify_ends_with_4_and_the_lines_that_get_a_file_anew(final: Path) -> None:
    assert typed("verify").stdout == f"right  {final}\n"
    assert json.loads(typed("verify", "plain", "--json").stdout)["files"][0]["fault"] == ""
    final.write_bytes(CONTENT[::-1])
    done = typed("verify", "plain")
    assert done.exit_code == 4
    assert done.stdout == f"WRONG  {final}\n"
    assert done.stderr.startswith("Error: 1 of 1 files are not what they were:\n")
    assert str(final) in done.stderr
    assert "neurodata4ml cache rm plain --session 1 --yes, then neurodata4ml fetch plain --session 1" in done.stderr
    told = typed("verify", "--json")
    assert told.exit_code == 4
    assert "was verified when it came in" in json.loads(told.stdout)["files"][0]["fault"]


def test_path_prints_the_cache_or_a_file_and_ends_with_5_where_it_lacks(final: Path) -> None:
    assert typed("path").stdout == f"{final.parents[3]}\n"
    assert typed("path", "plain").stdout == f"{final}\n"
    assert json.loads(typed("path", "plain", "--json").stdout) == {"path": str(final)}
    lacks = typed("path", "plain", "--session", "2")
    assert lacks.exit_code == 5
    assert "plain --session 2 is not in the cache. Type: neurodata4ml fetch plain --session 2" in lacks.stderr
    assert typed("path", "plane").exit_code == 1


@pytest.mark.usefixtures("nothing_written")
def test_a_cache_that_cannot_be_written_ends_with_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    done = CliRunner().invoke(main, ["fetch", "demo"])
    assert done.exit_code == 6
    assert "Set NEURODATA4ML_CACHE to a folder that you may write to" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["ls", "rm", "verify", "path"])
def test_the_help_of_every_command_teaches_by_example(command: str) -> None:
    shown = typed(command, "--help").stdout
    assert f"neurodata4ml cache {command}" in shown
    assert "Example" in shown
    assert "--json" in shown
    assert f"neurodata4ml cache {command}" in typed("--help").stdout or command == "path"
