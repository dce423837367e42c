"""The JSON Schema of an entry is that of the records, and knows a wrong entry where a schema can."""

from __future__ import annotations

import json
import runpy
import tomllib
from dataclasses import fields
from typing import Any

import pytest
from examples import SPOILT, WHOLE, spoilt
from jsonschema import Draft202012Validator

from conftest import ROOT
from neurodata4ml.data.entries import records, schema

CATALOG = ROOT / "catalog"
SCHEMA = json.loads((CATALOG / "entry.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def faults(entry: dict[str, Any]) -> list[str]:
    return [fault.message for fault in VALIDATOR.iter_errors(entry)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_in_the_repository_is_that_of_the_records() -> None:
    written = runpy.run_path(str(ROOT / "tools" / "write_schema.py"))["written"]()
    assert (CATALOG / "entry.schema.json").read_text(encoding="utf-8") == written, "run: python tools/write_schema.py"


@pytest.mark.parametrize("path", sorted(CATALOG.glob("*.toml")), ids=lambda path: path.stem)
def test_every_entry_that_is_shipped_is_valid(path: Any) -> None:
    assert faults(tomllib.loads(path.read_text(encoding="utf-8"))) == []


def test_an_entry_that_uses_every_table_is_valid() -> None:
    assert faults(tomllib.loads(WHOLE)) == []


@pytest.mark.parametrize(("old", "new", "seen"), [(*case[:2], case[4]) for case in SPOILT], ids=[c[1] for c in SPOILT])
def test_a_schema_sees_the_forms_and_check_the_rest(old: str, new: str, seen: bool) -> None:
    assert bool(faults(tomllib.loads(spoilt(old, new)))) == seen


@pytest.mark.parametrize(
    ("archive", "doi", "fits"),
    [
        ("zenodo", "10.5281/zenodo.12", True),
        ("zenodo", "10.1/x", False),
        ("osf", "10.17605/osf.io/ab12c", True),
        ("osf", "10.17605/OSF.IO/AB", False),
        ("http", "", False),
    ],
)
def test_each_archive_has_its_needs(archive: str, doi: str, fits: bool) -> None:
    entry = tomllib.loads(WHOLE) | {"archive": archive, "doi": doi}
    assert bool(faults(entry)) != fits
    for session in entry["sessions"].values():
        session |= {"url": "https://a.org/b", "md5": "0" * 32}
    assert bool(faults(entry)) != (fits or archive == "http")


def test_every_key_says_what_it_means() -> None:
    described = {f"{name}.{key}" for name in ("Entry", *SCHEMA["$defs"]) for key in _properties(name)}
    own = [its for its in vars(records).values() if isinstance(its, type) and its.__module__ == records.__name__]
    keys = {f"{its.__name__}.{key.name}" for its in own for key in fields(its)} - {"Entry.file"}
    assert described == keys == set(schema.WORDS)
    assert set(schema.MORE) <= keys


def _properties(name: str) -> dict[str, Any]:
    return SCHEMA["properties"] if name == "Entry" else SCHEMA["$defs"][name]["properties"]
