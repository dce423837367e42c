"""The catalog: from a dataset's name to its checked entry, one TOML file each, shipped ones and one's own."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodata4ml.data.entries.read import read_entry
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.entries.sizes import parse_size
from neurodata4ml.errors import CatalogError
from neurodata4ml.places import catalog_folder, user_catalog_folder
from neurodata4ml.suggest import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("neurodata4ml")

COLUMNS = (
    "name",
    "title",
    "size",
    "size_is_exact",
    "total_size",
    "sessions",
    "sessions_are_all",
    "licence",
    "species",
    "areas",
    "modality",
    "task",
    "suited_to",
)
"""The columns of the list of datasets; ``size`` is that of the default session in bytes (0: not known)."""


def list_datasets(*, max_size: str | int | None = None, **where: Any) -> pd.DataFrame:
    """List the datasets of the catalog, one row each.

    Parameters
    ----------
    max_size : str or int, optional
        Only datasets whose default session is at most so large: ``"500MB"``, ``"1.5 GB"``, or bytes. Those whose size
        only the archive knows are left out, with a warning; what is on this machine counts as 0 bytes.
    **where
        A column and what it must hold, whatever its case: a number, one of ``suited_to``, or in text whole words
        (``modality="two-photon"``).

    Returns
    -------
    DataFrame
        Columns name, title, size (bytes of the default session), size_is_exact (False: of an earlier upload),
        total_size (of the whole dataset; both sizes 0 where not known), sessions (how many), sessions_are_all (False:
        the archive has more), licence, species, areas, modality, task, suited_to. A file of the catalog that is not as
        it should be is left out, with a warning.

    Raises
    ------
    CatalogError
        When ``where`` names no column, or ``max_size`` is no size.

    Examples
    --------
    >>> "allen-vc" in set(list_datasets(areas="VISp", suited_to="rsa")["name"])
    True
    """
    import pandas as pd

    listed = [
        {key: ", ".join(value) if isinstance(value, list) else value for key, value in row.items()}
        for row in rows(max_size=max_size, **where)
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


def rows(*, max_size: str | int | None = None, **where: Any) -> list[dict[str, Any]]:
    """Return the list of datasets as plain records: what :func:`list_datasets` makes a table of.

    A file that is not as it should be is left out, with a warning that says what is wrong with it.
    """
    for key in where:
        if key not in COLUMNS:
            close = did_you_mean(key, COLUMNS)
            message = f"list_datasets cannot select by {key!r}{close} Columns: {', '.join(COLUMNS)}."
            raise CatalogError(message)
    most = None if max_size is None else parse_size(max_size)
    fitting = [entry for entry in _readable(names().values()) if _fits(entry, where)]
    if most is not None:
        fitting = list(_up_to(most, fitting))
    return [_row(entry) for entry in fitting]


def names() -> dict[str, Path]:
    """Return the TOML file of every dataset by name: ``demo`` first, then by alphabet.

    Raises
    ------
    CatalogError
        When the folder named by ``NEURODATA4ML_CATALOG`` is not there, or one of its files has a shipped name.
    """
    found: dict[str, Path] = {}
    for path in files():
        if path.stem in found:
            message = f"two datasets are called {path.stem!r}: {found[path.stem]} and {path}. Rename the second file."
            raise CatalogError(message)
        found[path.stem] = path
    return {name: found[name] for name in sorted(found, key=lambda name: (name != "demo", name))}


def files() -> Iterator[Path]:
    """Yield every TOML file of the catalog: those shipped, then those in the folder ``NEURODATA4ML_CATALOG``.

    Raises
    ------
    CatalogError
        When that folder is not there.
    """
    shipped, own = catalog_folder(), user_catalog_folder()
    if own is not None and not own.is_dir():
        message = f"NEURODATA4ML_CATALOG names {own}, which is no folder. Create it, or unset the variable."
        raise CatalogError(message)
    yield from sorted(shipped.glob("*.toml"))
    if own is not None and own.resolve() != shipped.resolve():
        yield from sorted(own.glob("*.toml"))


def _readable(paths: Iterable[Path]) -> Iterator[Entry]:
    for path in paths:
        try:
            yield read_entry(path)
        except CatalogError as error:
            log.warning("left out of the list: %s", error)


def _up_to(most: int, entries: Iterable[Entry]) -> Iterator[Entry]:
    unknown = []
    for entry in entries:
        if not entry.size and entry.archive not in ("simulated", "local"):
            unknown.append(entry.name)
        elif entry.size <= most:
            yield entry
    if unknown:
        log.warning(
            "left out of the list: %s; only the archive knows how large %s.",
            ", ".join(unknown),
            "it is" if len(unknown) == 1 else f"these {len(unknown)} are",
        )


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "size": entry.size,
        "size_is_exact": bool(entry.asset().size),
        "total_size": entry.total_size,
        "sessions": entry.n_sessions,
        "sessions_are_all": entry.listing is None or entry.listing.count > 0,
        "licence": entry.license,
        "species": entry.species,
        "areas": list(entry.areas),
        "modality": entry.modality,
        "task": entry.task,
        "suited_to": list(entry.suited_to),
    }


def _fits(entry: Entry, where: dict[str, Any]) -> bool:
    row = _row(entry)
    return all(_has(row[key], wanted, whole=key in ("name", "suited_to")) for key, wanted in where.items())


def _has(value: Any, wanted: Any, *, whole: bool) -> bool:
    """Return whether a column holds ``wanted``: as a whole value, or as whole words of it (VISp is none of VISpm)."""
    wanted = str(wanted).strip().casefold()
    texts = [str(v).casefold() for v in (value if isinstance(value, list) else [value])]
    if whole or not isinstance(value, str | list):
        return wanted in texts
    return any(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text) for text in texts)
