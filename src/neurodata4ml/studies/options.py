"""Every option of a study is checked before anything is computed: its name, its type, and the words it may be."""

from __future__ import annotations

import ast
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from inspect import signature
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.errors import CatalogError, DesignError, NeuroDataError
from neurodata4ml.networks.models import MODELS, load_model
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.networks.zoos import TIMM, TORCHVISION
from neurodata4ml.spec import Spec
from neurodata4ml.studies.parameters import OF_THE_STUDY, Parameter, choices, parameters
from neurodata4ml.studies.values import wrong_value
from neurodata4ml.study_file import told
from neurodata4ml.study_keys import Problem
from neurodata4ml.suggest import guess
from neurodata4ml.where import select_rows

HELD: dict[tuple[str, str], Any] = {
    ("decode", "decoder"): str,
    ("decode", "folds"): None,
    ("encode", "encoder"): str,
    ("encode", "folds"): Sequence[Any],
}
"""What TOML can hold of an option that takes any object; None: nothing."""

ALSO_KEYS = {"bin_spikes": ("align", "window", "bin_width"), "activations": ("layers",)}
"""Options that are keys of the study too, and stand in one place only."""


def check_options(spec: Spec) -> None:
    """Refuse a study whose options no function takes, or whose recordings, networks or filters cannot be.

    Nothing is opened but the catalog, and nothing is asked of the network.

    Parameters
    ----------
    spec : Spec

    Raises
    ------
    DesignError
        All mistakes at once, of a study file each with its line.
    """
    wrong = [*_in_tables(spec), *_in_recordings(spec), *_in_networks(spec), *_in_filters(spec)]
    if wrong and spec.origin:
        raise DesignError(told(spec.origin, wrong))
    if wrong:
        raise DesignError("\n".join(one.said for one in wrong))


def _in_tables(spec: Spec) -> Iterator[Problem]:
    for table, options in spec.options.items():
        known = parameters(table, options)
        for name, value in options.items():
            problem = _wrong_with(table, name, value, known, options)
            if not problem and name in ALSO_KEYS.get(table, ()) and getattr(spec, name) != getattr(Spec(""), name):
                problem = f"{name} stands in [{table}] and among the keys of the study. Keep one of the two lines."
            if problem:
                yield Problem(f"{table}.{name}", problem)


def _wrong_with(
    table: str, name: str, value: Any, known: Mapping[str, Parameter], options: Mapping[str, Any]
) -> str | None:
    """Return what is wrong with one option, or None."""
    if name in OF_THE_STUDY:
        return f"[{table}] cannot set {name}. {OF_THE_STUDY[name]}"
    if name not in known:
        return f"[{table}] has no option {_shown(name)}.{_hint(table, name, known, options)}"
    kind = HELD.get((table, name), known[name].kind)
    if kind is None or not can_be_held(kind):
        return f"[{table}] {name} takes an object, which no file can hold: only from Python, {table}(..., {name}=...)."
    if not _fits(value, kind):
        return f"[{table}] {name} = {_shown(value)} must be {in_words(kind)}."
    if kind == Preprocessing | None and isinstance(value, Mapping):
        return _wrong_with_preprocessing(value)
    return wrong_value(table, name, value)


def _wrong_with_preprocessing(value: Mapping[str, Any]) -> str | None:
    known = list(signature(Preprocessing).parameters)
    for name in value:
        if name not in known:
            hint = guess(name, known)
            return f"[activations] preprocessing has no {_shown(name)}.{hint} It takes {', '.join(known)}."
    hints = get_type_hints(Preprocessing)
    for name, one in value.items():
        if not _fits(one, hints[name]):
            return f"[activations] preprocessing: {name} = {_shown(one)} must be {in_words(hints[name])}."
    try:
        arguments: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in value.items()}
        Preprocessing(**arguments)
    except DesignError as error:
        return f"[activations] {error}"
    return None


