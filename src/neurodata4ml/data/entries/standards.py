"""What an entry must have to be shown to others: sentences, licence, DOIs and pins that agree with each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date

from neurodata4ml.data.entries.build import Problem
from neurodata4ml.data.entries.records import DANDI_ETAG, DANDI_VERSION, DOI, USES, Asset, Entry, Paper
from neurodata4ml.data.entries.rules import find_group
from neurodata4ml.suggest import did_you_mean

LICENCES = (
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "MIT",
    "ODC-By-1.0",
    "ODbL-1.0",
    "PDDL-1.0",
)
"""Licences that need no address, by their SPDX names."""

PART = 64 << 20
"""Bytes of each part of DANDI's etag; larger where there would be 10,000 parts."""

LONGEST = 600.0
"""Seconds: a longer window is a slip, e.g. milliseconds."""


def missed_standards(entry: Entry) -> Iterator[Problem]:
    """Yield everything that ``check`` asks of an entry beyond what reading it needs."""
    yield from _words(entry)
    yield from _licence(entry)
    yield from _dois(entry)
    for i, paper in enumerate(entry.papers):
        yield from _paper(f"papers[{i}]", paper)
    yield from _paths(entry)
    for session, asset in entry.sessions.items():
        yield from _pin(entry, f"sessions.{session}", asset)
    yield from _listing(entry)
    yield from _repair(entry)
    yield from _windows(entry)


def _words(entry: Entry) -> Iterator[Problem]:
    for key in ("title", "summary", "license", "citation", "species", "modality", "task"):
        if not getattr(entry, key).strip():
            yield Problem(key, f"{key} is empty; write what a reader needs to choose the dataset.")
    for i, caveat in enumerate(entry.caveats):
        if len(caveat.split()) < 3 or not caveat.rstrip().endswith((".", "?", "!")):
            text = f"caveats[{i}] must be a sentence that ends with a full stop; got {caveat!r}."
            yield Problem(f"caveats[{i}]", text)
    for i, use in enumerate(entry.suited_to):
        if use not in USES:
            text = (
                f"suited_to names {use!r}, which is not a known use{did_you_mean(use, USES)} Known: {', '.join(USES)}."
            )
            yield Problem(f"suited_to[{i}]", text)
    for key, author in (
        ("data_author", entry.data_author),
        *((f"papers[{i}].author", p.author) for i, p in enumerate(entry.papers)),
    ):
        if not _is_balanced(author):
            yield Problem(key, f"{key} must have a closing brace for each opening one, for BibTeX; got {author!r}.")


def _licence(entry: Entry) -> Iterator[Problem]:
    if entry.license not in LICENCES and not entry.license_url:
        close = did_you_mean(entry.license, LICENCES)
        text = (
            f"license {entry.license!r} is not a known SPDX name{close} Or add license_url, where its text can be read."
        )
        yield Problem("license", text)
    if entry.license_url and not re.fullmatch(r"https?://\S+", entry.license_url):
        text = f"license_url must be an address with http:// or https://; got {entry.license_url!r}."
        yield Problem("license_url", text)


def _dois(entry: Entry) -> Iterator[Problem]:
    for key, doi in (("doi", entry.doi), ("paper_doi", entry.paper_doi)):
        if doi and not re.fullmatch(DOI, doi):
            yield Problem(key, f"{key} must be a DOI alone, like '10.1038/nature22324'; got {doi!r}.")
    if entry.archive == "dandi":
        if not re.fullmatch(DANDI_VERSION, entry.version):
            text = f"version {entry.version!r} must be that of a dandiset, like '0.220126.1903', or 'draft'."
            yield Problem("version", text)
        right = f"10.48324/dandi.{entry.dandiset}/{entry.version}" if entry.version != "draft" else ""
        if entry.doi != right:
            text = f"doi must be {right!r}, as dandiset and version say; got {entry.doi!r}."
            yield Problem("doi", text, ("dandiset", "version"))
    stated = [paper.doi for paper in entry.papers if re.fullmatch(DOI, paper.doi)]
    if entry.paper_doi and stated and entry.paper_doi not in stated:
        text = f"paper_doi {entry.paper_doi!r} is that of none of the papers ({', '.join(stated)})."
        yield Problem("paper_doi", text, ("papers",))


