"""The catalog says what is true, in a checked form, and helps whoever mistypes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from examples import write

from conftest import ROOT
from neurodata4ml import describe, list_datasets
from neurodata4ml.data.archives.sources import SOURCES
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import AreaJoin, Layout
from neurodata4ml.errors import CatalogError

SHIPPED = sorted(path.stem for path in (ROOT / "catalog").glob("*.toml"))

PROMISED = (
    *("000021", "000022", "000728", "000711", "000713", "000248"),  # Allen Institute, OpenScope
    *("000017", "000409", "000009", "000006"),  # mice that decide
    *("000140", "000139", "000138", "000128", "000129", "000127", "000130", "000688"),  # macaques that reach and time
    *("000056", "000044", "000004", "000207", "000776", "001037"),  # rodents that navigate, humans, worms, attractors
)

PLAIN = """\
name = "mine"
title = "My recording"
summary = "One mouse."
archive = "local"
version = "1"
license = "CC-BY-4.0"
citation = "Me 2026."
species = "mouse"
modality = "tetrodes"
task = "sleep"
default_session = "a"

[sessions.a]
path = "a.nwb"

[layout]
default_trials = "scenes"

[layout.trials.scenes]
table = "intervals/scenes"
stimulus = "frame"
blank = "nan"
window = [0, 1]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog folder of one's own."""
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_entry_is_complete(name: str) -> None:
    entry = describe(name)
    assert entry.archive in SOURCES
    assert entry.areas or "areas" in entry.summary
    assert entry.suited_to
    assert entry.caveats
    assert entry.asset() == entry.sessions[entry.default_session]
    assert not entry.layout.trials or entry.layout.trials[entry.layout.default_trials].table
    assert str(entry).isascii(), "it must print on every terminal"


def test_the_shipped_datasets_are_those_promised() -> None:
    """At least twenty, and all of the dandisets that the course and the issue name."""
    assert len(SHIPPED) >= 20
    assert {"allen-vc", "allen-vc-2p", "demo", "guo-alm", "nlb-mc-maze-small", "steinmetz2019"} <= set(SHIPPED)
    assert {describe(name).dandiset for name in SHIPPED} >= set(PROMISED)
    assert list_datasets()["name"].iloc[0] == "demo"


def test_the_default_allen_session_is_the_smallest_of_32() -> None:
    entry = describe("allen-vc")
    assert entry.default_session == "721123822"
    assert len(entry.sessions) == 32
    assert entry.size == min(asset.size for asset in entry.sessions.values()) == 1_736_516_600
    assert sum(asset.size for asset in entry.sessions.values()) == 80_462_809_684
    assert entry.layout.area == AreaJoin(
        "peak_channel_id", "general/extracellular_ephys/electrodes", key="id", value="location"
    )
    rules = {(rule.column, rule.op, rule.value) for rule in entry.layout.quality}
    assert rules == {
        ("quality", "==", "good"),
        ("amplitude_cutoff", "<=", 0.1),
        ("presence_ratio", ">=", 0.95),
        ("isi_violations", "<=", 0.5),
    }


def test_the_demo_is_laid_out_as_the_allen_sessions_and_its_version_is_the_simulations_format() -> None:
    from neurodata4ml.data.demo.simulate import FORMAT

    demo, allen = describe("demo"), describe("allen-vc")
    for part in ("units", "area", "quality", "invalid_times", "default_trials"):
        assert getattr(demo.layout, part) == getattr(allen.layout, part)
    assert demo.layout.trials["natural_scenes"] == allen.layout.trials["natural_scenes"]
    movie = demo.layout.trials["natural_movie_one"]
    assert movie == allen.layout.trials["natural_movie_one"]
    assert demo.layout.series["running"] == allen.layout.series["running"]
    assert demo.version == str(FORMAT)


def test_the_choices_of_the_demo_are_laid_out_as_those_of_steinmetz() -> None:
    demo, steinmetz = describe("demo").layout.trials, describe("steinmetz2019").layout.trials
    for name in ("choice", "feedback", "left_contrast", "right_contrast"):
        for part in ("table", "stimulus", "align", "window"):
            assert getattr(demo[name], part) == getattr(steinmetz[name], part), name


def test_a_simulated_session_is_any_seed_and_only_a_seed() -> None:
    demo = describe("demo")
    assert demo.asset(7).path == "demo_seed-7.nwb"
    for wrong in (-1, "abc"):
        with pytest.raises(CatalogError, match=rf"no session '{wrong}'. Any whole number from 0 .* \(the seed"):
            demo.asset(wrong)


