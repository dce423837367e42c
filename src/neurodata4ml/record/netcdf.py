"""The labelled arrays of results as one netCDF-4 file, which xarray, R, MATLAB and Julia read.

Each section is a group (``/decoding``); of many recordings also each section of each (``/recordings/KEY/decoding``,
with the key as :func:`~neurodata4ml.record.keys.stem_of` writes it). No group with values has groups within: they would
inherit its coordinates. netCDF has fewer types and names than Python:

- what an attribute cannot hold (nothing, yes or no, lists, mappings, texts with a zero byte) stands in the attribute
  ``json`` of the same group or variable: a JSON object, by name;
- a variable with the attribute ``kind`` is of that dtype, and each of its values is JSON text;
- a variable or dim whose name netCDF refuses has another one, and ``names`` of the group says which: a JSON object.

The root has, in ``json``, the study (``spec``), what was kept of the data (``data``) and, of many recordings, the
``sessions``: their keys, by group.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.places import write_whole
from neurodata4ml.record.digests import Said
from neurodata4ml.record.keys import SESSIONS, stem_of
from neurodata4ml.record.plain import from_jsonable, jsonable, lists, values_from, values_of

JSON, KIND, NAMES = "json", "kind", "names"
RECORDINGS = "recordings"
"""The group of the recordings of many: ``sessions`` is a section, the table of what each of them kept."""


def save_netcdf(results: Said, path: str | Path) -> Path:
    """Write the arrays of results into a netCDF-4 file, whole or not at all; equal results give equal bytes.

    Parameters
    ----------
    results : Results
    path : path

    Returns
    -------
    Path
    """
    groups = {f"/{name}": _storable(array) for name, array in results.arrays.items()}
    for key, part in results.sessions.items():
        groups |= {f"/{RECORDINGS}/{stem_of(key)}/{name}": _storable(array) for name, array in part.arrays.items()}
    about = {"spec": dict(results.spec), "data": dict(results.data)}
    about |= {SESSIONS: {stem_of(key): key for key in results.sessions}} if results.sessions else {}
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs=_attributes(about)), **groups})
    return write_whole(Path(path), tree.to_netcdf(engine="h5netcdf"))


def load_netcdf(path: str | Path) -> dict[str, xr.Dataset]:
    """Return the arrays that :func:`save_netcdf` wrote, by ``"decoding"`` or ``"sessions/KEY/decoding"``, in memory.

    Plain ``xarray.open_datatree(path)`` opens the file too, with what netCDF cannot hold as JSON text.
    """
    with xr.open_datatree(io.BytesIO(Path(path).read_bytes()), engine="h5netcdf") as tree:
        keys = _restored_attributes(tree.attrs).get(SESSIONS, {})
        found = {}
        for node in tree.leaves:
            above, _, section = node.path.strip("/").rpartition("/")
            stem = above.removeprefix(f"{RECORDINGS}/")
            name = f"{SESSIONS}/{keys[stem]}/{section}" if above else section
            found[name] = _restored(node.to_dataset(inherit=False).load())
    return {name: array for name, array in found.items() if name}


def _storable(array: xr.Dataset) -> xr.Dataset:
    data = {str(name): _variable(array[name]) for name in array.data_vars}
    coords = {str(name): _variable(array[name]) for name in array.coords}
    names = {_name(str(name)): str(name) for name in [*array.variables, *array.dims] if _name(str(name)) != str(name)}
    attrs = _attributes(array.attrs) | ({NAMES: json.dumps(names)} if names else {})
    renamed = {old: new for new, old in names.items()}
    return xr.Dataset(data, coords=coords, attrs=attrs).rename(renamed)


def _variable(x: xr.DataArray) -> xr.Variable:
    kind, values = values_of(x)
    if kind in ("str", "object"):
        values = values.astype(object)
    is_text = values.dtype.kind == "O" and all(isinstance(v, str) and _holds(v) for v in values.ravel())
    if is_text or kind == "bool" or re.fullmatch(r"u?int\d+|float(32|64)", kind):
        return xr.Variable(x.dims, values, _attributes(x.attrs))
    texts = np.array([json.dumps(v) for v in lists(values.ravel())], dtype=object).reshape(values.shape)
    return xr.Variable(x.dims, texts, {**_attributes(x.attrs), KIND: kind})


def _attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes that netCDF holds, and the others as one JSON text."""
    plain = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}
    held = {name: value for name, value in plain.items() if _holds_attribute(name, value)}
    rest = {name: value for name, value in plain.items() if name not in held}
    return held | ({JSON: json.dumps(jsonable(rest))} if rest else {})


def _holds_attribute(name: str, value: Any) -> bool:
    """Return whether an attribute comes back as it went: xarray gives some names, and units of time, a meaning."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in _MEANING:
        return False
    if isinstance(value, str):
        is_time = name == "units" and (" since " in value or value.rstrip("s") in _TIMES)
        return value != "" and _holds(value) and not is_time
    return isinstance(value, float) or (isinstance(value, int) and type(value) is int and abs(value) < 2**63)


_MEANING = {
    JSON,
    KIND,
    NAMES,
    "coordinates",
    "grid_mapping",
    "bounds",
    "scale_factor",
    "add_offset",
    "missing_value",
    "dtype",
}
_MEANING |= {"calendar", "ancillary_variables", "cell_measures", "formula_terms", "CLASS", "NAME", "REFERENCE_LIST"}
_TIMES = {"day", "hour", "minute", "second", "millisecond", "microsecond", "nanosecond"}


def _holds(text: str) -> bool:
    """Return whether netCDF holds a text: it ends at a zero byte, and half a character has no place in UTF-8."""
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def _name(name: str) -> str:
    """Return a name where netCDF, and the list of coordinates in it, can hold it; else one made from it."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,119}", name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"n_{re.sub('[^A-Za-z0-9]+', '_', name)[:60]}_{digest}"


def _restored(array: xr.Dataset) -> xr.Dataset:
    whole = xr.Dataset(
        {name: _restored_variable(array[name]) for name in array.data_vars},
        coords={name: _restored_variable(array[name]) for name in array.coords},
        attrs=_restored_attributes(array.attrs),
    )
    names: dict[str, str] = json.loads(array.attrs.get(NAMES, "{}"))
    return whole.rename(names)


def _restored_variable(x: xr.DataArray) -> xr.Variable:
    values = x.values
    if KIND in x.attrs:
        values = values_from(str(x.attrs[KIND]), [json.loads(str(v)) for v in values.ravel()], (values.size,)).reshape(
            values.shape
        )
    return xr.Variable(x.dims, values, _restored_attributes(x.attrs))


def _restored_attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}
    rest: dict[str, Any] = from_jsonable(json.loads(plain.pop(JSON, "{}")))
    return {name: value for name, value in plain.items() if name not in (KIND, NAMES)} | rest