def _paper(key: str, paper: Paper) -> Iterator[Problem]:
    if not 1900 <= paper.year <= date.today().year + 1:
        yield Problem(f"{key}.year", f"{key}.year must be the year of the paper, like 2021; got {paper.year}.")
    if not paper.author.strip():
        yield Problem(
            f"{key}.author", f"{key}.author is empty; write it as BibTeX does, like 'Siegle, Joshua H. and others'."
        )
    if paper.doi and not re.fullmatch(DOI, paper.doi):
        yield Problem(f"{key}.doi", f"{key}.doi must be a DOI alone, like '10.1038/nature22324'; got {paper.doi!r}.")


def _paths(entry: Entry) -> Iterator[Problem]:
    owner: dict[tuple[str, str, str], str] = {}
    for session, asset in entry.sessions.items():
        first = owner.setdefault((asset.path.casefold(), asset.member, asset.url), session)
        if first != session:
            text = (
                f"sessions.{session}.path {asset.path!r} is that of session {first} already; each session has its own."
            )
            yield Problem(f"sessions.{session}.path", text)


def _pin(entry: Entry, key: str, asset: Asset) -> Iterator[Problem]:
    if asset.sha256 and not asset.size and entry.archive not in ("local", "simulated"):
        yield Problem(
            f"{key}.size", f"{key} pins sha256 without size; add size = ... (bytes), so that it can be shown."
        )
    if not asset.etag or entry.archive != "dandi":
        return
    if not re.fullmatch(DANDI_ETAG, asset.etag):
        text = (
            f"{key}.etag must be DANDI's: 32 hexadecimal digits, a hyphen and the number of parts; got {asset.etag!r}."
        )
        yield Problem(f"{key}.etag", text)
    elif asset.size > 0 and int(asset.etag.split("-")[1]) != _parts(asset.size):
        text = (
            f"{key}.etag {asset.etag!r} says {asset.etag.split('-')[1]} parts of 64 MiB, but {asset.size} bytes are "
            f"{_parts(asset.size)}. One of the two is of another file."
        )
        yield Problem(f"{key}.etag", text, (f"{key}.size",))


def _parts(size: int) -> int:
    part = PART if math.ceil(size / PART) < 10_000 else math.ceil(size / 10_000)
    return math.ceil(size / part)


def _listing(entry: Entry) -> Iterator[Problem]:
    """The archive's list must call a pinned session what the entry calls it, or it would be there twice."""
    if not entry.listing or any(find_group("listing.session", entry.listing.session)):
        return
    pattern = re.compile(entry.listing.session)
    for session, asset in entry.sessions.items():
        if not entry.listing.fits(asset.path):
            continue
        found = pattern.search(asset.path)
        if not found or found[1] != session:
            text = (
                f"listing.session {pattern.pattern!r} finds {found and found[1]!r} in {asset.path!r}, not {session!r}."
            )
            yield Problem("listing.session", text, (f"sessions.{session}", f"sessions.{session}.path"))
            return


def _repair(entry: Entry) -> Iterator[Problem]:
    if not entry.repair or any(find_group("repair.session", entry.repair.session)):
        return
    if not re.search(entry.repair.session, entry.default_session):
        text = (
            f"repair.session {entry.repair.session!r} finds nothing in the default session {entry.default_session!r}."
        )
        yield Problem("repair.session", text, ("default_session",))


def _windows(entry: Entry) -> Iterator[Problem]:
    for name, trials in entry.layout.trials.items():
        if len(trials.window) == 2 and trials.window[1] - trials.window[0] > LONGEST:
            text = f"layout.trials.{name}.window is in seconds; {list(trials.window)} is longer than {LONGEST:g} s."
            yield Problem(f"layout.trials.{name}.window", text)


def _is_balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if depth < 0:
            return False
    return depth == 0
