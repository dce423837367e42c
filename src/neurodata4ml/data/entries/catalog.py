"""The catalog: from a dataset's name to its checked entry, one TOML file each, shipped ones and one's own."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodata4ml.data.entries.build import build
from neurodata4ml.data.entries.records import AreaJoin, Asset, Entry, Filter, Layout, Trials
from neurodata4ml.errors import CatalogError
from neurodata4ml.places import catalog_folder, user_catalog_folder
from neurodata4ml.suggest import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AreaJoin",
    "Asset",
    "Entry",
    "Filter",
    "Layout",
    "Trials",
    "describe",
    "list_datasets",
    "names",
    "rows",
]

log = logging.getLogger("neurodata4ml")

COLUMNS = (
    "name",
    "title",
    "size",
    "licence",
    "species",
    "areas",
    "modality",
    "task",
    "suited_to",
    "sessions",
)
"""The columns of the list of datasets; ``size`` is that of the default session in bytes (0: not known)."""


def list_datasets(**where: Any) -> pd.DataFrame:
    """List the datasets of the catalog, one row each.

    Parameters
    ----------
    **where
        A column and the value that it must have; for a column with several values, one of them. Case does not matter.

    Returns
    -------
    DataFrame
        Columns name, title, size (bytes of the default session), licence, species, areas, modality, task, suited_to,
        sessions (how many). A file of the catalog that is not as it should be is left out, with a warning.

    Raises
    ------
    CatalogError
        When ``where`` names no column.

    Examples
    --------
    >>> list(list_datasets(species="macaque")["name"])
    ['nlb-mc-maze-small']
    """
    import pandas as pd

    listed = [
        {key: ", ".join(value) if isinstance(value, list) else value for key, value in row.items()}
        for row in rows(**where)
    ]
    return pd.DataFrame(listed, columns=list(COLUMNS))


def describe(name: str) -> Entry:
    """Return the entry of a dataset: what it is, licence, citation, sessions, trial tables, caveats.

    Raises
    ------
    CatalogError
        When no entry has this name (close names are suggested), or its file is not as it should be.

    Examples
    --------
    >>> describe("allen-vc").species
    'mouse'
    """
    found = names()
    if name not in found:
        message = f"no dataset is called {name!r}{did_you_mean(name, found)} All of them: neurodata4ml list"
        raise CatalogError(message)
    return read_entry(found[name])


def rows(**where: Any) -> list[dict[str, Any]]:
    """Return the list of datasets as plain records: what :func:`list_datasets` makes a table of.

    A file that is not as it should be is left out, with a warning that says what is wrong with it.
    """
    for key in where:
        if key not in COLUMNS:
            close = did_you_mean(key, COLUMNS)
            message = f"list_datasets cannot select by {key!r}{close} Columns: {', '.join(COLUMNS)}."
            raise CatalogError(message)
    listed = [_row(entry) for entry in _readable(names().values())]
    return [row for row in listed if all(_has(row[key], value) for key, value in where.items())]


def names() -> dict[str, Path]:
    """Return the TOML file of every dataset by name: ``demo`` first, then by alphabet.

    Raises
    ------
    CatalogError
        When the folder named by ``NEURODATA4ML_CATALOG`` is not there, or one of its files has a shipped name.
    """
    found = {path.stem: path for path in catalog_folder().glob("*.toml")}
    own = user_catalog_folder()
    if own is not None and not own.is_dir():
        message = f"NEURODATA4ML_CATALOG names {own}, which is no folder. Create it, or unset the variable."
        raise CatalogError(message)
    for path in own.glob("*.toml") if own and own.resolve() != catalog_folder().resolve() else ():
        if path.stem in found:
            message = f"two datasets are called {path.stem!r}: {found[path.stem]} and {path}. Rename the second file."
            raise CatalogError(message)
        found[path.stem] = path
    return {name: found[name] for name in sorted(found, key=lambda name: (name != "demo", name))}


def read_entry(path: Path) -> Entry:
    """Read and check one TOML file.

    Raises
    ------
    CatalogError
        It names the file, the key, what was found and what would be right.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not a TOML file: {error}."
        raise CatalogError(message) from error
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Make it a TOML file, or remove it."
        raise CatalogError(message) from error
    entry = replace(build(Entry, raw, str(path)), file=path)
    problem = next(_problems(entry), None)
    if problem:
        message = f"{path}: {problem}"
        raise CatalogError(message)
    return entry


def _readable(paths: Iterable[Path]) -> Iterator[Entry]:
    for path in paths:
        try:
            yield read_entry(path)
        except CatalogError as error:
            log.warning("left out of the list: %s", error)


def _problems(entry: Entry) -> Any:
    """Yield what no single key shows to be wrong."""
    stem = entry.file.stem
    if entry.name != stem:
        yield f"name is {entry.name!r}, but the file is called {stem}.toml; they must agree."
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name):
        yield f"name {entry.name!r} must be small letters, digits and single hyphens, like 'allen-vc'."
    if entry.default_session not in entry.sessions:
        close = did_you_mean(entry.default_session, entry.sessions)
        yield f"default_session {entry.default_session!r} is not one of its sessions{close}"
    if entry.archive == "dandi" and not (re.fullmatch(r"\d{6}", entry.dandiset) and entry.version):
        yield f"archive 'dandi' needs dandiset (six digits; got {entry.dandiset!r}) and version."
    if not entry.version.strip():
        yield "version is empty; it names the folder in the cache, so write one, like '1'."
    if entry.total_size < 0:
        yield f"total_size must be a number of bytes, or 0 where it is not known; got {entry.total_size}."
    for session, asset in entry.sessions.items():
        if asset.size < 0:
            yield f"sessions.{session}.size must be a number of bytes, or 0 where it is not known; got {asset.size}."
        if asset.sha256 and not re.fullmatch(r"[0-9a-f]{64}", asset.sha256):
            yield f"sessions.{session}.sha256 must be 64 hexadecimal digits; got {asset.sha256!r}."
        if entry.archive == "http" and not (asset.url and asset.sha256):
            yield f"sessions.{session} needs url and sha256, because archive 'http' states no digest."
    yield from _layout_problems(entry.layout)


def _layout_problems(layout: Layout) -> Any:
    if layout.trials and layout.default_trials not in layout.trials:
        yield f"layout.default_trials {layout.default_trials!r} is not one of {', '.join(layout.trials)}."
    for name, trials in layout.trials.items():
        if trials.window and not (len(trials.window) == 2 and trials.window[0] < trials.window[1]):
            yield f"layout.trials.{name}.window must be two numbers, from and to; got {list(trials.window)}."
    if not (layout.units or layout.responses):
        yield "layout needs units or responses: where the activity lies in the file."


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "size": entry.size,
        "licence": entry.license,
        "species": entry.species,
        "areas": list(entry.areas),
        "modality": entry.modality,
        "task": entry.task,
        "suited_to": list(entry.suited_to),
        "sessions": len(entry.sessions),
    }


def _has(value: Any, wanted: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return str(wanted).casefold() in [str(v).casefold() for v in values]