def test_datasets_can_be_selected_by_any_column() -> None:
    macaques = set(list_datasets(species="Macaque")["name"])
    assert "nlb-mc-maze-small" in macaques
    assert not macaques & set(list_datasets(species="mouse")["name"])
    assert {"allen-vc", "allen-vc-2p"} <= set(list_datasets(areas="visp", suited_to="rsa")["name"])
    assert "allen-vc-2p" in set(list_datasets(modality="two-photon")["name"])
    assert list(list_datasets(name="allen-vc")["name"]) == ["allen-vc"], "allen-vc-2p is another name"
    assert list_datasets(areas="VIS").empty, "VISp is another word"
    assert "allen-vc" in set(list_datasets(sessions=32)["name"])
    assert list_datasets(species="octopus").empty
    assert list(list_datasets().columns) == list(catalog.COLUMNS)
    with pytest.raises(CatalogError, match="cannot select by 'specie'; did you mean 'species'"):
        list_datasets(specie="mouse")


def test_a_dataset_whose_archive_has_more_sessions_than_are_known_says_so() -> None:
    rows = {row["name"]: (row["sessions"], row["sessions_are_all"]) for row in catalog.rows()}
    assert rows["allen-vc"] == (32, True)
    assert rows["allen-vc-2p"] == (1518, True), "four are pinned, and the number of the others is known"
    assert rows["microns"] == (19, True)
    assert rows["openscope-oddball"] == (1, False)


def test_datasets_can_be_selected_by_the_size_of_a_session(caplog: pytest.LogCaptureFixture) -> None:
    small = list_datasets(max_size="500MB")
    assert {"demo", "guo-alm", "steinmetz2019"} <= set(small["name"])
    assert "allen-vc" not in set(small["name"])
    assert small["size"].max() <= 500e6
    unknown = [name for name in SHIPPED if not describe(name).size and describe(name).archive != "simulated"]
    assert len(unknown) > 1
    assert not set(unknown) & set(small["name"])
    told = re.search(r"left out of the list: (.*); only the archive knows how large these (\d+) are", caplog.text)
    assert told
    assert (sorted(told[1].split(", ")), int(told[2])) == (unknown, len(unknown))
    assert set(list_datasets(max_size=describe("guo-alm").size, name="guo-alm")["name"]) == {"guo-alm"}
    assert list_datasets(max_size=describe("guo-alm").size - 1, name="guo-alm").empty
    with pytest.raises(CatalogError, match=r"'much' is not a size. Write bytes, or a number with its unit: 500MB"):
        list_datasets(max_size="much")


def test_a_mistyped_name_gets_a_suggestion() -> None:
    with pytest.raises(CatalogError, match="no dataset is called 'allen_vc'; did you mean 'allen-vc'"):
        describe("allen_vc")
    with pytest.raises(CatalogError, match="allen-vc has no session '72112382'; did you mean '721123822'"):
        describe("allen-vc").asset("72112382")


def test_ones_own_entry_joins_the_list(folder: Path) -> None:
    write(folder, PLAIN)
    entry = describe("mine")
    assert "mine" in set(list_datasets()["name"])
    assert "mine" in set(list_datasets(max_size="1kB")["name"]), "nothing is to be downloaded"
    assert entry.layout.trials["scenes"].window == (0.0, 1.0)
    assert entry.layout.trials["scenes"].blank == "nan"
    assert entry.layout == Layout(trials=entry.layout.trials, default_trials="scenes")
    assert Layout.default().area is None


def test_a_broken_entry_of_ones_own_does_not_hide_the_others(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder, "name = ")
    write(folder, PLAIN.replace('"mine"', '"sound"'), "sound")
    assert describe("demo").name == "demo"
    assert set(list_datasets()["name"]) == {*SHIPPED, "sound"}
    assert re.search(r"left out of the list: .*mine.toml is not a TOML file: Invalid value", caplog.text)
    with pytest.raises(CatalogError, match=r"mine.toml is not a TOML file: Invalid value"):
        describe("mine")


