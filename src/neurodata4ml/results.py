"""What a study hands on: labelled arrays with the words, warnings and versions that belong to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from neurodata4ml.places import write_whole
from neurodata4ml.record.keys import SESSIONS, file_name
from neurodata4ml.record.plain import dataset_from_plain, dataset_to_plain, from_jsonable, jsonable

SCHEMA = "neurodata4ml/results/2"


@dataclass(frozen=True, repr=False)
class Results:
    """All that a report is written from; nothing is computed after it.

    Attributes
    ----------
    spec : dict
        What was asked: the study, complete with its defaults.
    data : dict
        What was analysed: dataset, licence, citation, digests, and counts kept and dropped.
    arrays : dict of str to Dataset
        One labelled dataset per analysis, keyed by the section that shows it.
    missing : dict of str to str
        For each section that could not be made, one sentence that says what it lacks.
    warnings : list of str
        What the reader must know before believing a number.
    software : dict
        Versions of the packages that made the numbers.
    sessions : dict of str to Results
        Of a study of many recordings: the results of each; ``arrays`` then holds what they say together.
    places : dict of str to str
        Where each recording was read from, by its key; goes into the lock alone, so that results made from the same
        bytes in two places are equal.
    """

    spec: dict[str, Any]
    data: dict[str, Any]
    arrays: dict[str, xr.Dataset]
    missing: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, Results] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but ``places`` as plain JSON types; of many recordings, the files that hold each.

        What it holds is published as a JSON Schema: ``neurodata4ml/record/results.schema.json``.
        """
        return {
            "schema": SCHEMA,
            "spec": jsonable(self.spec),
            "data": jsonable(self.data),
            "arrays": {name: dataset_to_plain(array) for name, array in self.arrays.items()},
            "missing": dict(self.missing),
            "warnings": list(self.warnings),
            "software": dict(self.software),
            "sessions": {key: f"{SESSIONS}/{file_name(key)}" for key in self.sessions},
        }

    def save(self, path: str | Path) -> Path:
        """Write ``results.json``, and each recording of many into ``sessions/`` beside it; each whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        for key, results in self.sessions.items():
            results.save(path.parent / SESSIONS / file_name(key))
        return write_whole(path, json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=True))

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read back what :meth:`save` wrote, from ``results.json`` or from the folder of the report.

        Raises
        ------
        OSError
            There is no such file, or one of a recording lacks beside it.
        ValueError
            The file has another schema than this version writes, or is damaged.
        """
        path = Path(path) / "results.json" if Path(path).is_dir() else Path(path)
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
            found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
            message = f"{path} has the schema {found!r}; this version reads {SCHEMA!r}. Run the study again."
            raise ValueError(message)
        try:
            arrays = {name: dataset_from_plain(array) for name, array in raw["arrays"].items()}
            words = raw["missing"], raw["warnings"], raw["software"]
            sessions = {key: path.parent / SESSIONS / file_name(key) for key in raw["sessions"]}
            spec, data = from_jsonable(raw["spec"]), from_jsonable(raw["data"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            message = f"{path} is damaged ({type(error).__name__}: {error}). Run the study again."
            raise ValueError(message) from error
        return cls(spec, data, arrays, *words, {key: cls.load(place) for key, place in sessions.items()})

    def _repr_html_(self) -> str:
        from neurodata4ml.record.summary_html import summary

        return summary(self.spec, self.data, self.arrays, self.missing, self.warnings, list(self.sessions))

    def __repr__(self) -> str:
        """Return one line: what was analysed, and which sections there are."""
        name = self.data.get("dataset") or self.data.get("source") or self.spec.get("source") or "a recording"
        seen = "".join(c if c.isprintable() else " " for c in str(name)[:80])
        of = f" of {len(self.sessions)} recordings" if self.sessions else ""
        return f"<Results{of}: {seen}; {', '.join(self.arrays) or 'no section'}>"
