"""The command that downloads: fetch."""

from __future__ import annotations

from typing import Any

import click

from neurodata4ml.cli.shared import json_option, print_json, spoken


@click.command(short_help="Download a session, verified.")
@click.argument("name")
@click.option("--session", metavar="ID", help="Another session than the default one.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and fetch nothing.")
@json_option
@spoken
def fetch(name: str, session: str | None, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Download the file of a session, verified, and print where it lies.

    Where it is in the cache already, nothing is downloaded. An interrupted download continues where it stopped.

    \b
    Example:
      neurodata4ml fetch guo-alm --dry-run
      neurodata4ml fetch guo-alm
    """
    from neurodata4ml.data.cache import store
    from neurodata4ml.data.entries import card, catalog

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
        print_json(facts)
    elif dry_run:
        facts["bytes"] = card.size_and_time(its.size, entry.archive)
        click.echo("\n".join(f"{key:<10}{value}" for key, value in facts.items() if value != ""))
    else:
        click.echo(path)
        if not quiet:
            click.echo(f"Licence: {entry.license}. Cite: {entry.citation} {entry.doi}".rstrip(), err=True)
