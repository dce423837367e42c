"""The environment names every package that a number may depend on, and fails at nothing."""

import subprocess
import sys
from importlib import metadata

import pytest

from neurodata4ml.record import environment as its
from neurodata4ml.record.environment import Environment, environment


@pytest.fixture
def fresh():
    its._packages.cache_clear()
    yield
    its._packages.cache_clear()


class Fake:
    def __init__(self, version, *requires):
        self.version, self.requires = version, list(requires)


@pytest.fixture
def installed(monkeypatch, fresh):
    """Let a small world be installed, and no other."""
    world = {
        "neurodata4ml": Fake("0.1", "numpy>=2", "dask[array]", "torch>=2; extra == 'torch'", "ruff; extra == 'dev'"),
        "numpy": Fake("2.4.6", "gone; sys_platform == 'nowhere'", "???"),
        "dask": Fake("2026.1", "toolz", "Zict_Name; extra == 'array'", "bokeh; extra == 'diagnostics'"),
        "toolz": Fake("1.0", "dask"),
        "zict-name": Fake("3.0"),
        "torch": Fake("2.13"),
        **dict.fromkeys(("ruff", "gone", "bokeh"), Fake("1.0")),
    }

    def distribution(name):
        if name in world:
            return world[name]
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(its.metadata, "distribution", distribution)
    monkeypatch.setattr(its, "_extras", lambda: ["torch", "sparse"])
    return world


def test_all_that_the_requirements_reach_is_named_and_nothing_else(installed):
    assert environment().packages == {
        "dask": "2026.1",
        "neurodata4ml": "0.1",
        "numpy": "2.4.6",
        "toolz": "1.0",
        "torch": "2.13",
        "zict-name": "3.0",
    }


def test_any_package_that_changes_is_seen(installed):
    before = environment().words()
    installed["zict-name"].version = "3.1"
    its._packages.cache_clear()
    after = environment().words()
    assert {name for name in after if after[name] != before[name]} == {"zict-name"}


def test_tools_for_developers_are_no_part_of_it():
    packages = environment().packages
    assert {"numpy", "scipy", "xarray", "pandas", "scikit-learn", "neurodata4ml"} <= set(packages)
    assert not {"pytest", "ruff", "mypy", "hypothesis"} & set(packages)
    assert all(metadata.version(name) == version for name, version in packages.items())


def test_the_machine_is_told_as_far_as_numbers_depend_on_it():
    own = environment()
    assert own.python.split()[1] == sys.version.split()[0]
    assert own.blas
    assert own.threads >= 1
    assert list(own.cpu) == sorted(set(own.cpu))
    assert {"code of neurodata4ml", "Python", "platform", "BLAS"} <= set(own.machine())
    assert set(own.machine()) <= {"code of neurodata4ml", "Python", "platform", "BLAS", "processor"}
    assert own.words() == {**own.packages, **own.machine()}


def test_the_code_is_every_file_of_the_package_however_its_lines_end(tmp_path, monkeypatch):
    def digest():
        its.code.cache_clear()
        return its.code()

    monkeypatch.setattr(its, "HOME", tmp_path)
    (tmp_path / "style.css").write_bytes(b"a\nb\n")
    first = digest()
    (tmp_path / "style.css").write_bytes(b"a\r\nb\r\n")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "style.pyc").write_text("made anew", encoding="utf-8")
    assert digest() == first
    (tmp_path / "style.css").write_bytes(b"a\nc\n")
    assert digest() != first
    (tmp_path / "style.css").write_bytes(b"a\nb\n")
    (tmp_path.parent / "entries").mkdir()
    monkeypatch.setattr(its, "catalog_folder", lambda: tmp_path.parent / "entries")
    without = digest()
    (tmp_path.parent / "entries" / "demo.toml").write_text("caveats = []", encoding="utf-8")
    elsewhere = digest()
    assert elsewhere != without
    (tmp_path.parent / "entries").rename(tmp_path / "catalog")
    monkeypatch.setattr(its, "catalog_folder", lambda: tmp_path / "catalog")
    assert digest() == elsewhere
    monkeypatch.undo()
    assert digest() == its.code()
    assert first != its.code()


def test_a_blas_that_another_package_brought_is_not_the_one_that_computes(monkeypatch):
    import threadpoolctl

    def one(path, version):
        found = {"user_api": "blas", "internal_api": "openblas", "version": version, "architecture": "Zen"}
        return {**found, "filepath": path, "num_threads": 2}

    site = "/usr/lib/python3/site-packages"
    found = [one(f"{site}/torch/lib/libopenblas.so", "9"), one(f"{site}/numpy.libs/libopenblas.so", "0.3.30")]
    found += [one("/usr/lib/libblas.so", None), {**one("/x/libgomp.so", "1"), "user_api": "openmp"}]
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: found)
    assert its._blas() == ("openblas 0.3.30 Zen, openblas Zen", 2)


def test_a_blas_that_cannot_be_asked_is_told_as_numpy_was_built(monkeypatch):
    import numpy
    import threadpoolctl

    built = {"Build Dependencies": {"blas": {"name": "accelerate", "found": True, "version": "unknown"}}}
    monkeypatch.setattr(threadpoolctl, "threadpool_info", list)
    monkeypatch.setattr(numpy, "show_config", lambda mode: built)
    assert its._blas() == ("accelerate unknown", 0)


# git


def git(folder, *words):
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_that_of_the_working_folder_and_changes_show(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (environment().commit, environment().dirty) == ("", False)
    git(tmp_path, "init", "-q")
    assert environment().commit == ""
    file = tmp_path / "study.toml"
    file.write_text("seed = 0", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "new.txt").touch()
    own = environment()
    assert len(own.commit) == 40
    assert not own.dirty
    file.write_text("seed = 1", encoding="utf-8")
    assert environment() == Environment(**{**vars(own), "dirty": True})


def test_a_repository_runs_no_program_of_its_own(tmp_path, monkeypatch):
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    hook = tmp_path / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/was_run\n", encoding="utf-8")
    hook.chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(hook))
    assert environment().commit
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5)])
def test_without_git_or_with_one_that_hangs_there_is_no_commit(monkeypatch, error):
    def run(*words, **options):
        raise error

    monkeypatch.setattr(its.subprocess, "run", run)
    assert (environment().commit, environment().dirty) == ("", False)
