"""From a table of TOML to a record, with every fault of the table: where it is, what is wrong, and the cure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from neurodata4ml.suggest import did_you_mean

Record = TypeVar("Record")

LONG = 120
"""Characters of a wrong value that are shown."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with an entry: a sentence with the cure, and the key it is about (``layout.trials.a.window``).

    ``others`` are further keys that it speaks of; where one of them is wrong itself, this problem may be its echo.
    """

    key: str
    text: str
    others: tuple[str, ...] = ()

    def echoes(self, first: Iterable[Problem]) -> bool:
        """Return whether a key of this problem is the key of one of ``first``, or lies in its table."""
        wrong = [key for problem in first for key in (problem.key, *problem.others)]
        return any(
            own == key or own.startswith((f"{key}.", f"{key}[")) for own in (self.key, *self.others) for key in wrong
        )


def build(record: type[Record], raw: Any) -> tuple[Record, list[Problem]]:
    """Make a ``record`` of the table ``raw``, and list all that is wrong with it.

    An unknown key is left out, and what is missing or of the wrong type is empty in the record, so that the rest of
    it can be checked as well. The record is to be used only where the list is empty.
    """
    problems: list[Problem] = []
    return _record(record, raw, "", problems), problems


def kinds(record: type) -> dict[str, Any]:
    """Return the type of every key that a record's table may have."""
    return {key: hint for key, (hint, _) in _keys(record).items()}


@cache  # an entry has hundreds of assets
def _keys(record: type) -> dict[str, tuple[Any, Field[Any]]]:
    hints = get_type_hints(record)
    return {its.name: (hints[its.name], its) for its in fields(record) if its.metadata.get("toml", True)}


def is_required(its: Field[Any]) -> bool:
    """Return whether a field of a record has no default."""
    return its.default is MISSING and its.default_factory is MISSING


def _record(record: type[Record], raw: Any, key: str, problems: list[Problem]) -> Record:
    known, place = _keys(record), f"{key}: " if key else ""  # type: ignore[arg-type]  # a class can be hashed
    if not isinstance(raw, dict):
        problems.append(_wrong(key, record, raw))
        raw, problems = {}, []
    for unknown in [name for name in raw if name not in known]:
        hint = did_you_mean(unknown, known)
        meant = tuple(_joined(key, name) for name in known if repr(name) in hint)
        text = f"{place}unknown key {unknown!r}{hint} Known keys: {', '.join(known)}."
        problems.append(Problem(_joined(key, unknown), text, meant))
    values = {
        name: _value(hint, raw[name], _joined(key, name), problems) for name, (hint, _) in known.items() if name in raw
    }
    for name, (hint, its) in known.items():
        if name not in raw and is_required(its):
            whole = _joined(key, name)
            cure = f"Add a table: [{whole}]." if _is_table(hint) else f"Add a line: {name} = ..."
            missing = Problem(whole, f"{place}the key {name!r} is missing. {cure}")
            if not missing.echoes(problems):
                problems.append(missing)
            values[name] = _empty(hint)
    return record(**values)


def _value(hint: Any, value: Any, key: str, problems: list[Problem]) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    table = next((a for a in (hint, *arguments) if is_dataclass(a)), None)
    if table is not None and origin in (None, UnionType):
        return _record(table, value, key, problems)  # type: ignore[arg-type]
    if origin is dict and isinstance(value, dict):
        return {name: _value(arguments[1], item, _joined(key, name), problems) for name, item in value.items()}
    if origin is tuple and isinstance(value, list):
        return tuple(_value(arguments[0], item, f"{key}[{i}]", problems) for i, item in enumerate(value))
    if origin is Literal and value in arguments:
        return value
    if hint is float and type(value) is int:
        return float(value)
    if origin not in (dict, tuple, Literal) and type(value) in _options(
        hint
    ):  # type() and not isinstance: true is no number
        return value
    problems.append(_wrong(key, hint, value))
    return _empty(hint)


def _wrong(key: str, hint: Any, value: Any) -> Problem:
    """Say that a value is of the wrong type, and how a right one is written."""
    got = repr(value)
    if len(got) > LONG:
        got = f"{got[: LONG - 3]}..."
    return Problem(key, f"{key} must be {_words(hint)}; got {got}.{_cure(key, hint, value)}")


def _cure(key: str, hint: Any, value: Any) -> str:
    if get_origin(hint) is tuple:
        return f" Write [[{key}]] above each of them." if is_dataclass(get_args(hint)[0]) else " Write it in brackets."
    if _is_table(hint):
        return f" Write [{key}] above its keys."
    options = _options(hint)
    if str in options:
        return " Write it in quotes." if type(value) in (int, float, bool) else ""
    return " Write digits, without quotes." if isinstance(value, str) and {int, float} & {*options} else ""


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is UnionType else (hint,)


def _is_table(hint: Any) -> bool:
    return get_origin(hint) is dict or any(map(is_dataclass, _options(hint)))


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _empty(hint: Any) -> Any:
    """Return what stands in a record for a value that is missing or wrong."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return _record(hint, {}, "", [])  # type: ignore[arg-type]
    if origin in (Literal, UnionType):
        return arguments[0] if origin is Literal else _empty(arguments[0])
    return (origin or hint)()


def _words(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is UnionType:
        return " or ".join(_words(a) for a in arguments if a is not type(None))
    if origin is tuple and is_dataclass(arguments[0]):
        return f"a list of tables with the keys {', '.join(key.name for key in fields(arguments[0]))}"
    if origin is tuple:
        return f"a list of {_words(arguments[0]).removeprefix('a ').replace('number', 'numbers')}"
    names = {str: "text", int: "a whole number", float: "a number"}
    return "a table" if _is_table(hint) else names[hint]
