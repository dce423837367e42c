"""The records of the catalog: what ``catalog/<name>.toml`` may say, as frozen dataclasses that check themselves."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from neurodata4ml.errors import CatalogError

ARCHIVES = ("dandi", "http", "local", "simulated")
"""Where a file can come from: the keys of ``sources.SOURCES``."""

Record = TypeVar("Record")


@dataclass(frozen=True)
class Asset:
    """One file of a dataset; ``size`` in bytes, and what is not known in advance is 0 or empty.

    Without ``sha256`` the archive's own digest is used when the file is fetched. ``note`` says how the pin is known.
    For the archive ``local``, ``path`` is relative to the folder of the entry's TOML file.
    """

    path: str
    size: int = 0
    sha256: str = ""
    asset_id: str = ""
    url: str = ""
    etag: str = ""
    note: str = ""


@dataclass(frozen=True)
class AreaJoin:
    """How a unit finds its brain area.

    With ``table`` empty the area is the unit's own ``column``. With ``key``, it is ``value`` in the row of ``table``
    whose ``key`` equals the unit's ``column``. Without ``key``, ``column`` holds row numbers of ``table``
    (a ``DynamicTableRegion``; where it is ragged, the first row of the unit's list counts).
    """

    column: str
    table: str = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class Filter:
    """A rule that a unit must meet to be kept: ``column op value``. A unit whose value is NaN is not kept."""

    column: str
    op: Literal["==", "!=", "<=", ">=", "<", ">"]
    value: str | int | float


@dataclass(frozen=True)
class Trials:
    """One way to read trials: a table of the file and the columns that matter.

    ``table`` is an interval table, or the path of an ``IndexSeries`` (2-photon natural scenes on DANDI), whose values
    are then the stimuli and whose timestamps the onsets. ``blank`` is the value of ``stimulus`` on blank sweeps (the
    string ``"nan"`` where blanks hold NaN). ``align`` names the column of the aligning event, ``start`` and ``stop``
    those of the trial, ``window`` the usual (from, to) in seconds around the event; empty where none is usual.
    """

    table: str
    stimulus: str = ""
    block: str = ""
    blank: int | float | str | None = None
    align: str = "start_time"
    start: str = "start_time"
    stop: str = "stop_time"
    window: tuple[float, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Where the things of a session lie in its NWB file; paths are relative to the root.

    ``units`` is empty for imaging, where ``responses`` names the series of ROI responses instead. ``images`` is the
    template that ``Trials.stimulus`` counts in, where the file carries its images.
    """

    units: str = "units"
    area: AreaJoin | None = None
    quality: tuple[Filter, ...] = ()
    invalid_times: str = "intervals/invalid_times"
    trials: dict[str, Trials] = field(default_factory=dict)
    default_trials: str = ""
    series: dict[str, str] = field(default_factory=dict)
    responses: dict[str, str] = field(default_factory=dict)
    images: str = ""

    @classmethod
    def default(cls) -> Layout:
        """Return the layout of a file that is not in the catalog: units and invalid times where NWB puts them."""
        return cls()


@dataclass(frozen=True)
class Entry:
    """A dataset: what it is, who made it, under which licence, which files it has and how they are laid out.

    ``total_size`` is that of the whole dataset in bytes (0: not known); ``file`` is the TOML file it was read from.
    """

    name: str
    title: str
    summary: str
    archive: Literal["dandi", "http", "local", "simulated"]
    version: str
    license: str
    citation: str
    species: str
    modality: str
    task: str
    default_session: str
    sessions: dict[str, Asset]
    layout: Layout
    dandiset: str = ""
    doi: str = ""
    license_url: str = ""
    paper_doi: str = ""
    areas: tuple[str, ...] = ()
    total_size: int = 0
    suited_to: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    file: Path = field(default=Path(), metadata={"toml": False}, repr=False)

    @property
    def size(self) -> int:
        """Bytes of the default session; 0 where only the archive knows."""
        return self.sessions[self.default_session].size

    def asset(self, session: str | int | None = None) -> Asset:
        """Return the file of ``session`` (the default one when left out).

        A simulated dataset has a session for every seed: any whole number names one.

        Raises
        ------
        CatalogError
            When there is no such session; close ids are suggested.
        """
        session = self.session_id(session)
        if session in self.sessions:
            return self.sessions[session]
        own = self.sessions[self.default_session]
        return replace(own, path=own.path.replace(f"seed-{self.default_session}", f"seed-{session}"))

    def session_id(self, session: str | int | None = None) -> str:
        """Return the id of ``session`` as a string, checked; the default session's when left out."""
        session = self.default_session if session is None else str(session)
        if session in self.sessions or (self.archive == "simulated" and re.fullmatch(r"0|[1-9]\d{0,8}", session)):
            return session
        if self.archive == "simulated":
            message = (
                f"{self.name} has no session {session!r}. Any whole number from 0 to 999999999 is one of its sessions "
                f"(the seed of the simulation): neurodata4ml fetch {self.name} --session 1"
            )
            raise CatalogError(message)
        message = (
            f"{self.name} has no session {session!r}{did_you_mean(session, self.sessions)} "
            f"All of them: neurodata4ml describe {self.name}"
        )
        raise CatalogError(message)

    def __str__(self) -> str:
        """Return the entry as text: what a reader wants to know before downloading."""
        from neurodata4ml.data.card import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from neurodata4ml.data.card import as_html

        return as_html(self)


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


def did_you_mean(word: str, known: Any) -> str:
    """Return ``; did you mean ...?`` for the known words close to ``word``, a full stop where none is."""
    from difflib import get_close_matches

    begins = [name for name in known if word and name.startswith(word)]
    close = list(dict.fromkeys([*begins, *get_close_matches(word, list(known), n=3, cutoff=0.5)]))[:3]
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else "."


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
