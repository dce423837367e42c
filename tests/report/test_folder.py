"""A report is a folder of one study, all of it or none, and nobody's files are lost over it."""

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import sys

import pytest
import xarray as xr
from factory import make_results

from neurodata4ml.errors import DiskError, NeuroDataError
from neurodata4ml.places import write_whole
from neurodata4ml.record import study_lock
from neurodata4ml.record.environment import Environment
from neurodata4ml.record.netcdf import load_netcdf
from neurodata4ml.report import folder as folders
from neurodata4ml.report import swap
from neurodata4ml.report.folder import check_folder, is_report, write_report
from neurodata4ml.report.page import render
from neurodata4ml.results import Results

OURS = ["index.html", "results.json", "results.nc", "study.lock"]


HERE = Environment("CPython 3.12.1", "Linux x86_64", {"numpy": "2.4.6"})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Leave out what has tests of its own: what the page shows, and where it was made."""
    monkeypatch.setattr(folders, "environment", lambda: HERE)
    monkeypatch.setattr(folders, "render", lambda results: f"<title>{results.spec['title']}</title>")


@pytest.fixture
def whole(monkeypatch):
    monkeypatch.setattr(folders, "render", render)


@pytest.fixture(scope="module")
def results():
    return make_results(only=("dimensionality",))


def other(title="another study", **more):
    return make_results(only=(), spec={"title": title}, **more)


def of_many():
    parts = {key: make_results(only=("dimensionality",), seed=i) for i, key in enumerate("AB")}
    return dataclasses.replace(make_results(only=()), sessions=parts)


def held(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def title_in(folder):
    """Return the title of the report in a folder, where each of its files is the one that its lock names."""
    lock = study_lock.read(folder)
    assert lock.is_whole
    assert {name: _sha256(folder / name) for name in lock.pages} == lock.pages
    title = json.loads((folder / "results.json").read_text(encoding="utf-8"))["spec"]["title"]
    assert title in (folder / "index.html").read_text(encoding="utf-8")
    return title


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_report_is_a_page_its_numbers_and_a_lock(results, tmp_path, whole):
    page = write_report(results, tmp_path / "new" / "demo", took=12.34)
    assert page == tmp_path / "new" / "demo" / "index.html"
    assert held(page.parent) == OURS
    assert [path.name for path in page.parent.parent.iterdir()] == ["demo"]
    assert title_in(page.parent) == results.spec["title"]
    lock = study_lock.read(page.parent)
    assert [*lock.pages] == OURS[:3]
    assert lock.took_s == 12.3
    assert [*load_netcdf(page.parent / "results.nc")] == ["dimensionality"]


def test_the_page_follows_from_the_numbers_as_they_are_stored(results, tmp_path, whole):
    odd = dataclasses.replace(results, spec={**results.spec, "window": (-0.1, 0.35)}, warnings=["\u202e<b>"])
    page = write_report(odd, tmp_path / "demo")
    assert render(Results.load(page.parent / "results.json")).encode() == page.read_bytes()


def test_a_second_run_elsewhere_gives_the_same_bytes_but_for_the_lock(results, tmp_path, whole):
    one, two = (write_report(results, tmp_path / name, took=i).parent for i, name in enumerate(("one", "deep/two")))
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in OURS[:3])
    assert study_lock.read(one).results == study_lock.read(two).results


def test_each_recording_of_many_has_its_numbers_and_its_digest(tmp_path):
    folder = write_report(of_many(), tmp_path / "many").parent
    assert len(list((folder / "sessions").glob("*.json"))) == 2
    assert {"sessions/A/dimensionality", "sessions/B/dimensionality"} <= set(study_lock.read(folder).results)
    assert sum(name.startswith("sessions/") for name in study_lock.read(folder).pages) == 2
    assert {*load_netcdf(folder / "results.nc")} == {"sessions/A/dimensionality", "sessions/B/dimensionality"}


# an earlier report


@pytest.fixture(params=["swapped", "moved twice", "file by file"])
def way(request, monkeypatch, tmp_path):
    """Replace in one step, in two, or within the folder, as systems, disks and rights allow."""
    if request.param == "moved twice":
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    if request.param == "file by file":
        monkeypatch.setattr(swap.os.path, "ismount", lambda path: str(path).startswith(str(tmp_path)))
    return request.param


def test_an_earlier_report_is_replaced_as_a_whole_and_other_files_stay(tmp_path, way):
    folder = write_report(of_many(), tmp_path / "demo").parent
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "figures").mkdir()
    (folder / "figures" / "a.svg").touch()
    write_report(other("new"), folder)
    assert held(folder) == ["figures/a.svg", *OURS[:1], "notes.txt", *OURS[1:]]
    assert title_in(folder) == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.parametrize("when", ["page", "swap"])
def test_what_cannot_be_finished_leaves_the_earlier_report_whole(tmp_path, monkeypatch, when):
    folder = write_report(other("old"), tmp_path / "demo").parent
    (folder / "notes.txt").touch()
    broken = other("new")
    if when == "page":
        monkeypatch.setattr(folders, "render", render)
        broken.arrays["psth"] = xr.Dataset({"rate": ("elsewhere", [1.0])})
        with pytest.raises(KeyError, match="area"):
            write_report(broken, folder)
    else:
        before, n = swap.move, iter(range(9))
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
        monkeypatch.setattr(swap, "move", lambda a, b: _fail() if next(n) == 3 else before(a, b))
        with pytest.raises(NeuroDataError, match=r"no report can be written to .*: Input/output error"):
            write_report(broken, folder)
    assert title_in(folder) == "old"
    assert held(folder) == ["index.html", "notes.txt", *OURS[1:]]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def _fail(number=errno.EIO):
    raise OSError(number, os.strerror(number))


def test_a_full_disk_is_said_and_the_earlier_report_stays(tmp_path, monkeypatch):
    folder = write_report(other("old"), tmp_path / "demo").parent
    monkeypatch.setattr("neurodata4ml.places.os.fsync", lambda number: _fail(errno.ENOSPC))
    with pytest.raises(DiskError, match=r"the disk is full: no report was written to .*demo\. Free some space, or use"):
        write_report(other("new"), folder)
    assert title_in(folder) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_the_working_folder_stays_the_same_folder(tmp_path, monkeypatch):
    folder = write_report(other("old"), tmp_path / "demo").parent
    monkeypatch.chdir(folder)
    number = os.stat(".").st_ino
    assert write_report(other("new"), ".").read_bytes() == (folder / "index.html").read_bytes()
    assert os.stat(folder).st_ino == number
    assert title_in(folder) == "new"


def test_a_link_to_a_report_stays_a_link(tmp_path):
    folder = write_report(other("old"), tmp_path / "demo").parent
    (tmp_path / "link").symlink_to(folder)
    assert write_report(other("new"), tmp_path / "link").parent == tmp_path / "link"
    assert (tmp_path / "link").is_symlink()
    assert title_in(folder) == "new"


def test_a_folder_beside_which_nothing_may_be_written_is_written_within(tmp_path, monkeypatch):
    folder = write_report(other("old"), tmp_path / "demo").parent
    monkeypatch.setattr(swap.os, "access", lambda path, mode: str(path) != str(tmp_path))
    monkeypatch.setattr(swap, "_swap", lambda draft, folder: pytest.fail("it moved the folder"))
    write_report(other("new"), folder)
    assert title_in(folder) == "new"
    assert held(folder) == OURS


# somebody's folder


@pytest.fixture
def theirs(tmp_path):
    folder = tmp_path / "thesis"
    (folder / "chapters").mkdir(parents=True)
    for name in ("index.html", "plan.txt", "study.toml", "chapters/one.tex"):
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def test_a_folder_that_is_no_report_is_refused_with_what_is_there_and_what_to_type(theirs):
    before = held(theirs)
    words = (
        r"thesis is no report of neurodata4ml: it holds chapters, index.html, plan.txt and 1 more. Choose another "
        r"folder: --out DIR; or write the report into it, where what is there stays, but for index.html: --force"
    )
    for refused in (check_folder, lambda folder: write_report(other(), folder)):
        with pytest.raises(NeuroDataError, match=words):
            refused(theirs)
    assert held(theirs) == before
    assert (theirs / "index.html").read_text(encoding="utf-8") == "index.html"


def test_force_replaces_the_names_of_a_report_and_nothing_else(theirs):
    write_report(other("mine"), theirs, force=True)
    assert held(theirs) == ["chapters/one.tex", "index.html", "plan.txt", *OURS[1:], "study.toml"]
    assert title_in(theirs) == "mine"
    assert [path.name for path in theirs.parent.iterdir()] == ["thesis"]
    write_report(other("mine too"), theirs)
    assert title_in(theirs) == "mine too"
    assert "chapters/one.tex" in held(theirs)


def test_a_folder_of_results_alone_is_a_report_and_an_empty_one_may_be_used(tmp_path):
    other().save(tmp_path / "only" / "results.json")
    assert is_report(tmp_path / "only")
    (tmp_path / "empty").mkdir()
    for name in ("only", "empty"):
        assert held(write_report(other(), tmp_path / name).parent) == OURS


@pytest.mark.parametrize(("name", "text"), [("results.json", '{"schema": "mine"}'), ("study.lock", "x = 1")])
def test_files_of_our_names_make_no_report(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(NeuroDataError, match=f"it holds {name}.*but for {name}: --force"):
        check_folder(tmp_path)


# a folder that cannot be written to


def test_a_folder_that_cannot_be_is_said_before_anything_is_computed(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way", encoding="utf-8")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for place in (file, file / "report", tmp_path / "nowhere", tmp_path / "nowhere" / "report"):
        with pytest.raises(NeuroDataError, match=r"no report can be written to .*: .*--out DIR"):
            check_folder(place)
    assert file.read_text(encoding="utf-8") == "in the way"
    (tmp_path / "report" / "index.html").mkdir(parents=True)
    with pytest.raises(NeuroDataError, match=r"index.html is a folder.*--out DIR"):
        check_folder(tmp_path / "report", force=True)


def test_a_folder_that_may_not_be_written_to_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(folders.os, "access", lambda path, mode: path != tmp_path)  # root may write everywhere
    for place in (tmp_path, tmp_path / "report"):
        with pytest.raises(NeuroDataError, match=r"is not a folder that may be written to.*--out DIR"):
            check_folder(place)


def test_checking_a_folder_makes_nothing(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


# killed


def nobody():
    """Return the number of a process that has ended."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_what_a_killed_process_left_is_put_right(tmp_path):
    folder = write_report(other("old"), tmp_path / "demo").parent
    pid = nobody()
    shutil.copytree(folder, tmp_path / f".demo.draft-{pid}")
    (folder / "notes.txt").touch()
    folder.rename(tmp_path / f".demo.old-{pid}")
    (tmp_path / f".demo.draft-{os.getppid()}").mkdir()  # somebody else is at work
    (tmp_path / ".demo.draft-mine").mkdir()
    check_folder(folder)
    assert title_in(folder) == "old"
    assert "notes.txt" in held(folder)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"demo", f".demo.draft-{os.getppid()}", ".demo.draft-mine"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_what_was_put_aside_replaces_nothing_that_came_since(tmp_path):
    folder = write_report(other("new"), tmp_path / "demo").parent
    aside = tmp_path / f".demo.old-{nobody()}"
    write_report(other("old"), aside)
    for name, text in (("notes.txt", "old"), ("more.txt", "old")):
        (aside / name).write_text(text, encoding="utf-8")
    (folder / "notes.txt").write_text("new", encoding="utf-8")
    check_folder(folder)
    assert title_in(folder) == "new"
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "new"
    assert (folder / "more.txt").read_text(encoding="utf-8") == "old"
    assert held(aside) == ["notes.txt"]