def _hint(table: str, name: str, known: Mapping[str, Parameter], options: Mapping[str, Any]) -> str:
    """Return what may have been meant: an option of another method, a key of the study, or one spelt alike."""
    for words, chosen in choices(table).items():
        if name in parameters(table, {**options, **chosen}):
            return f" It belongs to {words}."
    if name in Spec.__dataclass_fields__:
        return f" {name} is a key of the study itself: write it above the first table."
    free = [one for one in known if one not in OF_THE_STUDY]
    return guess(name, free) or f" Its options: {', '.join(free)}."


def _in_recordings(spec: Spec) -> Iterator[Problem]:
    """Yield a dataset or a session that the catalog does not have, or a file that is not there."""
    if spec.files or is_address(spec.source):
        return
    if Path(spec.source).suffix.lower() in (".nwb", ".zarr") or _is_there(spec.source):
        if spec.origin and not _is_there(spec.source):
            yield Problem("file", f"there is no file {Path(spec.source).absolute()}.")
        return
    try:
        entry = describe(spec.source)
    except CatalogError as error:
        yield Problem("dataset", str(error))
        return
    for key, sessions in (("session", (spec.session,)), ("sessions", spec.sessions or ())):
        for session in sessions if entry.listing is None and sessions != ("all",) else ():
            try:
                entry.session_id(session)
            except CatalogError as error:
                yield Problem(key, str(error))


def _is_there(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, with a zero in it, or of nobody's home: no file's name
        return False


def _in_networks(spec: Spec) -> Iterator[Problem]:
    """Yield names that no network has; those of other libraries are looked up by them, when they are loaded."""
    for name in spec.networks or ():
        if name not in MODELS and not name.startswith((TORCHVISION, TIMM)):
            try:
                load_model(name)
            except NeuroDataError as error:
                yield Problem("networks", str(error))


def _in_filters(spec: Spec) -> Iterator[Problem]:
    """Yield filters that cannot be read, whatever the columns are called."""
    import pandas as pd

    for key, rows, text in (("where", "trial", spec.where), ("units", "unit", spec.units)):
        if text is None or (key == "units" and text in ("good", "all")):
            continue
        try:
            names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            names = set()
        try:
            select_rows(pd.DataFrame({name: [] for name in sorted(names)}), text, key=key, rows=rows)
        except DesignError as error:
            yield Problem(key, str(error))
        except (ValueError, RecursionError, MemoryError):
            yield Problem(key, f"{key} = {_shown(text)} cannot be read. Write a comparison.")


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value of a TOML file is of an annotated type."""
    if kind is Any:
        return True
    if get_origin(kind) in (Union, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if get_origin(kind) is Mapping or kind in (dict, Preprocessing):
        return isinstance(value, Mapping)
    if get_origin(kind) is tuple and get_args(kind)[-1:] != (...,):
        return isinstance(value, list) and len(value) == len(get_args(kind)) and all(map(_fits, value, get_args(kind)))
    if get_origin(kind) in (Sequence, list, tuple):
        return isinstance(value, list) and all(_fits(one, get_args(kind)[0]) for one in value)
    if kind in (int, float):
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, str) if kind is Path else kind in (str, bool) and isinstance(value, kind)


def can_be_held(kind: Any) -> bool:
    """Return whether a TOML file can hold any value of a type."""
    if get_origin(kind) in (Union, UnionType):
        return any(can_be_held(one) for one in get_args(kind))
    return kind in (Any, str, bool, int, float, Path, Preprocessing) or get_origin(kind) in (
        Mapping,
        Sequence,
        tuple,
        list,
    )


def in_words(kind: Any) -> str:
    """Return what a TOML file may say for a type: ``"text, or a list of texts"``."""
    words = {str: "text", bool: "true or false", int: "a whole number", float: "a number", Path: "text"}
    several = {str: "a list of texts", int: "a list of whole numbers", float: "a list of numbers"}
    if get_origin(kind) in (Union, UnionType):
        found = [in_words(one) for one in get_args(kind) if can_be_held(one)]
        return " or ".join(dict.fromkeys(found))
    if get_origin(kind) in (Sequence, list, tuple):
        return several.get(get_args(kind)[0], "a list")
    return words.get(kind, "a table")


def _shown(value: Any) -> str:
    return reprlib.repr(value)
