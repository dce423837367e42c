"""What must hold for an entry to be used: its names are safe, its keys agree, and what the code will need is there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from neurodata4ml.data.entries.build import Problem
from neurodata4ml.data.entries.records import DIGESTS, NAME, UUID, AreaJoin, Asset, Entry, Layout
from neurodata4ml.errors import CatalogError
from neurodata4ml.names import is_portable, safe
from neurodata4ml.suggest import did_you_mean

HOST = r"(\*\.[a-z0-9-]+\.)?[a-z0-9-]+(\.[a-z0-9-]+)*"
"""A host, or all hosts below one: ``*.osf.io``."""

SYSTEMS = Path(__file__).parents[2] / "systems"
"""Where the files of the systems lie: whatever an entry may name as its ``system``."""

RECORDS = {
    "zenodo": (r"10\.5281/zenodo\.\d+", "10.5281/zenodo.1234567"),
    "osf": (r"10\.17605/OSF\.IO/[A-Z0-9]{5,}", "10.17605/OSF.IO/AB12C"),
}
"""The DOIs of records, whatever the case of their letters, and an example of each."""


def broken_rules(entry: Entry) -> Iterator[Problem]:
    """Yield every rule that the entry breaks; with any of them it is not read."""
    yield from _names(entry)
    yield from _archive(entry)
    for session, asset in entry.sessions.items():
        yield from _asset(entry, f"sessions.{session}", asset)
    yield from _listing(entry)
    yield from _images(entry)
    yield from _repair(entry)
    yield from _layout(entry.layout)


def find_group(key: str, pattern: str) -> Iterator[Problem]:
    """Yield a problem unless ``pattern`` is a regular expression with exactly one group."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        yield Problem(key, f"{key} {pattern!r} is no regular expression: {error}. An example: '_ses-([^_]+)'.")
        return
    if groups != 1:
        text = f"{key} {pattern!r} must have one group in parentheses, as in '_ses-([^_]+)'; it has {groups}."
        yield Problem(key, text)


def _names(entry: Entry) -> Iterator[Problem]:
    stem = entry.file.stem
    if entry.name != stem:
        text = f"name is {entry.name!r}, but the file is called {stem}.toml; they must agree. Rename one of them."
        yield Problem("name", text)
    if not re.fullmatch(NAME, entry.name):
        text = f"name {entry.name!r} must be small letters, digits and single hyphens, like 'allen-vc'."
        yield Problem("name", text)
    if not entry.version.strip():
        yield Problem("version", "version is empty; it names the folder in the cache, so write one, like '1'.")
    elif not is_portable(entry.version):
        text = f"version {entry.version!r} cannot be a folder's name everywhere; use letters, digits and dots."
        yield Problem("version", text)
    if entry.default_session not in entry.sessions:
        close = did_you_mean(entry.default_session, entry.sessions)
        few = ", ".join(list(entry.sessions)[:3])
        there = (
            f"It has {few}{', ...' * (len(entry.sessions) > 3)}." if few else "It has none: add a table [sessions.ID]."
        )
        text = f"default_session {entry.default_session!r} is not one of its sessions{close} {there}"
        yield Problem("default_session", text, ("sessions",))
    if entry.total_size < 0:
        text = f"total_size must be a number of bytes, or 0 where it is not known; got {entry.total_size}."
        yield Problem("total_size", text)


def _archive(entry: Entry) -> Iterator[Problem]:
    if entry.archive == "dandi" and not (re.fullmatch(r"\d{6}", entry.dandiset) and entry.version):
        text = f"archive 'dandi' needs dandiset (six digits; got {entry.dandiset!r}) and version."
        yield Problem("dandiset", text, ("archive", "version"))
    form, example = RECORDS.get(entry.archive, ("", ""))
    if form and not re.fullmatch(form, entry.doi, re.IGNORECASE):
        text = f"archive {entry.archive!r} needs a doi of the form {example!r}; got {entry.doi!r}."
        yield Problem("doi", text, ("archive",))
    if entry.system and entry.archive != "simulated":
        text = f"system {entry.system!r} belongs to archive 'simulated'; this one is {entry.archive!r}."
        yield Problem("system", text, ("archive",))
    known = {path.stem for path in SYSTEMS.glob("[a-z]*.py")} if entry.system else set()
    if entry.system and entry.system not in known:
        text = f"there is no system {entry.system!r}{did_you_mean(entry.system, sorted(known))}"
        yield Problem("system", text)
    for i, host in enumerate(entry.redirects):
        if not re.fullmatch(HOST, host):
            text = f"redirects[{i}] must be a host, like 'files.osf.io' or '*.osf.io'; got {host!r}."
            yield Problem(f"redirects[{i}]", text)


def _asset(entry: Entry, key: str, asset: Asset) -> Iterator[Problem]:
    session = key.removeprefix("sessions.")
    if not is_portable(session):
        text = f"{key}: {session!r} cannot be a file's name everywhere; call the session by letters and digits."
        yield Problem(key, text)
    yield from _path(f"{key}.path", asset.path, entry.archive)
    if asset.member:
        yield from _path(f"{key}.member", asset.member, entry.archive)
    if asset.size < 0:
        text = f"{key}.size must be a number of bytes, or 0 where it is not known; got {asset.size}."
        yield Problem(f"{key}.size", text)
    for name, digits in DIGESTS.items():
        value = getattr(asset, name)
        if value and not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
            text = f"{key}.{name} must be {digits} hexadecimal digits; got {value!r}."
            yield Problem(f"{key}.{name}", text)
    for name in ("asset_id", "blob") if entry.archive == "dandi" else ():
        value = getattr(asset, name)
        if value and not re.fullmatch(UUID, value):
            text = f"{key}.{name} must be a UUID, like '092550fe-91d3-4585-a097-8517a8d7657e'; got {value!r}."
            yield Problem(f"{key}.{name}", text)
    if asset.url:
        yield from _url(f"{key}.url", asset.url)
    if entry.archive == "http" and not (asset.url and (asset.sha256 or asset.md5)):
        text = f"{key} needs url and sha256 (or md5), because archive 'http' states no digest."
        yield Problem(key, text, ("archive", f"{key}.url", f"{key}.sha256", f"{key}.md5"))


