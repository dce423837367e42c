"""BibTeX of anything: fields in which any text is harmless, and how this software is cited."""

from __future__ import annotations

import re

AUTHOR = "the neurodata4ml developers"
TITLE = "neurodata4ml: from the name of an open neural dataset to a comparison of brain and network"
"""As in CITATION.cff."""

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "{": r"\textbraceleft{}",  # BibTeX counts \{ as a brace that opens
    "}": r"\textbraceright{}",
    **{letter: f"\\{letter}" for letter in "&%$#_"},
}
"""What means something to LaTeX, and how it is written where it should not."""


def escaped(text: str) -> str:
    """Return text in one line in which nothing means anything to LaTeX; accented letters stay as they are."""
    return "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))


def titled(title: str) -> str:
    """Return a title in braces of its own, so that no style changes its capitals."""
    return f"{{{escaped(title)}}}" if title else ""


def written(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return a reference as BibTeX, without the fields that are empty."""
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


def cite_software(version: str) -> str:
    """Return BibTeX for this software, as CITATION.cff has it, in the version that was used."""
    fields = {"author": f"{{{AUTHOR}}}", "title": titled(TITLE), "version": escaped(version)}
    return written("misc", "neurodata4ml", fields)


def cite_unlisted(key: str, *, title: str = "", version: str = "", doi: str = "", note: str = "") -> str:
    """Return BibTeX for data that are not in the catalog, from what is known of them."""
    fields = {"title": titled(title), "version": escaped(version), "doi": escaped(doi), "note": escaped(note)}
    return written("misc", re.sub(r"[^A-Za-z0-9]+", "", key) or "data", fields)
