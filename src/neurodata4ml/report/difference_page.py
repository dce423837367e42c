"""The sections of a page that compares two reports: what was asked, of what, and every number both have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from neurodata4ml import __version__
from neurodata4ml.report.difference_rows import MEASURED, Pair, Pairs, pairs_of
from neurodata4ml.report.facts import is_simulated
from neurodata4ml.report.figures.difference import AXES, BESIDE, MOST_ROWS, foremost
from neurodata4ml.report.page import render_page
from neurodata4ml.report.sections.section import Section, Shown, Table
from neurodata4ml.report.words import bounds, count, listing, metric_words, named, number, plain
from neurodata4ml.results import Results

TITLES = {
    "decoding": "Decoding",
    "dimensionality": "Dimensionality",
    "reliability": "Reliability",
    "encoding": "Encoding",
    "similarity": "Brain and network",
}

_MEANT = {
    "decoding": "Balanced accuracy of reading the condition from the whole window, by area.",
    "dimensionality": "Participation ratio of the mean responses with the trial noise taken out, by area.",
    "reliability": "Reliability of the mean response: the mean over the units of an area, with an interval over units.",
    "encoding": "How well the features of a candidate predict units, in stimuli held out: the median of an area.",
    "similarity": "Similarity of every area to every candidate that both reports have.",
}

_DATA = ("title", "dataset", "version", "session", "source", "sha256", "n_trials", "n_units", "n_conditions", "areas")

_KINDS = {
    "metric": "metrics",
    "decoder": "decoders",
    "scoring": "scores",
    "score": "scores",
    "method": "methods",
    "n_classes": "numbers of classes",
}
"""Attribute of a section -> what must be the same for its numbers to be subtracted, as it is told."""

MOST_CHANGES = 5
"""Changes of a report that are told, of each side."""

_NO_CHOICE = ("out", "title")
"""Settings that choose nothing about the numbers."""


@dataclass(frozen=True)
class Side:
    """One of the two reports.

    Attributes
    ----------
    name : str
        Of its folder.
    results : Results
    environment : mapping of str to str
        Versions and processor, as its lock has them.
    changed : tuple of str
        What in its folder is not what its lock says.
    """

    name: str
    results: Results
    environment: Mapping[str, str]
    changed: tuple[str, ...] = ()


def render_difference(a: Side, b: Side) -> str:
    """Return the page as text.

    Parameters
    ----------
    a, b : Side
        The first and the second report.
    """
    return render_page(
        f"{plain(a.name, 60)} beside {plain(b.name, 60)}",
        sections_of_difference(a, b),
        simulated=is_simulated(a.results) and is_simulated(b.results),
        version=__version__,
        of_one_report=False,
    )


def sections_of_difference(a: Side, b: Side) -> dict[str, Section]:
    """Return the sections of the page, by name.

    Parameters
    ----------
    a, b : Side
        The first and the second report.
    """
    measured = {name: pairs_of(name, a.results, b.results) for name in MEASURED}
    compared = {name: _of_numbers(name, measured[name], a, b) for name in MEASURED if _any(measured[name])}
    return {
        "answer": _answer(a, b, measured),
        "asked": _asked(a, b),
        "data": _data(a, b),
        **compared,
        "environment": _environment(a, b),
    }


def same_data(a: Side, b: Side) -> bool:
    """Return whether both reports are about the same bytes."""
    digests = [side.results.data.get("sha256") or side.results.data.get("source_sha256") for side in (a, b)]
    return bool(digests[0]) and digests[0] == digests[1]


def settings_apart(a: Side, b: Side) -> list[str]:
    """Return the settings of the study that are not equal, in their order."""
    names = dict.fromkeys([*a.results.spec, *b.results.spec])
    return [n for n in names if n not in _NO_CHOICE and _setting(a, n) != _setting(b, n)]


def _any(pairs: Pairs) -> bool:
    return bool(pairs.both or pairs.only_first or pairs.only_second)


def _setting(side: Side, name: str) -> str:
    value = side.results.spec.get(name)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value in (None, {}) else str(value)


def _answer(a: Side, b: Side, measured: dict[str, Pairs]) -> Section:
    comparable = {name: found.both for name, found in measured.items() if not _unlike(name, a, b)}
    pairs = [(name, pair) for name, both in comparable.items() for pair in both]
    return Section(
        "In short",
        question="What changes from A to B, and is it more than the intervals?",
        answer=(_what_differs(a, b), _how_much(pairs), *([_how_to_take_it(a, b)] if pairs else [])),
        reading=(f"A is {plain(a.name, 80)}; B is {plain(b.name, 80)}. Differences are B minus A.",),
        warnings=tuple(
            f"{letter} should be verified before it is believed (neurodata4ml verify): {plain(change, 300)}"
            for letter, side in (("A", a), ("B", b))
            for change in side.changed[:MOST_CHANGES]
        ),
    )


def _what_differs(a: Side, b: Side) -> str:
    apart = settings_apart(a, b)
    chosen = f"{count(len(apart), 'setting')}: {listing(apart, 6)}" if apart else "no setting"
    data = "the same recording" if same_data(a, b) else "different recordings"
    return f"A and B are about {data}, and differ in {chosen}."


def _how_much(pairs: list[tuple[str, Pair]]) -> str:
    if not pairs:
        return "No number was measured in the same way by both, so there is nothing to subtract."
    known = [(name, p) for name, p in pairs if all(map(math.isfinite, (*p.first, *p.second)))]
    apart = [(name, pair) for name, pair in known if pair.apart]
    equal = sum(pair.first == pair.second for _, pair in pairs)
    if equal == len(pairs):
        return f"All {count(len(pairs), 'number')} that both have are equal."
    most = max(known or pairs, key=lambda one: _share(one[1]))
    where = f"{TITLES[most[0]].lower()} of {named(most[1].label)}: {number(most[1].first[0])} and "
    said = f"Of {count(len(pairs), 'number')} that both have, the intervals of {len(apart)} do not overlap"
    return f"{said}; beside its intervals the largest difference is in {where}{number(most[1].second[0])}."


def _share(pair: Pair) -> float:
    width = pair.first[2] - pair.first[1] + pair.second[2] - pair.second[1]
    return abs(pair.difference) / width if math.isfinite(width) and width > 0 else 0.0


def _how_to_take_it(a: Side, b: Side) -> str:
    said = "Whether intervals overlap is not a test: two that do can still differ, and of many some are apart by chance"
    if same_data(a, b):
        return (
            f"{said}. Here both come from the same trials: the samples are paired, their noise is shared, and both "
            "intervals are too wide for a difference; to test one, ask for both in one study, which resamples them "
            "together."
        )
    return (
        f"{said}. Here the samples are independent, so the interval of a difference is given; it is about these "
        "recordings, not about animals in general."
    )


def _asked(a: Side, b: Side) -> Section:
    names = [n for n in dict.fromkeys([*a.results.spec, *b.results.spec]) if n not in _NO_CHOICE]
    return Section(
        "What was asked",
        question="Which settings are equal, and which are not?",
        answer=() if settings_apart(a, b) else ("Every setting is equal.",),
        tables=(_side_by_side("Settings of both studies", {n: (_setting(a, n), _setting(b, n)) for n in names}),),
    )


def _data(a: Side, b: Side) -> Section:
    rows = {n: (_fact(a, n), _fact(b, n)) for n in _DATA if _fact(a, n) or _fact(b, n)}
    return Section(
        "Data",
        question="Are both about the same recording, trials and units?",
        answer=(
            "Both are about the same bytes: the digests are equal."
            if same_data(a, b)
            else "They are about different bytes: the digests differ, or one has none.",
        ),
        tables=(_side_by_side("What was analysed", rows),),
    )


def _fact(side: Side, name: str) -> str:
    value = side.results.data.get(name)
    if isinstance(value, dict):
        return ", ".join(f"{key} {n}" for key, n in value.items())
    return "" if value is None else str(value)


def _environment(a: Side, b: Side) -> Section:
    names = [n for n in dict.fromkeys([*a.environment, *b.environment]) if a.environment.get(n) != b.environment.get(n)]
    rows = {n: (a.environment.get(n, ""), b.environment.get(n, "")) for n in names}
    return Section(
        "Environment",
        question="Were both made with the same software, on the same kind of processor?",
        answer=() if names else ("Yes: every version, and the processor, are equal.",),
        tables=(_side_by_side("What is not equal", rows),) if names else (),
    )


def _side_by_side(caption: str, rows: Mapping[str, tuple[str, str]]) -> Table:
    cells = tuple(
        (plain(name, 60), plain(one, 300) or "–", plain(other, 300) or "–", "equal" if one == other else "differs")
        for name, (one, other) in rows.items()
    )
    return Table(caption, ("", "A", "B", "equal?"), cells)


def _unlike(name: str, a: Side, b: Side) -> str:
    """Return why numbers of a section may not be subtracted; empty where they may."""
    arrays = [side.results.arrays.get(name, side.results.arrays.get(f"{name}_sessions")) for side in (a, b)]
    if arrays[0] is None or arrays[1] is None:
        return ""
    if bool(a.results.sessions) != bool(b.results.sessions) and name == "reliability":
        return "One is a mean over units, the other a median of each recording: the numbers are not subtracted."
    for attribute, what in _KINDS.items():
        one, other = (array.attrs.get(attribute) for array in arrays if array is not None)
        if one != other:
            words = [metric_words(v) if attribute == "metric" else plain(v, 40) for v in (one, other)]
            return f"A and B used different {what}, {words[0]} and {words[1]}: the numbers are not subtracted."
    return ""


def _of_numbers(name: str, pairs: Pairs, a: Side, b: Side) -> Section:
    unlike = _unlike(name, a, b)
    caption = "A above, B below, each with its interval"
    if len(pairs.both) > MOST_ROWS:
        caption += f"; of {len(pairs.both)} rows those {MOST_ROWS} that differ most"
    figure = (Shown(BESIDE[name](pairs.both, (a.name, b.name)), f"{caption}."),) if pairs.both else ()
    lacking = [
        f"Only {side} has {listing([named(label) for label in labels], 6)}."
        for side, labels in (("A", pairs.only_first), ("B", pairs.only_second))
        if labels
    ]
    return Section(
        TITLES[name],
        question=_MEANT[name],
        answer=(_in_short(pairs, unlike), *lacking),
        figures=figure,
        tables=(_table(name, pairs, independent=not same_data(a, b), unlike=bool(unlike)),) if pairs.both else (),
    )


def _in_short(pairs: Pairs, unlike: str) -> str:
    if unlike or not pairs.both:
        return unlike or "The reports have no such number in common."
    apart = [pair.label for pair in pairs.both if pair.apart]
    if not apart:
        return f"In none of {count(len(pairs.both), 'row')} are the intervals of A and B apart."
    return f"The intervals are apart in {len(apart)} of {count(len(pairs.both), 'row')}: {listing(apart, 4)}."


def _table(name: str, pairs: Pairs, *, independent: bool, unlike: bool) -> Table:
    def cells(pair: Pair) -> tuple[str, ...]:
        numbers = [text for side in (pair.first, pair.second) for text in (number(side[0]), bounds(*side[1:]))]
        if unlike:
            return (plain(pair.label, 80), *numbers)
        last = (bounds(*pair.interval()),) if independent else ()
        return (plain(pair.label, 80), *numbers, number(pair.difference), *last)

    columns: tuple[str, ...] = ("", "A", "interval", "B", "interval")
    if not unlike:
        columns += ("B − A", "interval, independent samples") if independent else ("B − A",)
    shown = foremost(pairs.both)
    return Table(f"{AXES[name].capitalize()}, A and B", columns, tuple(map(cells, shown)))
