"""A study to begin with: every key and every option with its default, explained, and chosen for one dataset."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import tomli_w

from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.entries.records import Entry, Trials
from neurodata4ml.data.entries.sizes import readable_bytes
from neurodata4ml.hierarchies import known_order
from neurodata4ml.studies.material import OWN_OPTIONS
from neurodata4ml.studies.options import ALSO_KEYS, HELD, can_be_held, in_words
from neurodata4ml.studies.parameters import FUNCTIONS, OF_THE_STUDY, USED_BY_STUDIES, Parameter, choices, parameters
from neurodata4ml.studies.values import WORDS
from neurodata4ml.study_keys import ANALYSES

SUITED = {
    "decoding": ("decode",),
    "dimensionality": ("latents", "dimensionality", "reliability"),
    "rsa": ("reliability", "rdm"),
    "encoding": ("encode",),
    "network-comparison": ("encode", "compare"),
}
"""What a dataset can be suited to, and the analyses that this means."""

OF_IMAGES = ("encode", "compare")
"""Analyses that need the images that were shown."""

WIDTH, COLUMN = 110, 32
"""Characters of a line, and where the explanation of a key begins."""

_SHOWN_SESSIONS = 6

_PAGES = {"decode": "decode", "latents": "latents", "encode": "encode", "rdm": "rdm", "bin_spikes": "align"}
"""The page of docs/ where an option is explained that its function's docstring leaves to a library."""


def template(name: str) -> str:
    """Return a commented study of a dataset, as TOML: choices from its entry, and every option with its default.

    What only this dataset has (its sessions, its areas) stands in comments, so that the study of one dataset becomes
    that of another by changing one line.

    Parameters
    ----------
    name : str
        A dataset of the catalog.

    Raises
    ------
    CatalogError
        No such dataset; close names are suggested.

    Examples
    --------
    >>> print(template("demo").splitlines()[0])
    # A study of demo: A simulated session, made on this machine: no download, and the truth is known
    """
    entry = describe(name)
    parts = (_head, _recording, _trials, _population, _networks, _analyses, _running)
    blocks = ["\n".join(part(entry)) for part in parts] + ["\n".join(_table(table)) for table in FUNCTIONS]
    return "\n\n".join(blocks) + "\n"


def _head(entry: Entry) -> Iterator[str]:
    yield from _comment(f"A study of {entry.name}: {entry.title}", lines=1)
    yield from _comment(entry.summary)
    for caveat in entry.caveats:
        yield from _comment(f"- {caveat}", hanging="  ")
    if not entry.layout.units:
        yield from _comment("Note: these are no spikes, which a report counts. See align_series in docs/align.md.")
    yield "#"
    yield "# Every line below may be changed; those behind # are at their default: take the # away to change them."
    yield "# What it would do:  neurodata4ml study check FILE.      Do it:  neurodata4ml report FILE."
    yield ""
    yield _line(f"# title = {_toml(_one_line(entry.title))}", "heads the page")


def _recording(entry: Entry) -> Iterator[str]:
    yield "# Recordings: a dataset, and of it the default session, one, several or all."
    yield f"dataset = {_toml(entry.name)}"
    size = f", {readable_bytes(entry.size)}" if entry.size else ""
    yield _line(f"# session = {_toml(entry.default_session)}", f"the default{size}")
    known = [asset.size or asset.about for asset in entry.sessions.values()]
    total = f", {readable_bytes(sum(known))} together" if all(known) and len(known) == entry.n_sessions else ""
    more = (
        "any whole number is one (a seed)"
        if entry.archive == "simulated"
        else f"or a list; {entry.n_sessions} in all{total}"
    )
    yield _line('# sessions = ["0", "1", "2"]' if entry.archive == "simulated" else '# sessions = "all"', more)
    for session in list(entry.sessions)[: _SHOWN_SESSIONS * (entry.n_sessions > 1)]:
        its = entry.asset(session)
        yield _line(f"#     {_toml(session)}", readable_bytes(its.size or its.about) if its.size or its.about else "")
    if entry.n_sessions > _SHOWN_SESSIONS:
        yield f"#     The others: neurodata4ml describe {entry.name}"
    yield "# Or files of your own in place of a dataset, seen from the folder of this file:"
    yield '# file = "recording.nwb"'
    yield '# files = ["*.nwb"]'


def _trials(entry: Entry) -> Iterator[str]:
    default = entry.layout.default_trials
    its = entry.layout.trials.get(default, Trials(table=""))
    yield "# Trials: the table, the column of conditions, and the event that is time 0."
    yield _line(f"trials = {_toml(default)}" if default else "# trials = …", its.table)
    others = [name for name in entry.layout.trials if name != default]
    if others:
        yield from _comment(f"Other tables: {', '.join(others)}.", indent="    ")
    said = "these trials name no conditions of their own: say which column does"
    said = f"the column of conditions, here {its.stimulus}; or another" if its.stimulus else said
    yield _line('# by = "stimulus"' if its.stimulus else "# by = …", said)
    yield _line(f"# align = {_toml(its.align)}", "the event")
    if its.window:
        yield _line(f"window = {_toml(its.window)}", "seconds before and after it")
    else:
        yield _line("# window = [0.0, 0.5]", "seconds; left out: from the event to the end of the shortest trial")
    yield _line("bin_width = 0.01", "seconds; must divide the window")
    yield _line("# where = \"contrast > 0 and type != 'probe'\"", "keep these trials: a comparison of their columns")


