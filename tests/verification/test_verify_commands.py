"""The commands verify and diff, as somebody types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from neurodata4ml.cli.main import main
from neurodata4ml.verification.verdict import EXIT_CODES, Verification
from report.factory import make_results

FEW = ("dimensionality", "similarity")


def typed(*words):
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def two(tmp_path):
    """Return two reports of the same recording, by two seeds."""
    folders = tmp_path / "first", tmp_path / "second"
    for seed, folder in enumerate(folders):
        make_results(only=FEW, seed=seed, spec={"seed": seed}).save(folder / "results.json")
    return folders


@pytest.mark.parametrize("command", ["verify", "diff"])
def test_help_shows_what_to_type(command):
    said = typed(command, "--help").output
    assert f"neurodata4ml {command} reports/demo" in said


def test_help_of_verify_names_every_exit_code():
    said = typed("verify", "--help").output
    assert all(f"  {code}  " in said for code in (0, 1, 2, 4))


@pytest.mark.parametrize(("verdict", "code"), EXIT_CODES.items())
def test_the_exit_code_is_the_verdict(monkeypatch, tmp_path, verdict, code):
    from neurodata4ml.verification import verify as door
    from neurodata4ml.verification.checks import Check

    found = Verification("reports/demo", (Check("", "psth", "rate", verdict),), (), "all 1 sections")
    monkeypatch.setattr(door, "verify", lambda *args, **options: found)
    said = typed("verify", tmp_path, "-q")
    assert said.exit_code == code
    assert said.output.startswith(f"reports/demo is {verdict}: ")
    assert json.loads(typed("verify", tmp_path, "--json", "-q").output)["verdict"] == verdict


def test_identical_and_within_tolerance_are_good_and_the_rest_is_not():
    assert EXIT_CODES == {"identical": 0, "within tolerance": 0, "different": 1, "tampered": 4}


def test_a_folder_without_a_report_is_one_sentence(tmp_path):
    said = typed("verify", tmp_path)
    assert said.exit_code == 2
    assert typed("verify", tmp_path / "nowhere").exit_code == 2
    assert "has no study.lock" in said.output


def test_diff_writes_a_page_and_nothing_else(two, tmp_path):
    out = tmp_path / "beside"
    said = typed("diff", *two, "--out", out)
    assert said.exit_code == 0, said.output
    assert said.output.strip() == str(out / "index.html")
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "differ in 1\u00a0setting: seed" in page
    assert 'href="results.json"' not in page  # no such file lies beside it
    assert [path.name for path in out.iterdir()] == ["index.html"]
    assert typed("diff", *two, "--out", out).exit_code == 0  # its own page is replaced


def test_diff_says_where_the_page_is_as_json_and_names_it_after_both(two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = json.loads(typed("diff", *two, "--json").output)
    assert said == {"page": str(Path("reports/diff-first-second/index.html"))}


def test_diff_leaves_a_folder_that_holds_other_things(two, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", encoding="utf-8")
    said = typed("diff", *two, "--out", out)
    assert said.exit_code == 1
    assert "holds thesis.txt, and nothing is written there" in said.output
    assert typed("diff", *two, "--out", out, "--force").exit_code == 0
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_diff_leaves_a_page_that_is_not_ours(two, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>my site</h1>", encoding="utf-8")
    assert "an index.html that is not ours" in typed("diff", *two, "--out", tmp_path / "site").output


def test_diff_of_what_is_no_report_says_what_to_type(two, tmp_path):
    assert "holds no report: it has no results.json" in typed("diff", two[0], tmp_path).output
    (two[1] / "results.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in typed("diff", *two).output


def test_two_reports_of_one_name_are_told_apart_by_the_folder_above(tmp_path):
    for above in ("mine", "theirs"):
        make_results(only=FEW).save(tmp_path / above / "demo" / "results.json")
    typed("diff", tmp_path / "mine" / "demo", tmp_path / "theirs" / "demo", "--out", tmp_path / "out")
    assert "mine/demo beside theirs/demo" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def other_numpy(tmp_path):
    """Return a folder with the numpy of an earlier minor version; skipped where none can be had."""
    import numpy

    major, minor = numpy.__version__.split(".")[:2]
    if int(minor) < 2:
        pytest.skip("no earlier minor version of this numpy is allowed by its neighbours")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    wanted = f"numpy~={major}.{int(minor) - 1}.0"
    done = subprocess.run([*command, "--target", str(tmp_path / "other"), wanted], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip finds no {wanted}: {done.stderr.strip().splitlines()[-1:]}")
    return tmp_path / "other"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_study_of_the_demo_verifies_here_and_beside_another_numpy_is_within_tolerance(tmp_path, other_numpy):
    import os

    def run(*words, **more):
        line = [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", *map(str, words)]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **more})

    assert run("study", "init", "allen-vc").returncode == 0
    study = tmp_path / "study.toml"
    text = study.read_text(encoding="utf-8")
    assert text.count('dataset = "allen-vc"') == 1
    study.write_text(text.replace('dataset = "allen-vc"', 'dataset = "demo"'), encoding="utf-8")
    made = run("report", "study.toml", "--where", "frame < 14", "--n-shuffles", 9, "--out", "made", "-q")
    assert made.returncode == 0, made.stderr
    here = run("verify", "made", "-q")
    assert here.stdout.startswith("made is identical"), here.stdout
    there = run("verify", "made", "-q", PYTHONPATH=str(other_numpy))
    assert there.returncode == 0, there.stdout + there.stderr
    assert there.stdout.startswith(("made is within tolerance", "made is identical"))
    assert "  numpy: " in there.stdout
