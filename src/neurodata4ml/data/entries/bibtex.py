"""Cite datasets: BibTeX of the data and of the papers about them, with the fields that are known and no others."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from string import ascii_lowercase

from neurodata4ml import __version__
from neurodata4ml.citing import AUTHOR, TITLE, escaped, titled, written
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.entries.records import Entry, Paper

PUBLISHERS = {"dandi": "DANDI Archive", "zenodo": "Zenodo", "osf": "OSF"}


@dataclass(frozen=True)
class Reference:
    """One thing to cite; ``fields`` are written as BibTeX wants them, and those that are empty are not."""

    kind: str
    key: str
    fields: dict[str, str]


def cite(*names: str) -> str:
    """Return BibTeX for datasets: for each the data themselves, then the papers about them.

    A paper that several of them share comes once. Only what the catalog knows is written: where no author or year is
    known, there is none. Accented letters stay as they are (UTF-8).

    Parameters
    ----------
    *names : str
        Datasets of the catalog.

    Raises
    ------
    CatalogError
        When there is no such dataset.

    Examples
    --------
    >>> print(cite("demo").splitlines()[0])
    @misc{neurodata4ml,
    """
    found: dict[str, Reference] = {}
    for name in names:
        entry = describe(name)
        for its in [_software(entry)] if entry.archive == "simulated" else [_data(entry), *_papers(entry)]:
            found.setdefault(its.fields["doi"] or f"{its.key} {its.fields['title']}", its)
    taken: set[str] = set()
    return "\n\n".join(_written(its, taken) for its in found.values())


def year_of(version: str) -> str:
    """Return the year in a version of a dandiset (``0.240827.1809``: 2024), "" where there is none."""
    match = re.fullmatch(r"\d+\.(\d\d)\d{4}\.\d{4}", version)
    return f"20{match[1]}" if match else ""


def _data(entry: Entry) -> Reference:
    licence = entry.license + (f" ({entry.license_url})" if entry.license_url else "")
    fields = {
        "author": _names(entry.data_author),
        "title": titled(entry.title),
        "year": year_of(entry.version) if entry.archive == "dandi" else "",
        "publisher": PUBLISHERS.get(entry.archive, ""),
        "version": escaped(entry.version),
        "doi": entry.doi,
        "url": _address(entry),
        "note": escaped(f"Licence: {licence}. Accessed through neurodata4ml {__version__}"),
    }
    return Reference("misc", f"{entry.name}-data", fields)


def _papers(entry: Entry) -> list[Reference]:
    if entry.papers:
        return [_paper(paper) for paper in entry.papers]
    if not entry.paper_doi:
        return []
    fields = {"title": "", "doi": entry.paper_doi, "note": escaped(entry.citation)}
    return [Reference("misc", f"{entry.name}-paper", fields)]


def _paper(paper: Paper) -> Reference:
    fields = {
        "author": _names(paper.author),
        "title": titled(paper.title),
        "journal": escaped(paper.journal),
        "year": str(paper.year),
        "volume": escaped(paper.volume),
        "pages": re.sub(r"(?<=\d)[-–](?=\w)", "--", escaped(paper.pages)),
        "doi": paper.doi,
    }
    return Reference("article" if paper.journal else "misc", _key(paper), fields)


def _software(entry: Entry) -> Reference:
    fields = {
        "author": f"{{{AUTHOR}}}",
        "title": titled(TITLE),
        "version": __version__,
        "doi": "",
        "note": escaped(f"{entry.title} (dataset {entry.name}, format {entry.version}; simulated)"),
    }
    return Reference("misc", "neurodata4ml", fields)


def _key(paper: Paper) -> str:
    """Return a key that stays the same: first author, year, first long word of the title (``siegle2021survey``)."""
    first = paper.author.split(" and ")[0]
    family = first.split(",")[0] if "," in first else first.strip().split(" ")[-1]
    word = next((word for word in re.findall(r"[^\W_]+", paper.title) if len(word) > 3), "")
    letters = unicodedata.normalize("NFKD", f"{family}{paper.year}{word}".casefold())
    return re.sub(r"[^a-z0-9]", "", letters)


def _address(entry: Entry) -> str:
    if entry.doi:
        return f"https://doi.org/{entry.doi}"
    if entry.archive == "dandi":
        return f"https://dandiarchive.org/dandiset/{entry.dandiset}/{entry.version}"
    return entry.asset().url


def _names(author: str) -> str:
    """Return authors, who are in BibTeX already: braces and accents in it stay."""
    return re.sub(r"(?<!\\)([&%$#_])", r"\\\1", author)


def _written(its: Reference, taken: set[str]) -> str:
    """Return a reference as BibTeX, under a key that is not ``taken`` yet (``smith2020data``, ``smith2020datab``)."""
    key = next(key for key in (its.key, *(f"{its.key}{letter}" for letter in ascii_lowercase[1:])) if key not in taken)
    taken.add(key)
    return written(its.kind, key, its.fields)
