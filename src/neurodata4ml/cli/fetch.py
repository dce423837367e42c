"""The command that downloads: fetch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurodata4ml.cli.afterwards import afterwards
from neurodata4ml.cli.shared import SIZE, json_option, leave, print_json, spoken

if TYPE_CHECKING:
    from neurodata4ml.data.orders.plans import Item, Order

ASK_ABOVE = 500e6
"""Bytes that we move without asking, where somebody is there to be asked."""


@click.command(short_help="Download sessions, verified.")
@click.argument("name")
@click.option("--session", "sessions", multiple=True, metavar="ID", help="This session; repeatable.")
@click.option("--all", "everything", is_flag=True, help="All sessions.")
@click.option("--what", metavar="PARTS", help="Only these parts of each file, e.g. units,trials,running.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and fetch nothing.")
@click.option("--jobs", type=click.IntRange(1, 32), default=4, show_default=True, help="Files at a time.")
@click.option("--max-size", type=SIZE, metavar="SIZE", help="Fetch nothing where more would have to move, e.g. 2GB.")
@click.option("--yes", is_flag=True, help="Do not ask before a large download.")
@click.option("--no-lock", is_flag=True, help="Leave neurodata4ml.lock as it is.")
@json_option
@spoken
def fetch(name: str, as_json: bool, quiet: bool, dry_run: bool, **options: Any) -> None:
    """Download the files of sessions, verified, and print where they lie; without options that of the default session.

    What is in the cache already is not downloaded, and what broke off continues where it stopped; parts (--what)
    begin anew. Which bytes they are is written into neurodata4ml.lock beside your work; later fetches insist on the
    same.

    \b
    Examples:
      neurodata4ml fetch guo-alm --dry-run
      neurodata4ml fetch guo-alm
      neurodata4ml fetch guo-alm --all --jobs 8
      neurodata4ml fetch allen-vc --session 715093703 --what units,natural_scenes
      neurodata4ml fetch allen-vc --all --max-size 20GB
    """
    from neurodata4ml.data.orders.plans import measured

    try:
        order = _plan(name, options)
        if dry_run:
            order = measured(order, jobs=options["jobs"])
            print_json(_facts(order)) if as_json else _print_plan(order)
        elif as_json:
            print_json(_facts(order, *_execute(order, options, quiet=True)))
        else:
            paths, lock = _execute(order, options, quiet=quiet)
            click.echo("\n".join(map(str, paths.values())))
            if not quiet:
                for line in afterwards(order, paths, lock):
                    _say(line)
    except click.Abort:  # Ctrl-C at a question
        _say("\nInterrupted. Nothing was fetched.")
        leave(130)
    except KeyboardInterrupt:
        of_parts = "Files that are complete are kept; the same line fetches the others from their beginning."
        of_files = "What arrived is kept; the same line continues where it stopped."
        _say(f"Interrupted. {of_parts if options['what'] else of_files}")
        leave(130)


def _plan(name: str, options: dict[str, Any]) -> Order:
    """Return the order that the options describe."""
    from neurodata4ml.data.entries import catalog
    from neurodata4ml.data.orders.plans import plan

    sessions = options["sessions"]
    if sessions and options["everything"]:
        message = "--all and --session exclude each other: name sessions, or take all of them."
        raise click.UsageError(message)
    entry = catalog.describe(name)
    chosen = None if options["everything"] else sessions or entry.default_session
    return plan(entry, chosen, what=options["what"])


def _execute(order: Order, options: dict[str, Any], *, quiet: bool) -> tuple[dict[str, Path], Path | None]:
    """Fetch, after what must be said before; return the files, and the lock that was written."""
    from neurodata4ml.data.orders import locking, orders, plans

    if not quiet:
        _say(f"Licence: {order.entry.license}. Cite: {order.entry.citation} {order.entry.doi}".rstrip())
        _say_what_is_there(order)
    asks = not options["yes"] and sys.stdin.isatty() and sys.stderr.isatty()
    bounds = [bound for bound in (ASK_ABOVE if asks else None, options["max_size"]) if bound is not None]
    if bounds and order.missing > min(bounds):
        order = plans.measured(order, jobs=options["jobs"])
    plans.check_size(order, options["max_size"])
    if asks and not _agreed(order):
        click.get_current_context().exit(1)
    limits: dict[str, Any] = {"jobs": options["jobs"], "max_size": options["max_size"]}
    try:
        paths = orders.execute(order, progress=False if quiet else None, **limits)
    except BaseException:  # also where somebody pressed Ctrl-C, those that arrived are the work's
        if not options["no_lock"]:
            locking.write_into_lock(order.entry, orders.arrived(order))
        raise
    return paths, None if options["no_lock"] else locking.write_into_lock(order.entry, paths)


def _agreed(order: Order) -> bool:
    """Ask before a large download; say what it means, and what is less."""
    from neurodata4ml.data.entries.sizes import readable_bytes, readable_time
    from neurodata4ml.places import offline

    if order.missing <= ASK_ABOVE or not order.is_measured or offline():
        return True
    n_files = sum(not item.cached for item in order.items)
    files = f"{n_files} files, " if n_files > 1 else ""
    _say(f"{files}{readable_bytes(order.missing)} to fetch: {readable_time(order.missing)} at 10 MB/s.")
    if less := "" if order.what else _less(order):
        _say(f"Less is moved by: {less}")
    return click.confirm("Fetch it?", err=True)


def _less(order: Order) -> str:
    """Return the line that fetches only what an analysis needs; empty where files cannot be had in parts."""
    layout, name = order.entry.layout, order.entry.name
    parts = [*(["units"] if layout.units else layout.responses), *filter(None, [layout.default_trials])]
    sessions = [f"--session {item.session}" for item in order.items]
    chosen = " ".join(sessions) if len(sessions) <= 3 else "--all"
    return f"neurodata4ml fetch {name} {chosen} --what {','.join(parts)}" if order.can_be_parts else ""


def _say_what_is_there(order: Order) -> None:
    from neurodata4ml.data.entries.sizes import readable_bytes

    for item in order.items:
        if item.missing and item.here:
            _say(f"{item.session}: {readable_bytes(item.here)} arrived before; it continues there.")
    if order.entry.archive == "simulated" and not all(item.cached for item in order.items):
        _say("It is simulated on this machine, which takes some seconds the first time.")
    there = [item.session for item in order.items if item.cached]
    if there and order.entry.archive != "local":
        named = ", ".join(there) if len(there) <= 5 else f"{len(there)} of {len(order.items)} sessions"
        _say(f"In the cache already: {named}.")


def _print_plan(order: Order) -> None:
    """Print what would be fetched, a line for each session."""
    from neurodata4ml.data.entries.sizes import readable_bytes, readable_time

    entry = order.entry
    rows = [("session", "size", "to fetch", "at 10 MB/s", "path")]
    for item in order.items:
        size = readable_bytes(item.size) if item.size else "-"
        rows.append((item.session, size, *_still(order, item), str(item.path)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if order.items else ():
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(order.items) > 1:
        click.echo(
            f"{len(order.items)} sessions, {readable_bytes(order.missing) if order.missing else 'nothing'} to fetch"
            + (f", {readable_time(order.missing)} at 10 MB/s" if order.missing else "")
        )
    if order.pictures:
        n_pictures = entry.images_from.count if entry.images_from else 0
        click.echo(f"{'and ' * bool(order.items)}{n_pictures} pictures, one file each")
    if order.what:
        click.echo(f"of each only {', '.join(order.what)}")
    click.echo(f"version {entry.version}, licence {entry.license}")
    click.echo(f"cite    {entry.citation} {entry.doi}".rstrip())


def _still(order: Order, item: Item) -> tuple[str, str]:
    """Return what is to be fetched of a session, and how long that takes."""
    from neurodata4ml.data.entries.sizes import readable_bytes, readable_time

    if item.cached:
        return ("nothing, it is there", "-")
    if order.entry.archive == "simulated":
        return ("made on this machine", "-")
    is_known = item.parts is not None if order.what else item.size
    return (readable_bytes(item.missing), readable_time(item.missing)) if is_known else ("not known", "-")


def _facts(order: Order, paths: dict[str, Path] | None = None, lock: Path | None = None) -> dict[str, Any]:
    """Return all that was done, or would be, for a program to read."""
    from neurodata4ml.data.cache import store

    entry, sessions = order.entry, []
    for item in order.items:
        path = (paths or {}).get(item.session, item.path)
        its, pin = store.receipt(path), entry.asset(item.session)
        facts: dict[str, Any] = {"session": item.session, "asset": pin.path, "path": str(path)}
        facts |= {"bytes": its.get("size", item.size), "sha256": its.get("sha256", pin.sha256)}
        facts |= {"cached": item.cached, "missing": 0 if paths else item.missing}
        sessions.append(facts | {key: its[key] for key in ("what", "moved", "whole") if key in its})
    told: dict[str, Any] = {"dataset": entry.name, "version": entry.version, "license": entry.license}
    told |= {
        "citation": entry.citation,
        "doi": entry.doi,
        "what": [*order.what, *["images"] * order.pictures],
        "missing": 0 if paths else order.missing,
    }
    told |= {"images": str((paths or {}).get("images", ""))}
    return {**told, "lock": str(lock or ""), "sessions": sessions}


def _say(line: str) -> None:
    click.echo(line, err=True)
