"""The lock of a report: what it was made from, in TOML that any reader of locks reads, with a digest of itself."""

import dataclasses
import hashlib
import math
import tomllib

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import CatalogError, ChecksumError
from neurodata4ml.lock import read_lock
from neurodata4ml.record import study_lock
from neurodata4ml.record.digests import content_digests
from neurodata4ml.record.environment import Environment
from neurodata4ml.results import Results
from record.odd_arrays import odd_results
from report.factory import make_results

HERE = Environment(
    "CPython 3.12.1", "Linux x86_64", {"numpy": "2.4.6"}, "openblas 0.3", 8, ("AVX2", "SSE"), "c0ffee", True
)
DAY = "2026-11-23T06:00:00+00:00"
SHA = "ab" * 32


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a report, beside which somebody's own file lies."""
    made = tmp_path / "reports" / "mine"
    (made / "sessions").mkdir(parents=True)
    for name in ("index.html", "results.json", "results.nc", "sessions/a.json", "mine.txt"):
        (made / name).write_text(name, encoding="utf-8")
    return made


def of_file(name="mouse.nwb", place="", **more):
    data = {"source": name, "sha256": SHA, "size": 12, "n_trials": 3}
    return Results({"source": name, "seed": 7, **more}, data, {}, places={"": str(place)})


def locked(results, folder):
    study_lock.write(results, folder, HERE, DAY, 61.26)
    return study_lock.read(folder)


def test_what_is_written_is_read(folder):
    results = make_results(only=("psth",), n_conditions=2)
    results.arrays["psth"].attrs["splits_sha256"] = SHA
    lock = locked(results, folder)
    assert lock.is_whole
    assert (lock.made, lock.took_s) == (DAY, 61.3)
    assert lock.results == content_digests(results)
    assert lock.splits == {"psth": SHA}
    assert lock.seeds == {"study": 0}
    assert lock.git == {"commit": "c0ffee", "dirty": True}
    assert lock.environment == HERE.words()
    assert lock.study == {name: value for name, value in results.spec.items() if value is not None}
    ours = ("index.html", "results.json", "results.nc", "sessions/a.json")
    assert lock.pages == {name: hashlib.sha256(name.encode()).hexdigest() for name in ours}


def test_a_session_of_the_catalog_is_an_asset_that_every_reader_of_locks_finds(folder):
    (asset,) = locked(make_results(only=()), folder).assets
    assert (asset.dataset, asset.session, asset.path, asset.size) == ("demo", "demo-0", "demo.nwb", 18_400_000)
    assert read_lock(folder / "study.lock") == {("demo", "demo-0"): asset}
    assert study_lock.read(folder).files == ()


@pytest.mark.parametrize("draft", [".", "../.mine.draft-7"])
def test_a_file_is_named_from_the_folder_of_the_report(tmp_path, folder, draft):
    where = folder / draft
    where.mkdir(exist_ok=True)
    recording = tmp_path / "data" / "mouse 1.nwb"
    (file,) = locked(of_file("mouse 1.nwb", recording), where).files
    assert dataclasses.astuple(file) == ("", "../../data/mouse 1.nwb", "mouse 1.nwb", 12, SHA)


def test_the_way_to_a_file_holds_where_the_report_is_reached_by_a_link(tmp_path, folder):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    link = tmp_path / "deep" / "er" / "link"
    link.symlink_to(folder)
    recording = tmp_path / "mouse.nwb"
    recording.touch()
    (file,) = locked(of_file(place=recording), link).files
    assert (folder / file.path).resolve() == recording


def test_an_address_keeps_no_signature(folder):
    (file,) = locked(of_file(place="https://me:pw@archive.org/mouse.nwb?X-Signature=secret"), folder).files
    assert file.path == "https://archive.org/mouse.nwb"
    assert "secret" not in (folder / "study.lock").read_text(encoding="utf-8")


def test_of_many_recordings_each_has_its_file_its_seed_and_its_digests(folder):
    parts = {key: of_file(f"{key}.nwb", seed=i) for i, key in enumerate(("a", "b"))}
    parts["b"].arrays["rdms"] = xr.Dataset(attrs={"splits_sha256": SHA})
    many = Results({"seed": 9}, {}, {}, sessions=parts, places={"a": "/x/a.nwb", "b": "/x/b.nwb"})
    lock = locked(many, folder)
    assert [(file.key, file.name) for file in lock.files] == [("a", "a.nwb"), ("b", "b.nwb")]
    assert all(file.path.endswith(f"/x/{file.name}") for file in lock.files)
    assert lock.seeds == {"a": 0, "b": 1}
    assert lock.splits == {"sessions/b/rdms": SHA}
    assert "sessions/b/rdms" in lock.results


