"""The JSON Schema of an entry, made from the records, so that an editor can help whoever writes one."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from neurodata4ml.data.entries.build import is_required, kinds
from neurodata4ml.data.entries.records import DANDI_ETAG, DANDI_VERSION, DIGESTS, DOI, NAME, USES, UUID, Entry
from neurodata4ml.data.entries.rules import HOST, RECORDS

WORDS = {
    "Entry.name": "The dataset's name: that of the file, without .toml.",
    "Entry.title": "One line: what it is.",
    "Entry.summary": "Two or three sentences to choose by: who was recorded, doing what, and what is special.",
    "Entry.archive": "Where its files come from.",
    "Entry.version": "Version in the archive: 0.YYMMDD.HHMM or draft for DANDI. It names the folder in the cache.",
    "Entry.license": "An SPDX name, like CC-BY-4.0; any other text with license_url.",
    "Entry.citation": "The paper to cite, in words.",
    "Entry.species": "One word where possible: mouse, macaque, human.",
    "Entry.modality": "How it was recorded: Neuropixels, two-photon calcium imaging.",
    "Entry.task": "What the subjects did.",
    "Entry.default_session": "The session that is fetched and opened when none is named: a small one.",
    "Entry.sessions": "Sessions by their id. What is not listed here can be found by listing.",
    "Entry.layout": "Where things lie in a session's NWB file.",
    "Entry.dandiset": "Six digits, for archive dandi.",
    "Entry.doi": "DOI of the data in this version, without https://doi.org/.",
    "Entry.license_url": "Where the licence can be read.",
    "Entry.paper_doi": "DOI of the paper.",
    "Entry.areas": "Brain areas, as the file names them.",
    "Entry.total_size": "Bytes of the whole dataset; 0 where not known.",
    "Entry.suited_to": "What it is good for.",
    "Entry.caveats": "What one must know before trusting a result: sentences.",
    "Entry.data_author": "Makers of the data, as BibTeX writes authors.",
    "Entry.system": "Of a simulated dataset: which file of neurodata4ml.systems makes it.",
    "Entry.papers": "Papers to cite.",
    "Entry.redirects": "Hosts to which the server of an http entry may redirect, like files.osf.io or *.osf.io.",
    "Entry.listing": "How sessions that are not pinned are found in the archive's list of files.",
    "Entry.images_from": "Pictures that were shown and are not in the session's file.",
    "Entry.repair": "An NWB 1 file with the right tables of stimuli, where those of the session's file are damaged.",
    "Asset.path": "Path in the dataset, with forward slashes; for archive local, relative to this file.",
    "Asset.size": "Bytes; 0 where only the archive knows.",
    "Asset.sha256": "Digest of the whole file.",
    "Asset.asset_id": "DANDI's id of the asset.",
    "Asset.url": "Address of the file: http(s)://, or s3://bucket/key.",
    "Asset.etag": "DANDI's etag: md5 over parts of 64 MiB, a hyphen, and their number.",
    "Asset.note": "How the pin is known.",
    "Asset.blob": "DANDI's id of the bytes.",
    "Asset.md5": "Digest of the whole file, where the archive states no sha256.",
    "Asset.member": "Where path is a zip or tar archive: the name of the session's file in it.",
    "Asset.about": "Bytes of an earlier upload, where only the archive knows today's size.",
    "Layout.units": "Table of units; empty for imaging, which has responses.",
    "Layout.area": "How a unit finds its brain area.",
    "Layout.quality": "Rules that a unit must meet to be kept.",
    "Layout.invalid_times": "Table of times in which nothing counts.",
    "Layout.trials": "Ways to read trials, by name.",
    "Layout.default_trials": "The one of them that is used when none is named.",
    "Layout.series": "Continuous series by name: their paths in the file.",
    "Layout.responses": "Series of responses of imaged cells by name: their paths in the file.",
    "Layout.images": "Path of the pictures that the stimuli count in, where the file carries them.",
    "AreaJoin.column": "Column of the table of units.",
    "AreaJoin.table": "Table in which the area stands; empty where column is the area itself.",
    "AreaJoin.key": "Column of that table that equals the unit's column; empty where that holds row numbers.",
    "AreaJoin.value": "Column of that table with the area.",
    "AreaJoin.first": "Without key: the number of the first row of that table, 0 or 1.",
    "Filter.column": "Column of the table of units.",
    "Filter.op": "How it is compared.",
    "Filter.value": "With what it is compared.",
    "Trials.table": "Path of an interval table, or of an IndexSeries.",
    "Trials.stimulus": "Column that says what was shown.",
    "Trials.block": "Column that says in which block.",
    "Trials.blank": "Value of stimulus on blank sweeps; nan in quotes where they hold NaN.",
    "Trials.align": "Column with the time of the event that is time 0.",
    "Trials.start": "Column with the start of a trial.",
    "Trials.stop": "Column with its end.",
    "Trials.window": "Seconds around the event that are usual: from, to.",
    "Listing.path": "Pattern of paths, like sub-*/*_ophys.nwb.",
    "Listing.session": "Regular expression whose one group finds the session in a path.",
    "Listing.count": "How many sessions there are; 0 where not known.",
    "Paper.author": "Authors as BibTeX writes them: Siegle, Joshua H. and others.",
    "Paper.year": "Year of the paper.",
    "Paper.title": "Its title, in plain text.",
    "Paper.journal": "Where it appeared.",
    "Paper.volume": "Volume.",
    "Paper.pages": "Pages.",
    "Paper.doi": "Its DOI, without https://doi.org/.",
    "Images.url": "Address of a picture, with {n} where its number goes.",
    "Images.count": "How many pictures there are.",
    "Images.trials": "The trials whose stimulus counts in them.",
    "Images.first": "Number of the first picture.",
    "Repair.url": "Address of the file, with {id} where the session's id goes.",
    "Repair.session": "Regular expression whose one group finds that id in the session's name.",
    "Repair.trials": "For each of the trials to repair, the path of its stimulus in that file.",
}
"""What each key of an entry means, in a sentence."""

_TEXT = {"pattern": r"\S"}

MORE: dict[str, dict[str, Any]] = {
    **{f"Entry.{key}": _TEXT for key in ("title", "summary", "version", "license", "citation", "species", "modality")},
    "Entry.task": _TEXT,
    "Entry.license_url": {"pattern": r"^(https?://\S+)?$"},
    "Entry.caveats": {"items": {"type": "string", "pattern": r"\S\s+\S+\s+\S.*[.?!]\s*$"}},
    **{key: {"pattern": f"^({DOI})?$"} for key in ("Entry.doi", "Entry.paper_doi", "Paper.doi")},
    "Entry.name": {"pattern": f"^{NAME}$"},
    "Entry.dandiset": {"pattern": r"^(\d{6})?$"},
    "Entry.sessions": {"minProperties": 1},
    "Entry.total_size": {"minimum": 0},
    "Entry.suited_to": {"items": {"enum": list(USES)}},
    "Entry.redirects": {"items": {"type": "string", "pattern": f"^{HOST}$"}},
    "Asset.path": {"minLength": 1},
    "Asset.size": {"minimum": 0},
    "Asset.about": {"minimum": 0},
    "Asset.url": {"pattern": r"^(https?://[^@/\s]+(/\S*)?|s3://[^@/\s]+/\S+)?$"},
    **{f"Asset.{name}": {"pattern": f"^([0-9a-f]{{{n}}})?$"} for name, n in DIGESTS.items()},
    "AreaJoin.first": {"enum": [0, 1]},
    "Trials.table": {"pattern": "[^/]"},
    "Trials.window": {"anyOf": [{"maxItems": 0}, {"minItems": 2, "maxItems": 2}]},
    "Listing.count": {"minimum": 0},
    "Paper.author": _TEXT,
    "Paper.year": {"minimum": 1900},
    "Images.url": {"pattern": r"^(https?|s3)://[^{}\s]*\{n\}[^{}\s]*$"},
    "Images.count": {"minimum": 1},
    "Images.first": {"minimum": 0},
    "Repair.url": {"pattern": r"^(https?|s3)://[^{}\s]*\{id\}[^{}\s]*$"},
}
"""What a key's type does not say of it; ``check`` says the rest."""


