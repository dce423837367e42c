"""How an entry of the catalog is shown: one list of labels and lines, as text and as HTML."""

from __future__ import annotations

from html import escape
from textwrap import fill
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neurodata4ml.data.entries.sizes import size_and_time

if TYPE_CHECKING:
    from neurodata4ml.data.entries.records import Entry, Paper

LARGE = 500e6
"""Bytes from which a part of a session is worth asking for."""


def lines(entry: Entry) -> list[tuple[str, list[str]]]:
    """Return the label and the lines of every part of the card, in reading order."""
    archive = f"DANDI {entry.dandiset}" if entry.archive == "dandi" else entry.archive
    card = [
        ("what", [entry.summary]),
        ("species", [entry.species]),
        ("areas", [", ".join(entry.areas)]),
        ("modality", [entry.modality]),
        ("task", [entry.task]),
        ("suited to", [", ".join(entry.suited_to)]),
        ("archive", [f"{archive}, version {entry.version}" + (f", doi:{entry.doi}" if entry.doi else "")]),
        ("licence", [" ".join(filter(None, (entry.license, entry.license_url)))]),
        (
            "cite",
            [entry.citation + (f" doi:{entry.paper_doi}" if entry.paper_doi not in entry.citation else "")],
        ),
        ("papers", [_paper(paper) for paper in entry.papers if paper.title]),
        ("whole dataset", [size_and_time(entry.total_size, "") if entry.total_size else ""]),
        ("sessions", _sessions(entry)),
        ("trial tables", [_trials(name, entry) for name in entry.layout.trials]),
        ("series", _paths(entry.layout.series)),
        ("responses", _paths(entry.layout.responses)),
        ("unit filter", [" and ".join(f"{f.column} {f.op} {f.value}" for f in entry.layout.quality)]),
        ("pictures", [_pictures(entry)]),
        ("repaired", [_repaired(entry)]),
        ("know this", list(entry.caveats)),
        ("next", _next(entry)),
    ]
    return [(label, kept) for label, texts in card if (kept := [text for text in texts if text])]


def as_text(entry: Entry) -> str:
    """Return the card for a terminal, 100 columns wide."""
    blocks = [f"{entry.name}: {entry.title}"]
    for label, texts in lines(entry):
        bullets = ["- " + text for text in texts] if len(texts) > 1 else texts
        indent = "  " if len(texts) > 1 else ""
        wrapped = [
            fill(text, 84, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False) for text in bullets
        ]
        blocks.append(f"{label:<14}" + "\n".join(wrapped).replace("\n", "\n" + 14 * " "))
    return "\n".join(blocks)


def as_html(entry: Entry) -> str:
    """Return the card for a notebook; everything that comes from the catalog is escaped."""
    rows = "".join(
        f"<tr><th style='text-align:left;vertical-align:top'>{escape(label)}</th>"
        f"<td style='text-align:left'>{'<br>'.join(map(escape, texts))}</td></tr>"
        for label, texts in lines(entry)
    )
    return f"<table><caption><b>{escape(entry.name)}</b>: {escape(entry.title)}</caption>{rows}</table>"


def _sessions(entry: Entry, most: int = 10) -> list[str]:
    texts: list[str] = []
    for name, asset in entry.sessions.items():
        size = size_and_time(asset.size, entry.archive, about=asset.about)
        note = f" ({asset.note})" if asset.note and len(entry.sessions) <= 5 and entry.archive != "simulated" else ""
        is_default = name == entry.default_session
        texts.insert(0 if is_default else len(texts), f"{name}: {size}{', the default' * is_default}{note}")
    more = len(texts) - most
    if more > 0:
        texts = [*texts[:most], f"... and {more} more (all of them: neurodata4ml describe {entry.name} --json)"]
    return [*texts, *_listed(entry)]


def _paths(paths: dict[str, str]) -> list[str]:
    return [f"{name}: {path}" for name, path in paths.items()]


def _paper(paper: Paper) -> str:
    where = " ".join(filter(None, (paper.journal, ":".join(filter(None, (paper.volume, paper.pages))))))
    return f"{paper.title}. {where} ({paper.year})".replace(".  (", ". (") + (f", doi:{paper.doi}" if paper.doi else "")


def _listed(entry: Entry) -> list[str]:
    """Say how to get at the sessions that only the archive lists."""
    if not entry.listing:
        return []
    there = f"{entry.listing.count} in the archive" if entry.listing.count else "more in the archive"
    return [f"{there}, with their ids: neurodata4ml fetch {entry.name} --all --dry-run; one of them: --session ID"]


def _pictures(entry: Entry) -> str:
    if entry.images_from:
        its = entry.images_from
        of = f" of {', '.join(its.trials)}" if its.trials else ""
        return f"{its.count} pictures{of}, fetched one by one from {_host(its.url)} when asked for"
    return f"in the file: {entry.layout.images}" if entry.layout.images else ""


def _repaired(entry: Entry) -> str:
    if not entry.repair:
        return ""
    names = " and ".join(entry.repair.trials)
    return (
        f"{names}: damaged in the archive's files; when they are opened, the right table is taken from the original "
        f"recording at {_host(entry.repair.url)}, and the session's attrs say so"
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _next(entry: Entry) -> list[str]:
    """Return what can be typed now: to get it, to open it, to cite it."""
    steps = [f'in Python: neurodata4ml.open_session("{entry.name}")']
    if entry.archive not in ("local", "simulated"):
        parts = ["units"] if entry.layout.units else list(entry.layout.responses)[:1]
        is_large = entry.size > LARGE or not entry.size  # of unknown size are files of many GB
        part = f" --what {parts[0]}" if parts and is_large else ""
        steps.insert(0, f"neurodata4ml fetch {entry.name}{part}")
    return [*steps, f"neurodata4ml cite {entry.name}"]


def _trials(name: str, entry: Entry) -> str:
    its = entry.layout.trials[name]
    parts = [f"{name}{' (default)' if name == entry.layout.default_trials else ''}: {its.table}"]
    for label, value in (
        ("stimulus", its.stimulus),
        ("block", its.block),
        ("blank", its.blank),
        ("align", its.align),
    ):
        if value not in ("", None):
            parts.append(f"{label} {value}")
    if its.window:
        parts.append("window {:g} to {:g} s".format(*its.window))
    return ", ".join(parts)
