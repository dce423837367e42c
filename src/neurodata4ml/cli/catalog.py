"""The commands that look things up in the catalog: list, describe."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from neurodata4ml.cli.shared import json_option, print_json, spoken


@click.command("list")
@click.option("--suited-to", metavar="USE", help="Only datasets suited to USE, e.g. decoding or rsa.")
@click.option("--species", metavar="SPECIES", help="Only this species, e.g. mouse.")
@json_option
@spoken
def list_(suited_to: str | None, species: str | None, as_json: bool, quiet: bool) -> None:
    """List the datasets of the catalog.

    \b
    Example:
      neurodata4ml list --species mouse --suited-to rsa
    """
    from neurodata4ml.data.entries.catalog import rows

    where = {key: value for key, value in (("suited_to", suited_to), ("species", species)) if value}
    listed = rows(**where)
    if as_json:
        print_json(listed)
        return
    _print_table(listed)
    if not listed and not quiet:
        known = ", ".join(sorted({use for row in rows() for use in row["suited_to"]}))
        click.echo(f"No dataset fits. Known uses: {known}.", err=True)


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


def _print_table(listed: list[dict[str, Any]]) -> None:
    """Print one line per dataset; on a terminal as a table of rich, else as plain columns."""
    from neurodata4ml.data.entries.card import readable_bytes

    head = ("name", "size", "species", "modality", "suited to")
    lines = [
        (
            row["name"],
            readable_bytes(row["size"]) if row["size"] else "-",
            row["species"],
            row["modality"],
            ", ".join(row["suited_to"]),
        )
        for row in listed
    ]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*head, box=None, header_style="bold")
        for line in lines:
            table.add_row(*line)
        Console().print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    for line in (head, *lines):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
