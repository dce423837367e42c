"""Check lists all that is wrong with an entry at once: where it stands, and the cure."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from examples import SPOILT, UUID, WHOLE, spoilt, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT
from neurodata4ml.data.entries.check import check
from neurodata4ml.data.entries.read import read_entry
from neurodata4ml.data.entries.records import ARCHIVES
from neurodata4ml.errors import CatalogError
from neurodata4ml.toml_lines import line_of

SHIPPED = sorted((ROOT / "catalog").glob("*.toml"))


def faults(path: Path) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.key, fault.text) for fault in check([path])[path]]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_entry_that_is_shipped_passes(path: Path) -> None:
    assert faults(path) == []


def test_an_entry_that_uses_every_table_passes(tmp_path: Path) -> None:
    assert faults(write(tmp_path, WHOLE)) == []


@pytest.mark.parametrize(("old", "new", "key", "complaint"), [case[:4] for case in SPOILT], ids=[c[1] for c in SPOILT])
def test_what_is_wrong_is_said_once_and_alone(
    tmp_path: Path, old: str, new: str, key: str | None, complaint: str
) -> None:
    """One fault in the file is one fault in the list, not a row of its echoes."""
    found = faults(write(tmp_path, spoilt(old, new)))
    if key is None:
        assert found == []
        return
    found = [
        its
        for its in found
        if its[2] != "name is 'My_own', but the file is called mine.toml; they must agree. Rename one of them."
    ]
    assert len(found) == 1, found
    assert re.fullmatch(key, found[0][1])
    assert re.search(complaint, found[0][2]), found[0][2]


def test_all_faults_of_a_file_are_listed_with_their_lines(tmp_path: Path) -> None:
    text = WHOLE
    for old, new in (
        ('species = "mouse"', 'specie = "mouse"'),
        ('task = "sleep"', "task = 3"),
        ("year = 2021", "year = 21"),
        ("size = 5", "size = -5"),
        ('op = "=="', 'op = "="'),
        ("[0, 0.25]", "[1, 0]"),
    ):
        text = text.replace(old, new)
    lines = text.splitlines()
    found = faults(write(tmp_path, text))
    assert [lines[line - 1] for line, _, _ in found] == [
        'specie = "mouse"',
        "task = 3",
        "year = 21",
        next(line for line in lines if line.startswith("102-B")),
        'op = "="',
        "window = [1, 0]",
    ]


def test_reading_stops_at_the_first_and_says_how_to_see_the_others(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE.replace("count = 30", "count = -1").replace("count = 118", "count = 0"))
    with pytest.raises(CatalogError, match=rf"listing.count must .* And 1 more: neurodata4ml check {path}"):
        read_entry(path)


def test_a_fault_is_shown_as_compilers_do(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE.replace('name = "mine"', 'name = "yours"'))
    assert [str(fault) for fault in check([path])[path]] == [
        f"{path}:1: name is 'yours', but the file is called mine.toml; they must agree. Rename one of them."
    ]
    path = write(tmp_path, "name = \nversion = 1")
    assert str(check([path])[path][0]).startswith(f"{path}:1: is not a TOML file: Invalid value (at line 1, column 8)")
    path.write_bytes(b"\xff")
    assert "is not a TOML file: byte 0 is no text. Save it as UTF-8, or remove it." in str(check([path])[path][0])


@pytest.mark.parametrize(
    ("archive", "more", "complaint"),
    [
        ("http", "", "sessions.a needs url and sha256 (or md5), because archive 'http' states no digest."),
        ("http", f'url = "https://a.org/b"\nmd5 = "{"0" * 32}"', ""),
        ("zenodo", "", "archive 'zenodo' needs a doi of the form '10.5281/zenodo.1234567'; got ''."),
        ("osf", "", "archive 'osf' needs a doi of the form '10.17605/OSF.IO/AB12C'; got ''."),
        ("local", "", ""),
        ("simulated", "", ""),
    ],
)
def test_each_archive_has_its_needs(tmp_path: Path, archive: str, more: str, complaint: str) -> None:
    head = "\n".join(
        line for line in WHOLE.split("[[papers]]")[0].splitlines() if not re.match("dandiset|doi|paper", line)
    )
    text = head.replace('"dandi"', f'"{archive}"').replace('"101-A"', '"a"')
    text += f'\n[sessions.a]\npath = "a.nwb"\n{more}\n[layout]\n'
    assert [text for _, _, text in faults(write(tmp_path, text))] == ([complaint] if complaint else [])
    assert archive in ARCHIVES


def test_a_file_on_this_machine_may_lie_anywhere(tmp_path: Path) -> None:
    text = spoilt('archive = "dandi"', 'archive = "local"').replace('doi = "10.48324/dandi.000009/0.220126.1903"\n', "")
    text = text[: text.index("[listing]")] + text[text.index("[images_from]") :]
    assert faults(write(tmp_path, text.replace("sub-2/sub-2", "../elsewhere/sub-2"))) == []
    assert "must name a file; got ''" in faults(write(tmp_path, re.sub('"sub-2/[^"]*"', '""', text)))[0][2]
    listed = text.replace("[layout]", '[listing]\npath = "*"\nsession = "(.)"\n[layout]', 1)
    assert "listing needs an archive that lists its files (dandi, zenodo, osf); 'local' does not" in str(
        faults(write(tmp_path, listed))
    )


def test_a_clash_names_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = write(tmp_path, WHOLE.replace('name = "mine"', 'name = "demo"'), "demo")
    shipped = ROOT / "catalog" / "demo.toml"
    (_, key, text), *_ = faults(mine)
    assert key == "name"
    assert text == f"two datasets are called 'demo': {shipped} and {mine}. Rename one of the files, and its name."
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    everything = check()
    assert len(everything[mine]) == len(everything[shipped]) == 1
    assert not any(its for path, its in everything.items() if path not in (mine, shipped))


def test_two_folders_that_are_checked_together_must_not_clash(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(write(tmp_path / name, WHOLE))
    checked = check(path.parent for path in paths)
    assert [len(checked[path]) for path in paths] == [1, 1]
    assert all(str(path) in checked[paths[0]][0].text for path in paths)


def test_without_a_path_all_that_are_shipped_and_ones_own_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write(tmp_path, spoilt("count = 30", "count = -1"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    checked = check()
    assert list(checked) == [*SHIPPED, own]
    assert len(checked[own]) == 1


def test_a_path_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nowhere is not there. Name a TOML file, or a folder of them"):
        check([tmp_path / "nowhere"])
    with pytest.raises(CatalogError, match=r"has no TOML file. Name the folder that holds the entries"):
        check([tmp_path])


def test_the_line_of_a_key_is_found_in_every_way_to_write_it() -> None:
    text = 'a = """\nb = 1\n"""\nb = 2\n[c]\n"d e" = 1\nf.g = 2\nh = [\n  1,\n]\n[[i]]\nj = 1\n[[i]]\nj = 2\n'
    text += '[ c . "k" ]\nl = 1\n'
    lines = {
        "a": 1,
        "b": 4,
        "c": 5,
        "c.d e": 6,
        "c.f.g": 7,
        "c.h": 8,
        "i[0].j": 12,
        "i[1]": 13,
        "i[1].j": 14,
        "c.k.l": 16,
    }
    assert {key: line_of(key, text) for key in lines} == lines
    assert line_of("c.h[1]", text) == 8
    assert line_of("c.k.missing", text) == 15
    assert line_of("missing", text) == 0


JUNK = st.one_of(
    st.none().map(lambda _: {}),
    st.text(max_size=12),
    st.integers(-5, 5),
    st.floats(),
    st.booleans(),
    st.lists(st.one_of(st.text(max_size=3), st.integers(), st.lists(st.integers(), max_size=2)), max_size=3),
    st.dictionaries(st.sampled_from(["path", "size", "table", "url", "x"]), st.text(max_size=3), max_size=2),
)


def places(table: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where every value of a table stands, the tables in it too."""
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    return [place for key, value in items for place in ((*where, key), *places(value, (*where, key)))]


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_entry_however_spoilt_stops_the_check(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands for up to three values, the faults are sentences, and those of the types name these places."""
    raw = tomllib.loads(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(raw)))
        holder = raw
        for step in way:
            holder = holder[step]
        holder[last] = data.draw(JUNK)
    path = write(tmp_path, tomli_w.dumps(raw))
    for fault in check([path])[path]:
        assert fault.text.endswith((".", "?", "..."))
        assert fault.key


def test_the_ids_of_assets_are_dandis_only_at_dandi(tmp_path: Path) -> None:
    """OSF and Zenodo call their files otherwise."""
    text = spoilt('archive = "dandi"', 'archive = "osf"').replace(
        "10.48324/dandi.000009/0.220126.1903", "10.17605/osf.io/ab12c"
    )
    assert faults(write(tmp_path, text.replace(f'asset_id = "{UUID}"', 'asset_id = "hu5ma"'))) == []
