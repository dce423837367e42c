"""The records of the catalog: what ``catalog/<name>.toml`` may say, as frozen dataclasses that check themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from neurodata4ml.errors import CatalogError
from neurodata4ml.suggest import did_you_mean

ARCHIVES = ("dandi", "http", "zenodo", "osf", "local", "simulated")
"""Where a file can come from: the keys of ``sources.SOURCES``."""

NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
"""A dataset's name, as a regular expression."""

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The form of DANDI's ids of assets and blobs."""

DANDI_VERSION, DANDI_ETAG = r"draft|\d+\.\d{6}\.\d{4}", r"[0-9a-f]{32}-\d{1,5}"
"""The forms of a dandiset's version and of DANDI's etag: md5 over parts of 64 MiB, a hyphen, and their number."""

DOI = r"10\.\d{4,9}/\S+"
"""A DOI without ``https://doi.org/``."""

DIGESTS = {"sha256": 64, "md5": 32}
"""The digests that an asset can pin, and how many hexadecimal digits each has."""

USES = (
    "behaviour",
    "connectome",
    "decision",
    "decoding",
    "dimensionality",
    "encoding",
    "learning",
    "memory",
    "movement",
    "navigation",
    "network-comparison",
    "rsa",
    "timing",
)
"""What a dataset can be suited to: the words of ``suited_to``."""


@dataclass(frozen=True)
class Asset:
    """One file of a dataset; ``size`` in bytes, and what is not known in advance is 0 or empty.

    Without ``sha256`` the archive's own digest is used when the file is fetched. ``note`` says how the pin is known.
    For the archive ``local``, ``path`` is relative to the folder of the entry's TOML file. ``blob`` is the id of the
    bytes in DANDI's store; ``url`` may be ``s3://bucket/key``. With ``member``, ``path`` is a zip or tar archive and
    the session is the member of this name. ``about`` is the size of an earlier upload, where today's is not known.
    """

    path: str
    size: int = 0
    sha256: str = ""
    asset_id: str = ""
    url: str = ""
    etag: str = ""
    note: str = ""
    blob: str = ""
    md5: str = ""
    member: str = ""
    about: int = 0


@dataclass(frozen=True)
class AreaJoin:
    """How a unit finds its brain area.

    With ``table`` empty the area is the unit's own ``column``. With ``key``, it is ``value`` in the row of ``table``
    whose ``key`` equals the unit's ``column``. Without ``key``, ``column`` holds row numbers of ``table``
    (a ``DynamicTableRegion``; where it is ragged, the first row of the unit's list counts), and ``first`` is the
    number of the first row: 1 where the file counts from 1.
    """

    column: str
    table: str = ""
    key: str = ""
    value: str = ""
    first: int = 0


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
    template that the stimuli of the default trials count in, where the file carries its images.
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
class Listing:
    """How the sessions that are not pinned are found in the archive's own list of files.

    ``path`` is a pattern of paths (``sub-*/*_ophys.nwb``), ``session`` a regular expression whose one group finds the
    session in such a path, ``count`` how many sessions there are (0: not known).
    """

    path: str
    session: str
    count: int = 0

    def fits(self, path: str) -> bool:
        """Return whether the pattern fits a path as DANDI has it: ``*`` is any characters, ``/`` too, in any case."""
        pattern = ".*".join(map(re.escape, self.path.split("*")))
        return re.fullmatch(pattern, path, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Paper:
    """A paper to cite, in the words of BibTeX: ``author = "Siegle, Joshua H. and others"``."""

    author: str
    year: int
    title: str = ""
    journal: str = ""
    volume: str = ""
    pages: str = ""
    doi: str = ""


@dataclass(frozen=True)
class Images:
    """Pictures that were shown and are not in the session's file: one file each, its number for ``{n}`` in ``url``.

    There are ``count`` of them, numbered from ``first``; the stimuli of the tables ``trials`` count in them.
    """

    url: str
    count: int
    trials: tuple[str, ...] = ()
    first: int = 0


@dataclass(frozen=True)
class Repair:
    """An NWB 1 file with the right tables of stimuli, where those of the session's own file are damaged.

    ``url`` holds ``{id}``: what the one group of the regular expression ``session`` finds in the session's name.
    ``trials`` names, for each of the entry's trials to repair, the stimulus in that file.
    """

    url: str
    session: str
    trials: dict[str, str]


@dataclass(frozen=True)
class Entry:
    """A dataset: what it is, who made it, under which licence, which files it has and how they are laid out.

    ``total_size`` is that of the whole dataset in bytes (0: not known); ``file`` is the TOML file it was read from.
    ``system`` is the file of ``neurodata4ml.systems`` that makes a simulated dataset (empty: the demo itself).
    ``data_author`` names the makers of the data as BibTeX does; ``redirects`` are hosts to which the server of an
    ``http`` entry may redirect.
    """

    name: str
    title: str
    summary: str
    archive: Literal["dandi", "http", "zenodo", "osf", "local", "simulated"]
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
    data_author: str = ""
    system: str = ""
    papers: tuple[Paper, ...] = ()
    redirects: tuple[str, ...] = ()
    listing: Listing | None = None
    images_from: Images | None = None
    repair: Repair | None = None
    file: Path = field(default=Path(), metadata={"toml": False}, repr=False)

    @property
    def size(self) -> int:
        """Bytes of the default session, of an earlier upload where only the archive knows today's; 0: not known."""
        its = self.sessions[self.default_session]
        return its.size or its.about

    @property
    def n_sessions(self) -> int:
        """How many sessions there are: pinned ones, or all that the archive lists where their number is known."""
        return max(len(self.sessions), self.listing.count if self.listing else 0)

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
        from neurodata4ml.data.entries.card import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from neurodata4ml.data.entries.card import as_html

        return as_html(self)
