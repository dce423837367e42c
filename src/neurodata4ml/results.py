"""What a study hands on: labelled arrays with the words, warnings and versions that belong to them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.places import write_whole

SCHEMA = "neurodata4ml/results/1"


@dataclass(frozen=True)
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
    """

    spec: dict[str, Any]
    data: dict[str, Any]
    arrays: dict[str, xr.Dataset]
    missing: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; NaN becomes null."""
        return {
            "schema": SCHEMA,
            "spec": _jsonable(self.spec),
            "data": _jsonable(self.data),
            "arrays": {name: _jsonable(array.to_dict(encoding=False)) for name, array in self.arrays.items()},
            "missing": dict(self.missing),
            "warnings": list(self.warnings),
            "software": dict(self.software),
        }

    def save(self, path: str | Path) -> Path:
        """Write ``results.json``, whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_whole(path, json.dumps(self.to_dict(), indent=1, allow_nan=False))

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read back what :meth:`save` wrote."""
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
        if raw.get("schema") != SCHEMA:
            message = (
                f"{path} has the schema {raw.get('schema')!r}; this version reads {SCHEMA!r}. Run the study again."
            )
            raise ValueError(message)
        arrays = {name: xr.Dataset.from_dict(_with_nan(array)) for name, array in raw["arrays"].items()}
        return cls(raw["spec"], raw["data"], arrays, raw["missing"], raw["warnings"], raw["software"])


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _jsonable(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, np.ndarray):
        return _jsonable(value.tolist())
    if isinstance(value, np.generic):
        return _jsonable(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | type(None)) else str(value)


def _with_nan(array: dict[str, Any]) -> dict[str, Any]:
    """Give the nulls of numeric variables back their NaN; object arrays keep None."""
    for group in ("coords", "data_vars"):
        for variable in array.get(group, {}).values():
            values = np.asarray(variable["data"], dtype=object)
            if any(v is None for v in values.ravel()) and all(
                v is None or isinstance(v, int | float) for v in values.ravel()
            ):
                variable["data"] = values.astype(float)
    return array
