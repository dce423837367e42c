"""What each key of a study takes, and what is wrong with a value: one sentence with the cure."""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from neurodata4ml.errors import NeuroDataError
from neurodata4ml.suggest import guess

ANALYSES = {
    "rates": "psth",
    "decode": "decoding",
    "latents": "latents",
    "dimensionality": "dimensionality",
    "reliability": "reliability",
    "rdm": "rdms",
    "encode": "encoding",
    "compare": "similarity",
}
"""What a study may ask for, and the section that answers it."""

TABLES = ("decode", "latents", "dimensionality", "reliability", "rdm", "encode", "compare", "bin_spikes", "activations")
"""Functions whose keyword arguments a study may set, each in a table of its name."""


MOST_NUMBER = 1e300
"""What no time is: a whole number beyond has no float."""
MOST_SEED, MOST_SHUFFLES = 2**32 - 1, 10_000_000
"""The largest seed that every library takes, and more shuffles than any p needs."""


class Problem(NamedTuple):
    """A mistake: the key it is in (``decode.decoder``), and the sentence that says what is wrong and what is right."""

    key: str
    said: str


@contextlib.contextmanager
def about(key: str) -> Iterator[None]:
    """Let an error that is raised within say that this key of a study is why, so that its line can be told."""
    try:
        yield
    except NeuroDataError as error:
        error.key = error.key or key
        raise


