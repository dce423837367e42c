"""The commands that look things up, as they are typed: list, describe, cite, check."""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conftest import ROOT
from neurodata4ml import describe
from neurodata4ml.cli.main import main

SHIPPED = sorted(path.stem for path in (ROOT / "catalog").glob("*.toml"))

BROKEN = 'name = "mine"\narchive = "local"\ntitle = 5\n'


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_list_shows_every_dataset_in_100_columns() -> None:
    lines = typed("list").stdout.splitlines()
    assert lines[0].split() == ["name", "session", "dataset", "sessions", "species", "modality", "suited", "to"]
    assert lines[1].startswith("demo ")
    assert max(map(len, lines)) <= 100
    named = {line.split()[0] for line in lines[1:] if not line.startswith(" ")}
    assert named == set(SHIPPED)
    allen = next(line for line in lines if line.startswith("allen-vc "))
    assert re.match(r"allen-vc +1.74 GB +478 GB +32 +mouse +Neuropixels", allen)
    assert lines == [line.rstrip() for line in lines]
    oddball = next(line for line in lines if line.startswith("openscope-oddball "))
    assert re.match(r"openscope-oddball +- +- +1\+ mouse", oddball), "the archive has more"


@pytest.mark.parametrize(("columns", "heads"), [(60, ["species"]), (80, ["species", "modality", "suited", "to"])])
def test_on_a_narrow_terminal_list_leaves_out_what_would_fall_into_pieces(columns: int, heads: list[str]) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", "list", "--suited-to", "timing"]
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    subprocess.run(command, check=True, stdout=theirs, env=environment | {"TERM": "xterm"})
    os.close(theirs)
    with open(ours, "rb") as terminal:
        lines = re.sub(r"\x1b\[\d*m", "", terminal.read1().decode()).splitlines()
    assert lines[0].split() == ["name", "session", "dataset", "sessions", *heads]
    assert lines[1].split()[:7] == ["nlb-dmfc-rsg", "14.1", "MB", "15.7", "MB", "2", "macaque"]
    assert max(map(len, lines)) <= columns


def test_list_selects_by_use_and_size_and_says_what_it_left_out() -> None:
    done = typed("list", "--suited-to", "rsa", "--max-size", "500MB", "--json")
    names = [row["name"] for row in json.loads(done.stdout)]
    assert names[0] == "demo"
    assert "allen-vc" not in names
    for name in names:
        entry = describe(name)
        assert "rsa" in entry.suited_to
        assert 0 < entry.size <= 500e6 or entry.archive == "simulated"
    unknown = [name for name in SHIPPED if "rsa" in describe(name).suited_to and not {describe(name).size, 0} - {0}]
    unknown.remove("demo")
    assert done.stderr.startswith(f"left out of the list: {', '.join(unknown)}; only the archive knows how large")
    assert typed("list", "--suited-to", "rsa", "--max-size", "500MB", "-q").stderr == ""


def test_list_selects_by_species_modality_and_area() -> None:
    done = typed("list", "--species", "mouse", "--modality", "NEUROPIXELS", "--area", "lgd", "--json")
    rows = json.loads(done.stdout)
    assert "allen-vc" in [row["name"] for row in rows]
    assert all("LGd" in row["areas"] for row in rows)


def test_list_says_what_there_is_when_nothing_fits() -> None:
    nothing = typed("list", "--species", "octopus", "--suited-to", "cooking", "--max-size", "1kB")
    assert nothing.exit_code == 0
    assert nothing.stdout == ""
    assert re.search(
        r"No dataset fits. Known uses: .*decoding, dim.*\. Known species: .*macaque, .*mouse", nothing.stderr
    )
    assert re.search(r"The smallest session has \d+ kB\.", nothing.stderr)
    assert typed("list", "-q", "--species", "octopus").stderr == ""


def test_a_size_that_is_none_is_a_mistake_of_usage() -> None:
    done = typed("list", "--max-size", "5x")
    assert done.exit_code == 2
    assert "'5x' is not a size. Write bytes, or a number with its unit: 500MB, 1.5 GB, 2GiB." in done.stderr


def test_a_broken_entry_of_ones_own_is_left_out_of_the_list_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(BROKEN)
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    done = typed("list", "--json")
    assert {row["name"] for row in json.loads(done.stdout)} == set(SHIPPED)
    assert re.search(r"left out of the list: .*mine.toml: .* And \d+ more: neurodata4ml check .*mine.toml", done.stderr)


def test_describe_tells_all_before_a_download() -> None:
    text = typed("describe", "allen-vc").stdout
    for fact in (
        "000021",
        "721123822",
        "1.74 GB, about 3 min at 10 MB/s",
        "CC-BY-4.0",
        "Siegle et al. 2021",
        "know this",
    ):
        assert fact in text
    entry = json.loads(typed("describe", "allen-vc", "--json").stdout)
    assert len(entry["sessions"]) == 32
    assert entry["layout"]["trials"]["natural_scenes"]["blank"] == -1
    assert entry["size"] == 1_736_516_600


def test_cite_prints_bibtex_of_all_that_are_named() -> None:
    done = typed("cite", "allen-vc", "demo")
    assert done.exit_code == 0
    assert done.stdout.startswith("@misc{allen-vc-data,\n")
    assert "\n@misc{neurodata4ml,\n" in done.stdout
    assert set(json.loads(typed("cite", "allen-vc", "demo", "--json").stdout)) == {"allen-vc", "demo"}
    assert typed("cite").exit_code == 2
    assert typed("cite", "allen_vc").stderr.startswith(
        "Error: no dataset is called 'allen_vc'; did you mean 'allen-vc'"
    )


def test_check_finds_nothing_wrong_with_what_is_shipped() -> None:
    done = typed("check")
    assert done.exit_code == 0
    assert done.stdout == f"{len(SHIPPED)} entries checked, no fault found.\n"
    assert typed("check", "-q").stdout == ""


def test_check_lists_every_fault_and_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BROKEN)
    done = typed("check", str(path))
    assert done.exit_code == 1
    assert f"{path}:3: title must be text; got 5. Write it in quotes." in done.stdout.splitlines()
    assert f"{path}: the key 'species' is missing. Add a line: species = ..." in done.stdout.splitlines()
    assert done.stderr == f"{len(done.stdout.splitlines())} faults in 1 of 1 files.\n"
    told = json.loads(typed("check", str(tmp_path), "--json").stdout)
    assert told["checked"] == 1
    assert {
        "file": str(path),
        "line": 3,
        "key": "title",
        "problem": "title must be text; got 5. Write it in quotes.",
    } in told["faults"]
    assert typed("check", str(tmp_path), "--json").exit_code == 1
    assert "is not there. Name a TOML file" in typed("check", str(tmp_path / "other.toml")).stderr


@pytest.mark.parametrize("command", ["list", "describe", "cite", "check"])
def test_the_help_teaches_by_example(command: str) -> None:
    shown = typed(command, "--help").stdout
    assert f"  neurodata4ml {command}" in shown
    assert "Example" in shown


@pytest.mark.slow
def test_list_answers_within_half_a_second() -> None:
    command = [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", "list"]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5