@pytest.mark.parametrize("what", ["folder", "dangling link"])
def test_what_is_no_file_is_named(folder: Path, what: str) -> None:
    path = folder / "mine.toml"
    path.mkdir() if what == "folder" else path.symlink_to(folder / "nowhere")
    with pytest.raises(CatalogError, match=r"mine.toml cannot be read \(.*\). Make it a TOML file, or remove it"):
        describe("mine")
    assert set(list_datasets()["name"]) == set(SHIPPED)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('species = "mouse"', 'specie = "mouse"', "mine.toml: unknown key 'specie'; did you mean 'species'"),
        ("stimulus = ", "stimulis = ", "layout.trials.scenes: unknown key 'stimulis'; did you mean 'stimulus'"),
        ('task = "sleep"\n', "", "mine.toml: the key 'task' is missing. Add a line: task = ..."),
        ('[sessions.a]\npath = "a.nwb"\n', "", r"the key 'sessions' is missing. Add a table: \[sessions\]\."),
        ('task = "sleep"', "task = 3", "mine.toml: task must be text; got 3. Write it in quotes."),
        ('task = "sleep"', "task = []", r"mine.toml: task must be text; got \[\]\.$"),
        ('task = "sleep"', f"task = {list(range(99))}", r"task must be text; got \[0, 1, .{100,130}\.\.\.\.$"),
        ("window = [0, 1]", "window = [1, 0]", r"layout.trials.scenes.window must be two numbers, .* got \[1.0, 0.0\]"),
        ("window = [0, 1]", "window = true", "window must be a list of numbers; got True. Write it in brackets."),
        (
            'species = "mouse"',
            'species = "mouse"\nareas = 5',
            "areas must be a list of text; got 5. Write it in brackets.",
        ),
        ("[layout]", "[layuot]", "unknown key 'layuot'; did you mean 'layout'"),
        ('blank = "nan"', "blank = true", "blank must be a whole number or a number or text; got True"),
        (
            'archive = "local"',
            'archive = "ftp"',
            "archive must be one of 'dandi', 'http', 'zenodo', 'osf', 'local', 'simulated'; got 'ftp'",
        ),
        ('archive = "local"', 'archive = "dandi"', r"archive 'dandi' needs dandiset \(six digits; got ''\)"),
        ('archive = "local"', 'archive = "http"', "sessions.a needs url and sha256"),
        ('path = "a.nwb"', 'path = "a.nwb"\nsha256 = "12"', "sha256 must be 64 hexadecimal digits; got '12'"),
        ('name = "mine"', 'name = "yours"', "name is 'yours', but the file is called mine.toml"),
        (
            'default_trials = "scenes"',
            'default_trials = "s"',
            "'s' is not one of scenes. Write under .layout.: default_trials = 'scenes'.",
        ),
        ("[layout]", '[layout]\nunits = ""', "layout needs units or responses"),
        ('version = "1"', 'version = ""', "version is empty; it names the folder in the cache"),
        ('path = "a.nwb"', 'path = "a.nwb"\nsize = -5', "sessions.a.size must be a number of bytes, .*; got -5"),
        ('task = "sleep"', 'task = "sleep"\ntotal_size = -1', "total_size must be a number of bytes, .*; got -1"),
        (
            "[layout]",
            '[layout]\nquality = {column = "a", op = "<", value = 1}',
            "with the keys column, op, value; got {.*}. Write .*layout.quality.* above each of them.",
        ),
        ("[sessions.a]\npath", "[sessions]\na", "sessions.a must be a table; got 'a.nwb'. Write .sessions.a. above"),
        (
            "[layout]\n",
            "[layout]\narea = 3\n",
            "layout.area must be a table; got 3. Write .layout.area. above its keys",
        ),
        ('path = "a.nwb"', 'path = "a.nwb"\nsize = "5 MB"', "whole number; got '5 MB'. Write digits, without quotes."),
        ("[sessions.a]\npath", "[session.a]\npath", "unknown key 'session'; did you mean 'sessions'"),
        ('default_session = "a"', 'default_session = "b"', "default_session 'b' is not one .* It has a.$"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_cure(folder: Path, old: str, new: str, complaint: str) -> None:
    assert old in PLAIN
    write(folder, PLAIN.replace(old, new))
    with pytest.raises(CatalogError, match=complaint):
        describe("mine")


def test_an_entry_must_have_a_plain_name(folder: Path) -> None:
    write(folder, PLAIN.replace('name = "mine"', 'name = "My_own"'), "My_own")
    with pytest.raises(CatalogError, match="name 'My_own' must be small letters, digits and single hyphens"):
        describe("My_own")


def test_two_entries_of_one_name_are_refused_and_both_files_named(folder: Path) -> None:
    write(folder, PLAIN, "demo")
    with pytest.raises(CatalogError, match=r"two datasets are called 'demo': .*catalog.demo\.toml and .*demo\.toml"):
        describe("demo")


def test_a_catalog_folder_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "nowhere"))
    with pytest.raises(CatalogError, match=r"NEURODATA4ML_CATALOG names .*nowhere, which is no folder"):
        list_datasets()


def test_the_catalog_is_read_with_the_standard_library_alone() -> None:
    code = "import json, sys, neurodata4ml.data.entries.catalog as c; c.rows(); print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    packages = {name.split(".")[0] for name in loaded if not name.startswith("_")}
    assert packages - sys.stdlib_module_names <= {"neurodata4ml", "sitecustomize", "usercustomize"}