def _path(key: str, path: str, archive: str) -> Iterator[Problem]:
    """A path of an archive becomes a place in the cache; one on this machine is its owner's own affair."""
    if archive == "local" and key.endswith(".path"):
        if not path.strip() or "\0" in path:
            yield Problem(key, f"{key} must name a file; got {path!r}.")
        return
    try:
        safe(path, key)
    except CatalogError as error:
        yield Problem(key, str(error))


def _url(key: str, url: str) -> Iterator[Problem]:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    fits = parts.scheme in ("http", "https", "s3") and host and "@" not in parts.netloc and re.fullmatch(r"[!-~]+", url)
    if not fits or (parts.scheme == "s3" and len(parts.path) < 2):
        text = f"{key} must be an address with http://, https:// or s3://bucket/, without a password; got {url!r}."
        yield Problem(key, text)


def _listing(entry: Entry) -> Iterator[Problem]:
    if not entry.listing:
        return
    yield from find_group("listing.session", entry.listing.session)
    if entry.archive not in ("dandi", "zenodo", "osf"):
        text = f"listing needs an archive that lists its files (dandi, zenodo, osf); {entry.archive!r} does not."
        yield Problem("listing", text, ("archive",))
    if entry.listing.count < 0:
        text = (
            f"listing.count must be how many sessions there are, or 0 where it is not known; got {entry.listing.count}."
        )
        yield Problem("listing.count", text)


def _images(entry: Entry) -> Iterator[Problem]:
    images = entry.images_from
    if not images:
        return
    yield from _url("images_from.url", images.url)
    if images.url.count("{") != 1 or "{n}" not in images.url:
        text = f"images_from.url must hold {{n}}, once, where the number of the picture goes; got {images.url!r}."
        yield Problem("images_from.url", text)
    if images.count < 1 or images.first < 0:
        text = f"images_from needs a count from 1 and a first from 0; got {images.count} and {images.first}."
        yield Problem("images_from.count", text, ("images_from.first",))
    yield from _known_trials("images_from.trials", images.trials, entry.layout)


def _repair(entry: Entry) -> Iterator[Problem]:
    repair = entry.repair
    if not repair:
        return
    yield from _url("repair.url", repair.url)
    if repair.url.count("{") != 1 or "{id}" not in repair.url:
        text = f"repair.url must hold {{id}}, once, where the id of the session goes; got {repair.url!r}."
        yield Problem("repair.url", text)
    yield from find_group("repair.session", repair.session)
    yield from _known_trials("repair.trials", repair.trials, entry.layout)


def _known_trials(key: str, names: tuple[str, ...] | dict[str, str], layout: Layout) -> Iterator[Problem]:
    for name in names:
        if name not in layout.trials:
            close = did_you_mean(name, layout.trials)
            text = f"{key} names {name!r}, which is not one of layout.trials{close}"
            yield Problem(key, text, ("layout.trials",))


def _layout(layout: Layout) -> Iterator[Problem]:
    yield from _area(layout.area)
    if layout.trials and layout.default_trials not in layout.trials:
        text = (
            f"layout.default_trials {layout.default_trials!r} is not one of {', '.join(layout.trials)}. Write under "
            f"[layout]: default_trials = '{next(iter(layout.trials))}'."
        )
        yield Problem("layout.default_trials", text, ("layout.trials",))
    for name, trials in layout.trials.items():
        key, window = f"layout.trials.{name}", trials.window
        if not trials.table.strip("/"):
            yield Problem(f"{key}.table", f"{key}.table is empty; name the table of the file, like 'intervals/trials'.")
        if window and not (len(window) == 2 and all(map(math.isfinite, window)) and window[0] < window[1]):
            text = f"{key}.window must be two numbers, from and to; got {list(window)}."
            yield Problem(f"{key}.window", text)
    if not (layout.units or layout.responses):
        text = "layout needs units or responses: where the activity lies in the file."
        yield Problem("layout", text, ("layout.units", "layout.responses"))


def _area(area: AreaJoin | None) -> Iterator[Problem]:
    if area is None:
        return
    if bool(area.table) != bool(area.value) or (area.key and not area.table):
        text = (
            "layout.area needs both table and value, or neither of them nor key, where column is the area itself; got "
            f"table {area.table!r}, key {area.key!r} and value {area.value!r}."
        )
        yield Problem("layout.area", text, ("layout.area.table", "layout.area.key", "layout.area.value"))
    if area.first not in (0, 1) or (area.first and (area.key or not area.table)):
        text = (
            f"layout.area.first must be 0 or 1: what column calls the first row of table; got {area.first}. With key, "
            "or without table, leave it out."
        )
        yield Problem("layout.area.first", text, ("layout.area.table", "layout.area.key"))
