"""Zarr's names of dtypes, and what hdmf-zarr adds to them, become ``Stored``: nothing else is made a dtype."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from neurodata4ml.data.storage.index import COMPOUND, FIXED_TEXT, NUMBER, REFERENCE, TEXT, Stored
from neurodata4ml.data.storage.zarr.damage import Damaged

NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c(8|16))")
TEXTS = re.compile(r"[<>|=]?[SU]([1-9]\d{0,5})")

VERSION_3 = {
    "bool": "|b1",
    **{f"{sign}int{8 * size}": f"{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)},
    **{f"float{8 * size}": f"f{size}" for size in (2, 4, 8)},
    **{f"complex{8 * size}": f"c{size}" for size in (8, 16)},
}
"""Numbers by their names in version 3."""

REFERENCES = ("object", "object_reference", "region")
"""What hdmf-zarr calls references, of all its versions."""

OBJECT = Stored(TEXT, np.dtype(object))


def stored_of(dtype: Any, words: Any) -> Stored:
    """Return how values lie in a chunk.

    Parameters
    ----------
    dtype : str or list
        As in ``.zarray``.
    words : str or list
        hdmf-zarr's attribute ``zarr_dtype``: it tells references from texts.
    """
    if isinstance(dtype, list):
        return _compound(dtype, words)
    if not isinstance(dtype, str):
        message = f"its dtype should be a text or a list of fields; got {str(dtype)[:60]}"
        raise Damaged(message)
    if dtype in ("|O", "O"):
        return Stored(REFERENCE, np.dtype(object)) if words in REFERENCES else OBJECT
    if NUMBERS.fullmatch(dtype):
        return Stored(NUMBER, np.dtype(dtype))
    if TEXTS.fullmatch(dtype):
        return Stored(FIXED_TEXT, np.dtype(dtype))
    message = (
        f"its values are of type {dtype[:40]!r}. Read are numbers, booleans, texts, references and rows of these; "
        "write it as one of them."
    )
    raise Damaged(message)


def stored_of_version_3(data_type: Any, byte_order: Literal["<", ">"]) -> Stored:
    """Return how values lie in a chunk, by version 3's name of their type, and the byte order that a codec states."""
    name, settings = (data_type, {}) if isinstance(data_type, str) else _named(data_type)
    if name in VERSION_3:
        return Stored(NUMBER, np.dtype(VERSION_3[name]).newbyteorder(byte_order))
    if name in ("string", "bytes", "variable_length_bytes"):
        return OBJECT
    size = settings.get("length_bytes")
    if name in ("fixed_length_utf32", "null_terminated_bytes") and type(size) is int and 0 < size < 1_000_000:
        kind = f"U{size // 4}" if name == "fixed_length_utf32" else f"S{size}"
        return Stored(FIXED_TEXT, np.dtype(kind).newbyteorder(byte_order))
    message = (
        f"its values are of type {name[:40]!r}. Of Zarr 3, numbers, booleans and texts are read; write it in Zarr 2, "
        "as hdmf-zarr does."
    )
    raise Damaged(message)


def _compound(fields: list[Any], words: Any) -> Stored:
    """Return how rows lie in a chunk; objects in them are texts unless ``words`` say that they are references."""
    kinds = {word.get("name"): word.get("dtype") for word in words if isinstance(word, Mapping)} if words else {}
    parts, offset = list[tuple[str, int, Stored]](), 0
    for field in fields:
        if not isinstance(field, list) or len(field) != 2 or not isinstance(field[0], str) or not field[0]:
            message = (
                f"its rows have the field {str(field)[:60]}. Rows of plain values are read; write arrays in rows as "
                "arrays of their own."
            )
            raise Damaged(message)
        part = stored_of(field[1], kinds.get(field[0]))
        parts.append((field[0], offset, part))
        offset += part.raw.itemsize
    names = [name for name, _, _ in parts]
    if not names or len(set(names)) < len(names):
        message = f"its rows have the fields {names}, which must be some, and all different"
        raise Damaged(message)
    return Stored(COMPOUND, np.dtype([(name, part.raw) for name, _, part in parts]), tuple(parts))


def _named(data_type: Any) -> tuple[str, Mapping[str, Any]]:
    """Return name and settings of a type that has some."""
    name, settings = (
        (data_type.get("name"), data_type.get("configuration")) if isinstance(data_type, Mapping) else (0, 0)
    )
    return str(name), settings if isinstance(settings, Mapping) else {}
