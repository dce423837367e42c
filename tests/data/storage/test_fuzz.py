"""Damaged files give what h5py gives, or an error of ours: no other values, no crash, no hang, no byte from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

import fuzz
import fuzz_files
import fuzz_mutants
import fuzz_stores

SEED = 4
"""Other mutants: ``benchmarks/fuzz.py --seed``."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def faults(verdicts: list[fuzz.Verdict]) -> list[fuzz.Verdict]:
    """Return the verdicts that must never be."""
    return [verdict for verdict in verdicts if verdict.verdict in fuzz.FAULTS]


@pytest.mark.slow
def test_damaged_hdf5_is_read_as_by_h5py_or_refused(folder: Path) -> None:
    sources = fuzz_files.sources(folder)
    before = fuzz.read_before(sources, folder)
    whole = list(fuzz.judge(((name, name, content) for name, content in sources.items()), before, folder))
    assert {verdict.verdict for verdict in whole} == {fuzz.SAME}
    verdicts = list(fuzz.judge(fuzz_mutants.mutants(sources, 180, SEED), before, folder))
    assert faults(verdicts) == []
    assert sum(verdict.verdict == fuzz.BOLD for verdict in verdicts) <= 2, fuzz.table(verdicts)
    assert {fuzz.SAME, fuzz.REFUSED} <= {verdict.verdict for verdict in verdicts}


@pytest.mark.slow
def test_damaged_stores_are_read_as_by_zarr_or_refused(folder: Path) -> None:
    stores = fuzz_stores.stores(folder)
    before = fuzz.read_before(stores, folder)
    verdicts = list(fuzz.judge(fuzz_stores.mutants(stores, 32, SEED), before, folder))
    assert faults(verdicts) == []
    assert {fuzz.SAME, fuzz.REFUSED} <= {verdict.verdict for verdict in verdicts}


def test_a_reader_that_hangs_or_dies_is_told_from_one_that_errs(folder: Path) -> None:
    """The judge itself: it must see what it is there to see."""
    right = {"/": "group", "/x": ("<f8", (3,), "abc")}
    other = {"/": "group", "/x": ("<f8", (3,), "xyz")}
    error = fuzz.Error("LayoutError", True, "damaged")
    foreign = fuzz.Error("KeyError", False, "x")
    outside = {"outside /etc/passwd": fuzz.Error("open", False, "/etc/passwd")}
    cases = [
        (right, right, fuzz.SAME),
        ({"/": "group", "/x": error}, right, fuzz.REFUSED),
        ({"/": error}, right, fuzz.REFUSED),
        ({"/": "group"}, right, fuzz.DIFFERENT),
        (other, right, fuzz.DIFFERENT),
        ({**right, "/y": "group"}, right, fuzz.DIFFERENT),
        ({"/": foreign}, right, fuzz.FOREIGN),
        ({**right, "tree /:x": foreign}, right, fuzz.FOREIGN),
        ({**right, **outside}, right, fuzz.OUTSIDE),
        (right, {"/": "group", "/x": foreign}, fuzz.BOLD_BUT_RIGHT),
        (other, {"/": "group", "/x": foreign}, fuzz.BOLD),
        (right, fuzz.CRASH, fuzz.ALONE),
        (fuzz.CRASH, right, fuzz.CRASH),
        (fuzz.HANG, right, fuzz.HANG),
    ]
    for ours, theirs, expected in cases:
        assert fuzz.compare("m", ours, theirs, right).verdict == expected
