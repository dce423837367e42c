"""The command line: list, describe, fetch, report.

Exit codes: 0 ok, 1 failure, 2 usage, 3 network, 4 integrity, 5 not cached while offline. Everything but click is
imported inside the commands, so that ``neurodata4ml list`` answers at once.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click

from neurodata4ml.errors import DesignError, NeuroDataError

Command = TypeVar("Command", bound=Callable[..., Any])
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Group(click.Group):
    """A group whose commands end with one sentence and an exit code, where an error of ours is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NeuroDataError as error:
            if logging.getLogger("neurodata4ml").level <= logging.DEBUG:
                import traceback

                traceback.print_exc()
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group("neurodata4ml", cls=_Group, context_settings=SETTINGS, no_args_is_help=True)
@click.version_option(package_name="neurodata4ml", prog_name="neurodata4ml")
def main() -> None:
    """From the name of an open neural dataset to a citable comparison of brain and network.

    \b
    Two lines to begin with:
      neurodata4ml list
      neurodata4ml report demo
    """


def _spoken(command: Command) -> Command:
    """Give a command the options -q and -v, and set up the log accordingly."""

    def hush(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
        _set_log(logging.ERROR if value else logging.WARNING)
        return value

    def speak(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            _set_log(logging.DEBUG)

    verbose = click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=speak, help="Say more.")
    quiet = click.option("-q", "--quiet", is_flag=True, callback=hush, is_eager=True, help="Say only errors.")
    return quiet(verbose(command))


def _set_log(level: int) -> None:
    log = logging.getLogger("neurodata4ml")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
        log.propagate = False
    log.setLevel(level)
    os.environ["DANDI_LOG_LEVEL"] = "DEBUG" if level == logging.DEBUG else "CRITICAL"


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


@main.command("list")
@click.option("--suited-to", metavar="USE", help="Only datasets suited to USE, e.g. decoding or rsa.")
@click.option("--species", metavar="SPECIES", help="Only this species, e.g. mouse.")
@_as_json
@_spoken
def list_(suited_to: str | None, species: str | None, as_json: bool, quiet: bool) -> None:
    """List the datasets of the catalog.

    \b
    Example:
      neurodata4ml list --species mouse --suited-to rsa
    """
    from neurodata4ml.data.catalog import rows

    where = {key: value for key, value in (("suited_to", suited_to), ("species", species)) if value}
    listed = rows(**where)
    if as_json:
        _print_json(listed)
        return
    _print_table(listed)
    if not listed and not quiet:
        known = ", ".join(sorted({use for row in rows() for use in row["suited_to"]}))
        click.echo(f"No dataset fits. Known uses: {known}.", err=True)


@main.command(short_help="Show licence, citation, sessions, known faults.")
@click.argument("name")
@_as_json
@_spoken
def describe(name: str, as_json: bool, quiet: bool) -> None:
    """Show what a dataset is: licence, citation, sessions, sizes, trial tables, known faults.

    \b
    Example:
      neurodata4ml describe allen-vc
    """
    from neurodata4ml.data import catalog

    entry = catalog.describe(name)
    if as_json:
        _print_json({**asdict(entry), "file": str(entry.file), "size": entry.size})
    else:
        click.echo(str(entry))


@main.command(short_help="Download a session, verified.")
@click.argument("name")
@click.option("--session", metavar="ID", help="Another session than the default one.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and fetch nothing.")
@_as_json
@_spoken
def fetch(name: str, session: str | None, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Download the file of a session, verified, and print where it lies.

    Where it is in the cache already, nothing is downloaded. An interrupted download continues where it stopped.

    \b
    Example:
      neurodata4ml fetch guo-alm --dry-run
      neurodata4ml fetch guo-alm
    """
    from neurodata4ml.data import card, catalog, store

    entry = catalog.describe(name)
    session, its = entry.session_id(session), entry.asset(session)
    path = store.place(entry, session)
    facts: dict[str, Any] = {"dataset": name, "session": session, "version": entry.version, "asset": its.path}
    if dry_run:
        facts |= {"path": str(path), "bytes": its.size, "sha256": its.sha256}
        facts |= {"cached": store.cached(entry, session) is not None}
    else:
        path = store.fetch(name, session, progress=False if quiet or as_json else None)
        facts |= {
            "path": str(path),
            "bytes": path.stat().st_size,
            "sha256": store.receipt(path).get("sha256", its.sha256),
        }
    facts |= {"license": entry.license, "citation": entry.citation, "doi": entry.doi}
    if as_json:
        _print_json(facts)
    elif dry_run:
        facts["bytes"] = card.size_and_time(its.size, entry.archive)
        click.echo("\n".join(f"{key:<10}{value}" for key, value in facts.items() if value != ""))
    else:
        click.echo(path)
        if not quiet:
            click.echo(f"Licence: {entry.license}. Cite: {entry.citation} {entry.doi}".rstrip(), err=True)


@main.command(short_help="Analyse a dataset, study or file; write one page.")
@click.argument("target")
@click.option(
    "--trials", metavar="TABLE", help="The table of trials: its name in the catalog, or its path in the file."
)
@click.option("--by", metavar="COLUMN", help="The column that says which condition or stimulus a trial was.")
@click.option("--align", metavar="COLUMN", help="The column with the time of the event that is time 0.")
@click.option("--window", nargs=2, type=float, metavar="A B", help="Seconds from the event: from A to B.")
@click.option("--where", metavar="EXPR", help="Keep the trials for which this is true, e.g. \"response == 'correct'\".")
@click.option("--bin-width", type=float, metavar="S", help="Width of a time bin in seconds.")
@click.option("--session", metavar="ID", help="Another session than the default one.")
@click.option("--out", type=click.Path(file_okay=False), metavar="DIR", help="The folder of the page.")
@click.option("--network", "networks", multiple=True, metavar="NAME", help="A network to compare with; repeatable.")
@click.option("--seed", type=int, help="Seed of everything random.")
@_as_json
@_spoken
def report(target: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Analyse TARGET and write one page: a dataset's name, a STUDY.toml, or a FILE.nwb.

    \b
    Examples:
      neurodata4ml report demo
      neurodata4ml report STUDY.toml --out reports/mine
      neurodata4ml report FILE.nwb --trials trials --by type --align cue_start_time --window -1.2 0.6
    """
    from neurodata4ml.spec import read_spec

    try:
        spec = read_spec(target, **options)
    except DesignError as error:
        raise click.UsageError(str(error)) from error
    from neurodata4ml.report.page import check_folder, write_report
    from neurodata4ml.study import run_study

    check_folder(spec.folder)
    results = run_study(spec, progress=(lambda line: None) if quiet else lambda line: click.echo(line, err=True))
    page = write_report(results, spec.folder)
    if as_json:
        _print_json({"page": str(page), "results": str(page.with_name("results.json"))})
    else:
        click.echo(page)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, allow_nan=False))


def _print_table(listed: list[dict[str, Any]]) -> None:
    """Print one line per dataset; on a terminal as a table of rich, else as plain columns."""
    from neurodata4ml.data.card import readable_bytes

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
