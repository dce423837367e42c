"""The command line as it is typed: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from neurodata4ml.cli.main import main


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_list_shows_every_dataset_with_its_size_and_use() -> None:
    lines = typed("list").stdout.splitlines()
    assert lines[0].split() == ["name", "session", "dataset", "sessions", "species", "modality", "suited", "to"]
    assert lines[1].startswith("demo")
    assert any(line.startswith("allen-vc ") and "1.74 GB" in line for line in lines)


def test_list_selects_and_helps_when_nothing_fits() -> None:
    names = [row["name"] for row in json.loads(typed("list", "--json", "--species", "macaque").stdout)]
    assert "nlb-mc-maze-small" in names
    names = [row["name"] for row in json.loads(typed("list", "--json", "--suited-to", "rsa").stdout)]
    assert names[0] == "demo"
    assert {"allen-vc", "allen-vc-2p"} <= set(names)
    nothing = typed("list", "--suited-to", "sleep")
    assert nothing.exit_code == 0
    assert "No dataset fits. Known uses: " in nothing.stderr
    assert "No dataset fits" not in typed("list", "-q", "--suited-to", "sleep").stderr


def test_list_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['neurodata4ml', 'list']; from neurodata4ml.cli.main import main; "
        "main(standalone_mode=False); heavy = {'pandas', 'numpy', 'xarray', 'scipy', 'sklearn', 'h5py', 'matplotlib'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "allen-vc" in done.stdout
    assert done.stderr.splitlines()[-1] == "[]"


def test_describe_tells_all_before_a_download() -> None:
    text = typed("describe", "allen-vc").stdout
    for fact in (
        "000021",
        "721123822",
        "1.74 GB",
        "10 MB/s",
        "CC-BY-4.0",
        "Siegle et al. 2021",
        "know this",
        "frame is -1",
    ):
        assert fact in text
    entry = json.loads(typed("describe", "allen-vc", "--json").stdout)
    assert len(entry["sessions"]) == 32
    assert entry["layout"]["trials"]["natural_scenes"]["blank"] == -1


def test_describe_of_the_demo_says_that_it_is_simulated() -> None:
    text = typed("describe", "demo").stdout
    assert "Simulated: no animal was recorded" in text
    assert "made on this machine on first use" in text


def test_a_failure_ends_with_1_and_verbose_shows_where() -> None:
    done = typed("describe", "allen_vc")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no dataset is called 'allen_vc'; did you mean 'allen-vc'")
    assert (
        "Traceback"
        in subprocess.run(
            [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", "describe", "allen_vc", "-v"],
            capture_output=True,
            text=True,
        ).stderr
    )


def test_a_mistyped_command_or_option_ends_with_2_and_a_suggestion() -> None:
    command = typed("fetsh", "demo")
    assert command.exit_code == 2
    assert "Did you mean 'fetch'?" in command.stderr
    option = typed("fetch", "demo", "--sesion", "1")
    assert option.exit_code == 2
    assert "--session" in option.stderr
    assert typed("fetch").exit_code == 2


def commands(group: click.Group, *above: str) -> list[str]:
    """Return every command as it is typed: ``cache ls``."""
    each = [(name, one) for name, one in group.commands.items()]
    below = [words for name, one in each if isinstance(one, click.Group) for words in commands(one, *above, name)]
    return below + [" ".join((*above, name)) for name, one in each if not isinstance(one, click.Group)]


@pytest.mark.parametrize("command", commands(main))
def test_the_help_of_every_command_teaches_by_example(command: str) -> None:
    shown = typed(*command.split(), "--help")
    assert shown.exit_code == 0
    assert f"neurodata4ml {command}" in shown.stdout
    assert "Example" in shown.stdout
    for option in ("-q, --quiet", "-v, --verbose", "--json"):
        assert option in shown.stdout


def test_the_first_help_shows_the_two_lines_to_begin_with() -> None:
    shown = typed()
    assert "neurodata4ml report demo" in shown.output
    assert typed("--version").stdout.startswith("neurodata4ml, version 0.")


def test_a_report_of_nothing_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed("report", "allen_vc", "--out", str(tmp_path / "page"))
    assert done.exit_code == 1
    assert "allen-vc" in done.stderr
    assert not (tmp_path / "page").exists()
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_list_is_a_table() -> None:
    import pty

    def seen(*words: str) -> str:
        ours, theirs = pty.openpty()
        code = "from neurodata4ml.cli.main import main; main()"
        environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # how a pseudo-terminal says that the other side has gone
            pass
        assert process.wait() == 0, shown
        return shown.decode()

    assert "1.74 GB" in seen("list")
