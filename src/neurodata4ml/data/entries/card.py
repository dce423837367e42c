"""How an entry of the catalog is shown: one list of labels and lines, as text and as HTML."""

from __future__ import annotations

from html import escape
from textwrap import fill
from typing import Any

SPEED = 10e6
"""Bytes per second of an ordinary connection, for the estimate of a download's time."""


def readable_bytes(size: float) -> str:
    """Return a size as a reader wants it: ``1.74 GB`` for 1,736,516,600."""
    if not size:
        return "not known"
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:.0f} bytes"


def readable_time(size: float) -> str:
    """Return how long ``size`` bytes take at 10 MB/s."""
    seconds = size / SPEED
    if seconds < 1:
        return "less than a second"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def size_and_time(size: float, archive: str) -> str:
    """Return the size of a session and, where it must be downloaded, for how long that takes at 10 MB/s."""
    if archive == "simulated":
        return "made on this machine on first use"
    if not size:
        return "size known once the archive is asked"
    return f"{readable_bytes(size)}, {readable_time(size)} at 10 MB/s"


def lines(entry: Any) -> list[tuple[str, list[str]]]:
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
        ("whole dataset", [readable_bytes(entry.total_size) if entry.total_size else ""]),
        ("sessions", _sessions(entry)),
        ("trial tables", [_trials(name, entry) for name in entry.layout.trials]),
        (
            "series",
            [f"{name}: {path}" for name, path in {**entry.layout.series, **entry.layout.responses}.items()],
        ),
        ("unit filter", [" and ".join(f"{f.column} {f.op} {f.value}" for f in entry.layout.quality)]),
        ("know this", list(entry.caveats)),
    ]
    return [(label, kept) for label, texts in card if (kept := [text for text in texts if text])]


def as_text(entry: Any) -> str:
    """Return the card for a terminal, 100 columns wide."""
    blocks = [f"{entry.name}: {entry.title}"]
    for label, texts in lines(entry):
        bullets = ["- " + text for text in texts] if len(texts) > 1 else texts
        indent = "  " if len(texts) > 1 else ""
        wrapped = [fill(text, 84, subsequent_indent=indent, break_on_hyphens=False) for text in bullets]
        blocks.append(f"{label:<14}" + "\n".join(wrapped).replace("\n", "\n" + 14 * " "))
    return "\n".join(blocks)


def as_html(entry: Any) -> str:
    """Return the card for a notebook; everything that comes from the catalog is escaped."""
    rows = "".join(
        f"<tr><th style='text-align:left;vertical-align:top'>{escape(label)}</th>"
        f"<td style='text-align:left'>{'<br>'.join(map(escape, texts))}</td></tr>"
        for label, texts in lines(entry)
    )
    return f"<table><caption><b>{escape(entry.name)}</b>: {escape(entry.title)}</caption>{rows}</table>"


def _sessions(entry: Any, most: int = 10) -> list[str]:
    texts: list[str] = []
    for name, asset in entry.sessions.items():
        size = size_and_time(asset.size, entry.archive)
        note = f" ({asset.note})" if asset.note and len(entry.sessions) <= 5 and entry.archive != "simulated" else ""
        is_default = name == entry.default_session
        texts.insert(0 if is_default else len(texts), f"{name}: {size}{', the default' * is_default}{note}")
    more = len(texts) - most
    return texts if more <= 0 else [*texts[:most], f"... and {more} more (all of them: describe {entry.name} --json)"]


def _trials(name: str, entry: Any) -> str:
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