def _population(entry: Entry) -> Iterator[str]:
    good = ", ".join(f"{rule.column} {rule.op} {rule.value}" for rule in entry.layout.quality)
    yield "# Units and areas."
    yield _line('units = "good"', f'{good or "no filter is known"}; or "all", or your own: "snr > 2"')
    yield _line(
        f"# areas = {_toml(entry.areas) if entry.areas else '…'}",
        "as the catalog names them; left out: all of 10 units or more",
    )
    order = known_order(entry.areas)
    said = "early to late, three or more, for the hierarchy score"
    yield _line(f"# order = {_toml(order) if order else '…'}", said + ("; this one is known" if order else ""))


def _networks(entry: Entry) -> Iterator[str]:
    has_images = bool(entry.layout.images or entry.images_from)
    yield "# Networks to compare with, beside their untrained twins, pixels and Gabor energies."
    if not has_images:
        yield "# The catalog knows no images of this dataset, without which no network can be shown them."
    example = '["digits", "digits-untrained"]' if entry.archive == "simulated" else '["torchvision_alexnet"]'
    yield _line(f"# networks = {example}", "names, or paths of .onnx files")
    yield _line("# layers = …", 'a list of layers; left out: the stages that each network lists; ["all"]')


def _analyses(entry: Entry) -> Iterator[str]:
    has_images = bool(entry.layout.images or entry.images_from)
    chosen = {"rates", *(one for use in entry.suited_to for one in SUITED.get(use, ()))}
    chosen -= set() if has_images else set(OF_IMAGES)
    left = [one for one in ANALYSES if one not in chosen]
    yield from _comment(f"What is asked: any of {', '.join(ANALYSES)}. Options stand in the tables below.")
    if left and not has_images:
        yield f"# Left out here: {', '.join(left)}."
    yield f"analyses = {_toml([one for one in ANALYSES if one in chosen])}"


def _running(entry: Entry) -> Iterator[str]:
    yield _line("n_shuffles = 99", "behind every p-value; 99 resolve p = 0.01")
    yield _line("seed = 0", "starts every random step")
    yield _line(f"# out = {_toml(f'reports/{entry.name}')}", "the folder of the report, seen from where it is run")


def _table(table: str) -> Iterator[str]:
    """Yield a table of options, all behind #: those of the function, then those that a choice brings."""
    shared = parameters(table, {"method": "", "encoder": ""})
    yield f"[{table}]"
    for one in shared.values():
        if one.name not in OF_THE_STUDY and one.name not in ALSO_KEYS.get(table, ()):
            yield _option(table, one)
    for words, chosen in choices(table).items():
        own = [one for one in parameters(table, chosen).values() if one.of == words]
        if own:
            yield f"# With {words}:"
            yield from (_option(table, one) for one in own)


def _option(table: str, one: Parameter) -> str:
    """Return the lines of one option: its default behind a #, what it may be, and what it does."""
    kind = HELD.get((table, one.name), one.kind)
    if kind is None or not can_be_held(kind):
        return _line(f"# {one.name}", "only from Python")
    about = one.about or (f"see docs/{_PAGES[table]}.md" if table in _PAGES else "")
    if words := WORDS.get((table, one.name)):
        about = " | ".join(words) + ("" if re.match("(A key|Keys) of", about) else f". {about}")
    if one.name in OWN_OPTIONS.get(table, ()):
        return _line(f"# {one.name} = …", f"left out: that of the study. {about}")
    default = USED_BY_STUDIES.get((table, one.name), one.default)
    if default is None:
        return _line(f"# {one.name} = …", f"{f'{in_words(kind)}. ' if kind is not Any else ''}{about}")
    return _line(f"# {one.name} = {_toml(default)}", about.removesuffix(";"))


def _line(code: str, comment: str) -> str:
    """Return a line of TOML with a comment behind it, or below it where it is long."""
    text = _one_line(comment)
    if len(code) >= COLUMN and text and len(code) + len(text) + 4 <= WIDTH:
        return f"{code}  # {text}"
    if len(code) >= COLUMN and text:
        return "\n".join([code, *_comment(text, indent=" " * 4)])
    lines = textwrap.wrap(text, WIDTH - COLUMN - 2, max_lines=3, placeholder=" …")
    starts = [code, *["#"] * (len(lines) - 1)]
    return "\n".join(f"{start.ljust(COLUMN)}# {line}" for start, line in zip(starts, lines, strict=False)) or code


def _comment(text: str, *, lines: int = 99, indent: str = "", hanging: str = "") -> Iterable[str]:
    """Return text from a catalog as lines of comment, which nothing in it can end."""
    found = textwrap.wrap(
        _one_line(text), WIDTH, initial_indent=f"# {indent}", subsequent_indent=f"# {indent}{hanging}", max_lines=lines
    )
    return found or ["#"]


def _one_line(text: str) -> str:
    """Return text without line ends, control characters and marks that turn the direction of writing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _toml(value: Any) -> str:
    """Return a value as TOML writes it, in one line."""
    plain = list(value) if isinstance(value, tuple) else value
    if isinstance(plain, list):
        return f"[{', '.join(map(_toml, plain))}]"
    return tomli_w.dumps({"x": plain}).removeprefix("x = ").strip()