def test_numbers_that_are_not_finite_and_texts_with_marks_stay_what_they_are(folder):
    evil = 'a"""\n[self]\nsha256 = "0"\n\\ \u202e\x00\x1b ' + "'''"
    spec = {"where": evil, "options": {evil: {"C": math.inf, "low": np.float32(-0.5), "none": None}}, "title": "\ud800"}
    name = evil.replace("\x00", "")
    results = Results(spec, {"source": name, "sha256": SHA}, {}, places={"": f"/{name}"})
    lock = locked(results, folder)
    assert lock.is_whole
    assert lock.study == {"where": evil, "options": {evil: {"C": math.inf, "low": -0.5}}, "title": "\\ud800"}
    assert lock.files[0].name == name
    odd = odd_results()
    assert locked(odd, folder).results == content_digests(odd)


def test_time_stands_in_the_lock_alone_and_the_rest_is_the_same_each_time(folder):
    texts = []
    for day in (DAY, "2027-01-01T00:00:00+00:00"):
        study_lock.write(of_file(), folder, HERE, day, 1.0)
        text = (folder / "study.lock").read_text(encoding="utf-8")
        texts.append([line for line in text.splitlines() if day not in line][:-1])
    assert texts[0] == texts[1]


# a lock that is not what was written


@pytest.fixture
def path(folder):
    return study_lock.write(of_file(), folder, HERE, DAY)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("seed = 7", "seed = 8"),
        lambda text: text.replace('numpy = "2.4.6"', 'numpy = "2.4.7"'),
        lambda text: text.replace(DAY, "2025-11-23T06:00:00+00:00"),
        lambda text: text + '\n[more]\nx = "1"\n',
        lambda text: text + "# seen by nobody\n",
        lambda text: text.partition("[self]")[0],
        lambda text: text[:-10] + "0" * 8 + '"\n',
    ],
)
def test_whatever_is_changed_shows(path, edit):
    text = path.read_text(encoding="utf-8")
    path.write_text(edit(text), encoding="utf-8")
    assert edit(text) != text
    assert not study_lock.read(path.parent).is_whole


def test_line_ends_of_another_system_are_no_change(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert study_lock.read(path.parent).is_whole


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: "", "has the schema None"),
        (lambda text: text[: len(text) // 2] + "[", "cannot be read as the lock of a report"),
        (
            lambda text: text.replace("[results]", "[other]"),
            "no whole lock of a report: it has no 'results'. Take the lock",
        ),
        (lambda text: text.replace("[pages]", "[other]"), "it has no 'pages'"),
        (lambda text: text.replace("size = 12", 'size = "12"'), r"no whole lock of a report .size of a \[\[file\]\]."),
        (lambda text: text.replace(SHA, "abc"), r".sha256 of a \[\[file\]\]."),
        (lambda text: text.replace("study = 7", "study = true"), r".a value of \[seeds\]."),
        (lambda text: text.replace('"index.html" =', '"../index.html" ='), "'..' .in '../index.html'. cannot be"),
        (lambda text: text.replace('"index.html" =', '"/etc/passwd" ='), "cannot be a file's name"),
    ],
)
def test_what_is_no_lock_of_a_report_is_refused_in_words(path, edit, words):
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ChecksumError, match=words):
        study_lock.read(path.parent)


def test_the_lock_of_a_later_version_says_so_and_is_not_called_damaged(path):
    path.write_text(path.read_text(encoding="utf-8").replace("lock/1", "lock/9"), encoding="utf-8")
    says = "has the schema 'neurodata4ml/lock/9'; this version of neurodata4ml reads .*Verify it with the version that"
    with pytest.raises(CatalogError, match=says):
        study_lock.read(path.parent)


def test_no_lock_is_said_with_its_path(tmp_path):
    with pytest.raises(
        ChecksumError, match=r"study.lock cannot be read as the lock of a report: .*write the report again"
    ):
        study_lock.read(tmp_path)


def test_it_is_plain_toml(path):
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    assert [*raw] == [
        *("schema", "made", "took_s", "asset", "file", "study", "seeds", "splits", "software", "machine", "git"),
        *("results", "pages", "self"),
    ]
    assert raw["machine"]["BLAS threads"] == 8
