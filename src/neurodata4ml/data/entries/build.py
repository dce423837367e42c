"""From a table of TOML to a record: types checked, every error with the place and the cure."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from neurodata4ml.errors import CatalogError
from neurodata4ml.suggest import did_you_mean

Record = TypeVar("Record")


def build(record: type[Record], raw: Any, where: str) -> Record:
    """Make a ``record`` of the table ``raw``, or say what is wrong with it.

    ``where`` names the file, and the table in it, for the error message.

    Raises
    ------
    CatalogError
        On an unknown key (with a suggestion), a missing key or a value of the wrong type.
    """
    if not isinstance(raw, dict):
        message = f"{where} must be a table; got {raw!r}."
        raise CatalogError(message)
    known = {f.name: f for f in fields(record) if f.metadata.get("toml", True)}  # type: ignore[arg-type]
    for key in raw:
        if key not in known:
            message = f"{where}: unknown key {key!r}{did_you_mean(key, known)} Known keys: {', '.join(known)}."
            raise CatalogError(message)
    for key, its in known.items():
        if key not in raw and its.default is MISSING and its.default_factory is MISSING:
            message = f"{where}: the key {key!r} is missing. Add a line: {key} = ..."
            raise CatalogError(message)
    hints = get_type_hints(record)
    return record(**{key: _convert(hints[key], value, f"{where}: {key}") for key, value in raw.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if origin is UnionType and any(map(is_dataclass, arguments)):
        return build(next(a for a in arguments if is_dataclass(a)), value, where)  # type: ignore[arg-type]
    if origin is dict and isinstance(value, dict):
        return {key: _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is Literal and value in arguments:
        return value
    allowed = arguments if origin is UnionType else (hint,)
    if hint is float and type(value) is int:
        return float(value)
    if origin not in (dict, tuple, Literal) and type(value) in allowed:  # type() and not isinstance: true is no number
        return value
    message = f"{where} must be {_words(hint)}; got {value!r}."
    raise CatalogError(message)


def _words(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is UnionType:
        return " or ".join(_words(a) for a in arguments if a is not type(None))
    if origin is tuple and is_dataclass(arguments[0]):
        return f"a list of tables with the keys {', '.join(key.name for key in fields(arguments[0]))}"
    if origin is tuple:
        return "a list of " + _words(arguments[0])
    names = {str: "text", int: "a whole number", float: "a number"}
    return "a table" if origin is dict else names[hint]