def problems(given: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the values of a study, as pairs of key and sentence; none where all is well."""
    found = [one for key, value in given.items() for one in _wrong_with(key, value)]
    return found or list(_wrong_together(given))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_id(value: Any) -> bool:
    return _is_text(value) or (_is_whole(value) and value >= 0)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST_NUMBER


def _is_window(value: Any) -> bool:
    pair = isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
    return pair and value[0] < value[1]


_MANY = f"a whole number from 1 to {MOST_SHUFFLES:,}, e.g. 99"
_SEED = f"a whole number from 0 to {MOST_SEED:,}, e.g. 0"

TAKES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "source": (_is_text, 'a name or a path, e.g. "demo"'),
    "title": (lambda value: isinstance(value, str), 'text in quotes, e.g. "Scenes in visual cortex"'),
    "session": (_is_id, 'the name of one session, e.g. "721123822"; several are sessions = [...]'),
    "trials": (_is_text, 'the name of one table, e.g. "natural_scenes"'),
    "by": (_is_text, 'the name of one column, e.g. "stimulus"'),
    "align": (_is_text, 'the name of one column, e.g. "start_time"'),
    "window": (_is_window, "two rising times in seconds, e.g. [-0.1, 0.5]"),
    "bin_width": (lambda value: _is_number(value) and value > 0, "a time above 0 s; 10 ms is 0.01"),
    "where": (_is_text, 'a comparison of trial columns in quotes, e.g. "contrast > 0"'),
    "n_shuffles": (lambda value: _is_whole(value) and 1 <= value <= MOST_SHUFFLES, _MANY),
    "seed": (lambda value: _is_whole(value) and 0 <= value <= MOST_SEED, _SEED),
    "out": (lambda value: _is_text(value) or isinstance(value, Path), 'a folder, e.g. "reports/mine"'),
    "units": (_is_text, '"good", "all", or a comparison of unit columns, e.g. "snr > 2"'),
    "origin": (lambda value: isinstance(value, str), "a path"),
}
"""What a key takes: the test of a value, and the words for it."""

LISTS = {
    "networks": '["digits"]',
    "order": '["VISp", "VISl", "VISal"]',
    "sessions": '["715093703", "721123822"], or "all"',
    "files": '["a.nwb", "b.nwb"]',
    "areas": '["VISp", "CA1"]',
    "layers": '["conv1", "penultimate"]',
    "analyses": '["rates", "decode"]',
}
"""Keys that take a list of names, and one to type."""

_RENAMED = {"n_permutations": "n_shuffles"}
"""Keys of earlier studies, and what they are called now."""


def _wrong_with(key: str, value: Any) -> Iterator[Problem]:
    """Yield what is wrong with one value."""
    if key == "options":
        yield from _wrong_with_tables(value)
    elif key in LISTS:
        yield from (Problem(key, said) for said in _wrong_with_list(key, value))
    elif key in TABLES:
        yield Problem(key, f"{key} = {reprlib.repr(value)} must be a table: the line [{key}], its options below it.")
    elif key not in TAKES:
        yield Problem(key, _unknown(key))
    elif not TAKES[key][0](value):
        yield Problem(key, f"{key} = {_shown(value)} must be {TAKES[key][1]}.")


def _wrong_with_list(key: str, value: Any) -> Iterator[str]:
    if key == "sessions" and value == "all":
        return
    if not isinstance(value, list | tuple) or not all(map(_is_id if key == "sessions" else _is_text, value)):
        yield f"{key} = {_shown(value)} must be a list of names in quotes, e.g. {key} = {LISTS[key]}."
    elif not value:
        yield f"{key} = [] names nothing. Name at least one, e.g. {key} = {LISTS[key]}, or leave it out."
    elif twice := [one for k, one in enumerate(value) if one in value[:k]]:
        yield f"{key} names {twice[0]!r} twice. Name each once."
    elif key == "order" and len(value) < 3:
        yield f"order = {_shown(value)} must name three or more areas, early ones first, e.g. order = {LISTS[key]}."
    elif key == "analyses":
        unknown = [one for one in value if one not in ANALYSES]
        yield from (f"unknown analysis {_shown(one)}.{guess(one, ANALYSES) or _known(ANALYSES)}" for one in unknown)


def _wrong_with_tables(tables: Any) -> Iterator[Problem]:
    if not isinstance(tables, Mapping):
        said = f'options = {_shown(tables)} must hold options by analysis, e.g. {{"decode": {{"decoder": "svm"}}}}.'
        yield Problem("options", said)
        return
    for table, options in tables.items():
        if table not in TABLES and (table in TAKES or table in LISTS):
            yield from _wrong_with(table, options)
        elif table not in TABLES:
            hint = guess(table, TABLES, typed="[{}]") or _known(TABLES)
            yield Problem(str(table), f"unknown table [{_short(str(table))}].{hint}")
        elif not isinstance(options, Mapping):
            yield from _wrong_with(table, options)


def _wrong_together(given: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong between values that are right one by one."""
    if "session" in given and "sessions" in given:
        yield Problem("sessions", "session names one recording, and sessions several. Keep one of the two lines.")
    for key in ("session", "sessions"):
        if "files" in given and key in given:
            yield Problem(key, f"{key} belongs to a dataset; files are recordings already. Leave it out.")
    areas = given.get("areas") or ()
    for area in given.get("order") or ():
        if areas and area not in areas:
            yield Problem("order", f"order names {area!r}, which is not among areas.{guess(area, areas)}")


def _unknown(key: str) -> str:
    keys = ["dataset", "file", *(one for one in (*TAKES, *LISTS) if one not in ("source", "origin"))]
    hint = guess(_RENAMED.get(key, key), [*keys, *TABLES]) or _known(keys)
    return f"unknown key '{_short(key)}'.{hint}"


def _known(names: Iterable[str]) -> str:
    return f" Known: {', '.join(names)}."


def _short(key: str) -> str:
    """Return a key that may be anything as text that may be printed."""
    return repr(key if len(key) <= 60 else f"{key[:57]}...")[1:-1]


def _shown(value: Any) -> str:
    """Return a value, short, and what kind of value it is."""
    value = list(value) if isinstance(value, tuple) else value
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "a table", int: "a number", float: "a number"}
    return f"{reprlib.repr(value)} ({kinds.get(type(value), type(value).__name__)})"