@pytest.fixture
def quick(monkeypatch):
    """Let arrays be written at once, as every other file beside their place, then moved; wait for no disk."""
    monkeypatch.setattr(os, "fsync", lambda number: None)
    monkeypatch.setattr(folders, "save_netcdf", lambda results, path: write_whole(path, b"arrays"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
@pytest.mark.parametrize("start", ["nothing", "a report", "a report that is moved twice"])
def test_a_process_killed_at_any_step_leaves_a_whole_report(tmp_path, monkeypatch, quick, start):
    """Kill -9 before the first, second, ... thing that it does to the disk: what is there is the old or the new."""
    folder, seen = tmp_path / "home" / "demo", set()
    if start == "a report that is moved twice":
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    for _ in killed_at_each_step(folder, is_new=start == "nothing"):
        if start == "a report" and sys.platform == "linux":
            assert title_in(folder) in ("old", "new")
        check_folder(folder)  # what the next run does first
        seen.add(title_in(folder) if folder.exists() else "nothing")
        assert (folder / "notes.txt").exists() or start == "nothing"
        assert {path.name for path in tmp_path.glob("home/*")} <= {"demo"}
    assert seen == {"nothing" if start == "nothing" else "old", "new"}
    assert title_in(folder) == "new"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_report_killed_while_it_is_written_file_by_file_has_no_lock_or_is_whole(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(swap.os.path, "ismount", lambda path: True)
    folder, seen = tmp_path / "home" / "demo", set()
    for _ in killed_at_each_step(folder):
        has_lock = (folder / "study.lock").exists()
        seen.add(title_in(folder) if has_lock else "no lock")
        check_folder(folder)
        assert set(held(folder)) <= {*OURS, "notes.txt"}
        assert "notes.txt" in held(folder)
    assert seen == {"old", "no lock", "new"}


def killed_at_each_step(folder, *, is_new=False):
    """Yield after each death of a process that replaces "old" by "new": each time it came one step further."""
    home, kept = folder.parent, folder.parent.with_name("kept")
    write_report(other("old"), kept)
    (kept / "notes.txt").touch()
    for n in range(200):
        shutil.rmtree(home, ignore_errors=True)
        if not is_new:
            shutil.copytree(kept, folder)
        ended = killed_at(n, home, lambda: write_report(other("new"), folder))
        yield
        if ended:
            assert n > 15
            return
    pytest.fail("it never ends")


def killed_at(n, root, work):
    """Let a process work until it has done ``n`` things to the disk; return whether it came to its end."""
    pid = os.fork()
    if pid:
        number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert number in (0, 9)
        return number == 0
    left = [n]

    def watch(event, arguments):
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        moves = event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir") or writes
        if event == "ctypes.dlsym" or (moves and str(root) in str(arguments[0])):
            if not left[0]:
                os._exit(9)
            left[0] -= 1

    try:
        sys.addaudithook(watch)
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)