def entry_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) that every entry of the catalog meets."""
    definitions: dict[str, Any] = {}
    root = _record(Entry, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An entry of the catalog of neurodata4ml",
        "description": "One dataset, catalog/<name>.toml. neurodata4ml check FILE says what a schema cannot.",
        **root,
        "allOf": [_when(archive, then) for archive, then in _needs().items()],
        "$defs": dict(sorted(definitions.items())),
    }


def _record(record: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints, properties = kinds(record), {}
    for key, hint in hints.items():
        where = f"{record.__name__}.{key}"
        properties[key] = {"description": WORDS[where], **_kind(hint, definitions), **MORE.get(where, {})}
    required = [its.name for its in fields(record) if its.name in hints and is_required(its)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _kind(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        kinds = [_kind(a, definitions) for a in arguments if a is not type(None)]
        return kinds[0] if len(kinds) == 1 else {"type": [kind["type"] for kind in kinds]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _kind(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _kind(arguments[1], definitions)}
    if is_dataclass(hint):
        name = hint.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = _record(hint, definitions)  # type: ignore[arg-type]
        return {"$ref": f"#/$defs/{name}"}
    return {"type": {str: "string", int: "integer", float: "number"}[hint]}


def _needs() -> dict[str, dict[str, Any]]:
    """Return what an entry of each archive must have beside."""
    ids = {
        name: {"pattern": f"^({form})?$"} for name, form in (("asset_id", UUID), ("blob", UUID), ("etag", DANDI_ETAG))
    }
    digest = {"anyOf": [{"required": ["sha256"]}, {"required": ["md5"]}]}
    return {
        "dandi": {
            "required": ["dandiset"],
            "properties": {
                "dandiset": {"pattern": r"^\d{6}$"},
                "version": {"pattern": f"^({DANDI_VERSION})$"},
                "sessions": {"additionalProperties": {"properties": ids}},
            },
        },
        "http": {"properties": {"sessions": {"additionalProperties": {"required": ["url"], **digest}}}},
        **{
            archive: {"required": ["doi"], "properties": {"doi": {"pattern": _any_case(form)}}}
            for archive, (form, _) in RECORDS.items()
        },
    }


def _any_case(form: str) -> str:
    """Return a pattern for letters of either case: JSON Schema has no flag for it."""
    return "^" + form.replace("OSF\\.IO", "[oO][sS][fF]\\.[iI][oO]").replace("[A-Z0-9]", "[A-Za-z0-9]") + "$"


def _when(archive: str, then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": {"archive": {"const": archive}}, "required": ["archive"]}, "then": then}
