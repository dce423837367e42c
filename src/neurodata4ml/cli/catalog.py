"""The commands that look things up in the catalog: list, describe, cite, check."""

from __future__ import annotations

import sys
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

import click

from neurodata4ml.cli.shared import SIZE, json_option, print_json, spoken

WIDTH, NARROW, ROOMY = 100, 80, 140
"""Columns of a table that is not printed on a terminal; below how many it leaves out what would fall into pieces; and
from how many on no cell needs a second line."""


@click.command("list", short_help="List the datasets: sizes, species, uses.")
@click.option("--suited-to", metavar="USE", help="Only datasets suited to USE, e.g. decoding or rsa.")
@click.option("--max-size", type=SIZE, metavar="SIZE", help="Only where a session is at most so large, e.g. 500MB.")
@click.option("--species", metavar="SPECIES", help="Only this species, e.g. mouse.")
@click.option("--modality", metavar="WORDS", help="Only where these words are in the modality, e.g. two-photon.")
@click.option("--area", "areas", metavar="AREA", help="Only with recordings from AREA, e.g. VISp.")
@json_option
@spoken
def list_(as_json: bool, quiet: bool, **options: Any) -> None:
    """List the datasets of the catalog: the size of one session and of all, species, modality, uses.

    \b
    Examples:
      neurodata4ml list
      neurodata4ml list --species mouse --suited-to rsa --max-size 500MB
    """
    from neurodata4ml.data.entries.catalog import rows

    where = {key: value for key, value in options.items() if value is not None}
    listed = rows(**where)
    if as_json:
        print_json(listed)
        return
    if listed:
        _print_table(listed)
    elif not quiet:
        click.echo(_nothing_fits(where), err=True)


@click.command(short_help="Show licence, citation, sessions, known faults.")
@click.argument("name")
@json_option
@spoken
def describe(name: str, as_json: bool, quiet: bool) -> None:
    """Show what a dataset is: licence, citation, sessions, sizes, trial tables, known faults.

    \b
    Example:
      neurodata4ml describe allen-vc
    """
    from neurodata4ml.data.entries import catalog

    entry = catalog.describe(name)
    if as_json:
        print_json({**asdict(entry), "file": str(entry.file), "size": entry.size})
    else:
        click.echo(str(entry))


@click.command(short_help="Print BibTeX of data and papers.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
@spoken
def cite(names: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Print BibTeX for datasets: the data themselves, and the papers about them.

    \b
    Example:
      neurodata4ml cite allen-vc steinmetz2019 >> references.bib
    """
    from neurodata4ml.data.entries import bibtex

    if as_json:
        print_json({name: bibtex.cite(name) for name in names})
    else:
        click.echo(bibtex.cite(*names))


@click.command(short_help="Check entries, yours too: all faults at once.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@json_option
@spoken
def check(paths: tuple[Path, ...], as_json: bool, quiet: bool) -> None:
    """Check the entries in PATH, a TOML file or a folder; without it, all that are shipped and your own.

    Every fault is listed with its line. Exit code 1 where there is one.

    \b
    Example:
      neurodata4ml check my-catalog/my-recording.toml
    """
    from neurodata4ml.data.entries.check import check as faults_in

    checked = faults_in(paths)
    faults = [fault for its in checked.values() for fault in its]
    if as_json:
        listed = [{"file": str(f.file), "line": f.line, "key": f.key, "problem": f.text} for f in faults]
        print_json({"checked": len(checked), "faults": listed})
    else:
        for fault in faults:
            click.echo(fault)
        broken = sum(map(bool, checked.values()))
        if faults:
            n_faults = f"{len(faults)} fault{'s' * (len(faults) != 1)}"
            click.echo(f"{n_faults} in {broken} of {len(checked)} files.", err=True)
        elif not quiet:
            click.echo(f"{len(checked)} entries checked, no fault found.")
    if faults:
        raise SystemExit(1)


def _print_table(listed: list[dict[str, Any]]) -> None:
    """Print a table as wide as the terminal; where there is none, 100 columns and no colours."""
    from rich.console import Console
    from rich.table import Table

    from neurodata4ml.data.entries.sizes import readable_bytes

    written = StringIO()
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH, file=written, color_system=None)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("name", "session", "dataset", "sessions"):
        table.add_column(head, no_wrap=True, justify="left" if head == "name" else "right")
    widest = {"species": 11, "modality": 17, "suited to": None}
    described = list(widest)[: 1 if console.width < NARROW else None]
    for head in described:
        table.add_column(head, max_width=widest[head] if console.width < ROOMY else None, overflow="fold")
    for row in listed:
        sizes = [readable_bytes(row[key]) if row[key] else "-" for key in ("size", "total_size")]
        if row["size"] and not row["size_is_exact"]:
            sizes[0] = f"~{sizes[0]}"
        words = (row["species"], row["modality"], ", ".join(row["suited_to"]))[: len(described)]
        sessions = f"{row['sessions']}{'+' * (not row['sessions_are_all'])}"
        table.add_row(row["name"], *sizes, sessions, *words)
    console.print(table)
    if not sys.stdout.isatty():
        click.echo("\n".join(line.rstrip() for line in written.getvalue().splitlines()))


def _nothing_fits(where: dict[str, Any]) -> str:
    """Say what there is of each thing that was asked for."""
    from neurodata4ml.data.entries.catalog import rows
    from neurodata4ml.data.entries.sizes import readable_bytes

    everything, hints = rows(), []
    names = {"suited_to": "uses", "species": "species", "modality": "modalities", "areas": "areas"}
    for key, name in names.items():
        if key in where:
            held = {text for row in everything for text in (row[key] if isinstance(row[key], list) else [row[key]])}
            hints.append(f" Known {name}: {', '.join(sorted(held, key=str.casefold))}.")
    if "max_size" in where:
        least = min(row["size"] for row in everything if row["size"])
        hints.append(f" The smallest session has {readable_bytes(least)}.")
    return "No dataset fits." + "".join(hints)
