"""Names from outside: what is accepted stays inside, and can be made, under the rules of every system."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import plain
from archive import Archive
from neurodata4ml import describe, fetch, names
from neurodata4ml.data.cache import store
from neurodata4ml.errors import CatalogError, DiskError

HOSTILE = [
    *("", ".", "..", "../a", "a/..", "a/../../b", "a//b", "/a", "/", "a/", "./a"),  # up, absolute, empty
    *("c:", "c:/a", "C:a", "a:stream", "//server/share/a", "\\\\server\\share", "\\a", "a\\b", "\\\\?\\c:\\a"),
    *("nul", "NUL", "nul.txt", "Con", "aux.nwb", "prn.", "com1", "COM9.tar.gz", "lpt1", "COM¹", "lpt³.nwb", "com0"),
    *("CONIN$", "conout$.nwb", "nul .txt", "a/CON/b"),
    *("a.", "a ", "a/b. ", " ", "...", "a\0.nwb", "a\n", "a\x7f", "a\x9f", "a\t", "a<", "a>", 'a"', "a|", "a?", "a*"),
    *("a\u202enwb.exe", "a\u200b", "a\u2028", "\ud800", "\ue000"),  # right-to-left, zero width, line, surrogate
    *("．．", "a／b", "a＼b", "c：", "‥", "ﬁle", "A\u030a", "µ.nwb"),  # NFKC makes other names of these
    *("a" * 181, "é" * 91, "/".join(["a" * 100] * 7)),
]
FINE = [
    "sub-1/sub-1_ses-2.nwb",
    "a",
    ".hidden",
    "a b/c (1).nwb",
    "sub-anm00239123/sub-anm00239123_ses-20170627T093549_ecephys+ogen.nwb",
    "Zürich/日本/Ωmega.nwb",
    "console/com10/nullable.nwb",
    "a" * 180,
    "é" * 90,
    "-rf",
    "~/x",
    "$HOME",
    "%PATH%",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_on_every_system(name: str) -> None:
    with pytest.raises(CatalogError, match=r"cannot be a file's name everywhere; use a relative|is longer than"):
        names.safe(name, "the entry")


@pytest.mark.parametrize("name", FINE)
def test_an_ordinary_name_is_kept_as_it_is(name: str, tmp_path: Path) -> None:
    assert names.safe(name, "the entry") == PurePosixPath(name)
    path = tmp_path / names.safe(name, "the entry")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("it can be made")


letters = st.text(st.sampled_from("ab.~ :/\\\0¹²³ＣＯＮcomNUL$*?\u202e\ud800\u2028１．／é"), max_size=12)
anything = st.one_of(st.text(max_size=30), letters, st.lists(letters, max_size=5).map("/".join))


@given(anything)
@example("COM¹")
@example("a/．．/b")
def test_what_is_accepted_never_leaves_its_folder_and_is_one_name_on_every_system(name: str) -> None:
    try:
        path = names.safe(name, "x")
    except CatalogError:
        return
    for root, kind in (("/cache", PurePosixPath), ("D:\\cache", PureWindowsPath)):
        for spelt in (name, unicodedata.normalize("NFKC", name), unicodedata.normalize("NFD", name)):
            joined = kind(root) / spelt
            assert joined.is_relative_to(kind(root))
            assert ".." not in joined.parts
            assert len(joined.parts) == len(kind(root).parts) + len(path.parts), "no more and no fewer folders"
    assert not any(_reserved(part) for part in path.parts)
    assert all(part.isprintable() and part.rstrip(". ") == part for part in path.parts)
    assert os.path.normpath(name) == str(path) == name


def _reserved(part: str) -> bool:
    """Python's own list of Windows' reserved names, where it has one that can be asked."""
    return PureWindowsPath(part).is_reserved() if sys.version_info < (3, 13) else False


@pytest.mark.parametrize("path", HOSTILE)
def test_no_name_of_an_entry_leads_out_of_the_cache(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    entry = describe("guo-alm")
    hostile = entry.sessions[entry.default_session].__class__(path)
    entry.sessions[entry.default_session] = hostile
    with pytest.raises(CatalogError):
        store.place(entry)
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        yield archive


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("folder", ["plain", "plain/1", "plain/1/sub-1"])
def test_a_link_that_leads_out_of_the_cache_is_not_followed_to_write(
    folder: str, archive: Archive, tmp_path: Path
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", b"content")
    link, elsewhere = tmp_path / "cache" / folder, tmp_path / "elsewhere"
    link.parent.mkdir(parents=True)
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    with pytest.raises(DiskError, match=r"is a link that leads out of the cache, to .*elsewhere; nothing is written"):
        fetch(plain.NAME)
    assert not list(elsewhere.iterdir())
    assert not archive.log
    link.unlink()
    assert fetch(plain.NAME) == final


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_the_cache_itself_may_be_a_link_and_links_inside_it_may_stay_inside(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "large disk" / "moved").mkdir(parents=True)
    (tmp_path / "cache").symlink_to(tmp_path / "large disk")
    final = plain.pin(archive, tmp_path / "catalog", b"content")
    (tmp_path / "cache" / "plain").symlink_to(tmp_path / "large disk" / "moved")
    assert fetch(plain.NAME) == final
    assert final.read_bytes() == b"content"
