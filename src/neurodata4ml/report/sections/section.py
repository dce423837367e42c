"""What a section of a report is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps

from neurodata4ml.report.facts import explained
from neurodata4ml.report.figures.canvas import Picture
from neurodata4ml.report.words import sentence
from neurodata4ml.results import Results


@dataclass(frozen=True)
class Shown:
    """A picture with the caption that tells how to read it."""

    picture: Picture
    caption: str


@dataclass(frozen=True)
class Table:
    """A table whose first cell of each row names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Listing:
    """Text to copy: a command, a study file, a citation."""

    caption: str
    text: str


@dataclass(frozen=True)
class Section:
    """One part of the page: a question, its answer in numbers, and what a reader needs to believe it.

    Attributes
    ----------
    title, question : str
        The heading, and the question in plain words.
    answer : tuple of str
        Sentences made from the numbers.
    figures, tables, listings : tuple
        What is shown, in this order.
    reading : tuple of str
        Paragraphs that say how the numbers were made and what they mean.
    explained : tuple of (str, str)
        What the numbers are, in the words of the analysis: heading and text.
    references, warnings : tuple of str
        Sources; what to know before believing a number.
    missing : str
        When the results are absent: the one sentence that says why. Everything else is then empty.
    """

    title: str
    question: str = ""
    answer: tuple[str, ...] = ()
    figures: tuple[Shown, ...] = ()
    tables: tuple[Table, ...] = ()
    listings: tuple[Listing, ...] = ()
    reading: tuple[str, ...] = ()
    explained: tuple[tuple[str, str], ...] = ()
    references: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: str = ""


Maker = Callable[[Results], Section]


def needs(name: str, title: str) -> Callable[[Maker], Maker]:
    """Let a section that lacks ``results.arrays[name]`` be the one sentence that says what is missing."""

    def decorate(make: Maker) -> Maker:
        @wraps(make)
        def made(results: Results) -> Section:
            if name not in results.arrays:
                return Section(title, missing=sentence(results.missing.get(name) or "This study did not ask for it"))
            return replace(make(results), title=title, explained=explained(results.arrays[name]))

        return made

    return decorate
