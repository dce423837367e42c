"""The commands of a study file: study init writes one, study check says what it would do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurodata4ml.cli.shared import Group, json_option, print_json, spoken
from neurodata4ml.errors import CatalogError, DesignError, DiskError

if TYPE_CHECKING:
    from neurodata4ml.studies.planned import Part, Plan

MOST_SHOWN = 12
"""Recordings of a study that are listed; of more, the number and the sum."""


@click.group(cls=Group, short_help="Write and check a study: the question as a file.")
def study() -> None:
    """Write and check a study: a question as a file, that another person can ask again.

    \b
    Examples:
      neurodata4ml study init demo               writes study.toml, every option in it explained
      neurodata4ml study check study.toml        says what it would move and compute, and for how long
      neurodata4ml report study.toml             does it

    A mistake is told with its line, and what would be right. docs/study.md explains every key.
    """


@study.command(short_help="Write a commented study for a dataset.")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), default=Path("study.toml"), show_default=True, metavar="FILE")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
@spoken
def init(name: str, out: Path, force: bool, as_json: bool, quiet: bool) -> None:
    """Write a study for the dataset NAME: choices that suit it, and every option with its default, explained.

    It can be run as it is. What only this dataset has stands in comments, so that the study of one dataset becomes that
    of another by changing the line that names it.

    \b
    Examples:
      neurodata4ml study init demo
      neurodata4ml study init allen-vc --out scenes.toml
    """
    from neurodata4ml.studies.template import template

    try:
        text = template(name)
    except CatalogError as error:
        raise click.UsageError(str(error)) from error
    _write(out, text, force=force)
    if as_json:
        print_json({"study": str(out)})
    elif quiet:
        click.echo(out)
    else:
        click.echo(f"{out} is written. Change what you like in it, then type:\n  neurodata4ml study check {out}")


@study.command(short_help="Say what a study would do.")
@click.argument("target", metavar="FILE")
@json_option
@spoken
def check(target: str, as_json: bool, quiet: bool) -> None:
    """Read the study FILE, and say what it would move, compute and need, and for how long. Nothing is fetched.

    Every mistake is told with its line, and the command ends with exit code 2. Recordings that are here are looked
    into: trials and units are counted after the study's own filters. A dataset's name or an NWB file does too.

    \b
    Examples:
      neurodata4ml study check study.toml
      neurodata4ml study check demo
      neurodata4ml study check study.toml --json
    """
    from neurodata4ml.spec import read_spec
    from neurodata4ml.studies.plan import plan

    try:
        found = plan(read_spec(target))
    except DesignError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        click.echo("\n".join(_told(found, target)))
    if all(part.problem for part in found.parts):
        raise click.UsageError("\n".join(_told_of(part, found) for part in found.parts))


def _told_of(part: Part, found: Plan) -> str:
    """Return why a recording cannot be used, with the line of the study that is why, where one is."""
    from neurodata4ml.study_file import told
    from neurodata4ml.study_keys import Problem

    said = f"{part.key}: {part.problem}" if len(found.parts) > 1 else part.problem
    return told(found.spec.origin, [Problem(part.key_of_problem, said)]) if found.spec.origin else said


def _write(out: Path, text: str, *, force: bool) -> None:
    from neurodata4ml.places import write_whole

    if out.is_dir():
        message = f"{out} is a folder; name a file, e.g. --out {out / 'study.toml'}."
        raise click.UsageError(message)
    if out.exists() and not force:
        message = f"{out} is there already. Choose another name with --out, or replace it with --force."
        raise click.UsageError(message)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, text)
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror}. Choose another place with --out."
        raise DiskError(message) from error


def _told(found: Plan, target: str) -> Iterator[str]:
    """Yield the lines of a plan: recordings, steps, choices, needs, notes."""
    from neurodata4ml.data.entries.sizes import readable_bytes, readable_time
    from neurodata4ml.studies.planned import changed

    yield f"{target}: {found.spec.title or found.spec.name}"
    yield ""
    rows: list[tuple[str, ...]] = [("recording", "where", "to move", "trials", "conditions", "units", "areas")]
    rows += [_row(part) for part in found.parts[:MOST_SHOWN]]
    yield from _columns(rows)
    if len(found.parts) > MOST_SHOWN:
        yield f"... {len(found.parts)} recordings in all"
    yield ""
    steps = [(name, what, f"{found.seconds[name]:.1f} s") for name, what in _steps(found)]
    yield from _columns([("step", "what", "about"), *steps])
    yield ""
    said = changed(found.spec)
    yield "Not at their default: " + (
        ", ".join(f"{name} = {_short(value)}" for name, value in said.items()) or "nothing"
    )
    yield f"Time: {_time(found)}"
    yield f"Memory: about {readable_bytes(found.memory)} for each process. Disk: about {readable_bytes(found.disk)}"
    moved = (
        f"{readable_bytes(found.n_bytes)}, {readable_time(found.n_bytes)} at 10 MB/s" if found.n_bytes else "nothing"
    )
    yield f"To move: {moved}"
    yield from (f"Note: {note}" for note in found.notes)
    if not all(part.problem for part in found.parts):
        yield f"Next: neurodata4ml report {target}"


def _row(part: Part) -> tuple[str, ...]:
    from neurodata4ml.data.entries.sizes import readable_bytes

    moved = readable_bytes(part.n_bytes) if part.n_bytes else "-"
    if part.problem:
        return (part.key, part.place, moved, "-", "-", "-", "cannot be used: see the note")
    its = part.size
    sizes = (f"{its.n_trials:,}", str(its.n_conditions), str(its.n_units))
    if not part.is_opened and part.place != "made here":
        return (part.key, part.place, moved, *(f"~{one}?" for one in sizes), "not known yet")
    listed = ", ".join(f"{area} {n}" for area, n in list(its.areas.items())[:6])
    return (part.key, part.place, moved, *sizes, listed + (f" and {len(its.areas) - 6} more" * (len(its.areas) > 6)))


def _steps(found: Plan) -> Iterator[tuple[str, str]]:
    """Yield the steps that take time, with what is done in each."""
    n_areas = sum(len(part.size.areas) for part in found.parts)
    n_cells = sum(len(part.size.areas) * part.size.n_candidates for part in found.parts)
    options = found.spec.options.get("decode", {})
    shuffles = options.get("n_shuffles", found.spec.n_shuffles)
    decoder = options.get("decoder", "lda")
    what = {
        "decode": f"{_count(n_areas, 'area')}, {_count(int(shuffles), 'shuffle')}: {decoder}",
        "encode": f"{n_cells:,} pairs of area and candidate",
        "compare": f"{n_cells:,} pairs of area and candidate",
        "truth": "estimates beside what the simulation knows",
        "page": "figures, page, lock",
    }
    for name in found.seconds:
        yield name, what.get(name, _count(len(found.parts), "recording") if name == "open" else _count(n_areas, "area"))


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _time(found: Plan) -> str:
    from neurodata4ml.studies.progress import spoken_time

    low, high = found.interval
    likely = f"about {spoken_time(found.total)} (between {spoken_time(low)} and {spoken_time(high)} is likely)"
    return f"{likely}, one recording at a time, without what is fetched"


def _columns(rows: list[tuple[str, ...]]) -> Iterator[str]:
    full = [(*row, *[""] * (max(map(len, rows)) - len(row))) for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    for row in full:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
