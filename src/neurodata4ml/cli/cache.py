"""The commands that look after the cache: cache ls, rm, verify, path."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from neurodata4ml.cli.shared import Group, json_option, print_json, spoken

if TYPE_CHECKING:
    from neurodata4ml.data.cache.receipts import Held
    from neurodata4ml.data.cache.shelf import Kept, Left


@click.group(cls=Group, short_help="See, remove and verify what was fetched.")
def cache() -> None:
    """See, remove and verify the files that were fetched. Nothing here uses the network.

    The cache is the folder named by NEURODATA4ML_CACHE. NEURODATA4ML_CACHE_LIMIT, e.g. 50GB, is the size that no fetch
    exceeds. Folders named by NEURODATA4ML_SHARED_CACHE are read by fetch, and never changed.

    \b
    Examples:
      neurodata4ml cache ls
      neurodata4ml cache rm allen-vc --session 715093703
      neurodata4ml cache verify
      neurodata4ml cache path
    """


@cache.command("ls", short_help="List what is in the cache.")
@json_option
@spoken
def ls(as_json: bool, quiet: bool) -> None:
    """List the files of the cache, what was left unfinished or kept from reading, and how much there is of all that.

    \b
    Example:
      neurodata4ml cache ls
    """
    from neurodata4ml.data.cache import receipts, room, shelf
    from neurodata4ml.data.entries.sizes import readable_bytes
    from neurodata4ml.places import cache_folder

    held, left, kept = list(receipts.all_held()), list(shelf.unfinished()), shelf.kept()
    total, most = room.size_of(cache_folder()), room.limit()
    if as_json:
        files, parts = [_facts(each) for each in held], [_left_facts(each) for each in left]
        reading = {each.path.name: {"path": str(each.path), "bytes": each.size} for each in kept}
        facts = {"cache": str(cache_folder()), "bytes": total, "limit": most, "files": files, "unfinished": parts}
        print_json({**facts, "reading": reading})
        return
    rows = [
        (
            of[0].dataset,
            of[0].session or "(archive)",
            readable_bytes(sum(each.size for each in of)),
            _day(of[0].came),
            what,
        )
        for what, of in shelf.grouped(held)
    ]
    rows += [
        (
            each.dataset,
            each.session or "-",
            readable_bytes(each.size),
            _day(each.path.stat().st_mtime),
            "being fetched" if each.is_alive else "unfinished",
        )
        for each in left
        if each.path.suffix != ".json"
    ]
    rows += [("-", "-", readable_bytes(each.size), _day(each.came), each.what) for each in kept]
    if rows:
        _print_columns([("dataset", "session", "size", "came", "what"), *rows])
    of = f" of {readable_bytes(most)} allowed" if most else ""
    click.echo(f"{readable_bytes(total) if total else 'nothing'}{of} in {cache_folder()}")
    if any(not each.is_alive for each in left) and not quiet:
        click.echo(
            "Fetching again continues what is unfinished; or: neurodata4ml cache rm --all --unfinished", err=True
        )


@cache.command("rm", short_help="Remove files from the cache.")
@click.argument("name", required=False, default="")
@click.option("--session", default="", metavar="ID", help="Only this session.")
@click.option("--unfinished", is_flag=True, help="Only what downloads left unfinished.")
@click.option("--excerpts", is_flag=True, help="Only what fetch --what brought.")
@click.option("--blocks", is_flag=True, help="Only what reading kept: parts of remote files, what is where in files.")
@click.option("--all", "everything", is_flag=True, help="Of all datasets, and what reading kept.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@spoken
def rm(name: str, session: str, everything: bool, as_json: bool, quiet: bool, **how: bool) -> None:
    """Remove the files of a dataset, or of one session. What another process writes now is left alone.

    \b
    Examples:
      neurodata4ml cache rm allen-vc --dry-run
      neurodata4ml cache rm allen-vc --session 715093703
      neurodata4ml cache rm allen-vc --excerpts
      neurodata4ml cache rm --all --unfinished --yes
      neurodata4ml cache rm --blocks
    """
    from neurodata4ml.data.cache import shelf
    from neurodata4ml.data.entries.sizes import readable_bytes

    only = {f"{part}_only": how[part] for part in ("unfinished", "excerpts")}
    if bool(name) + everything + how["blocks"] != 1:
        message = "name a dataset, or say --all, or --blocks; see what there is with: neurodata4ml cache ls"
        raise click.UsageError(message)
    held, left = ([], []) if how["blocks"] else shelf.chosen(name, session, **only)
    kept = shelf.kept() if how["blocks"] or (everything and not any(only.values()) and not session) else []
    going: list[Held | Left | Kept] = [*held, *left, *kept]
    size, paths = sum(each.size for each in going), [str(each.path) for each in going]
    counts = [_count(len(held) + len(left), "file")] if held or left or not kept else []
    counts += [_count(len(kept), "folder")] if kept else []
    what = f"{' and '.join(counts)} ({readable_bytes(size) if size else '0 bytes'})"
    if not how["dry_run"]:
        _agree(paths, what, yes=how["yes"])
        shelf.remove(held, left)
        shelf.remove_kept(kept)
    if as_json:
        print_json({"removed": not how["dry_run"], "bytes": size, "paths": paths})
    elif how["dry_run"]:
        click.echo("\n".join(paths) or "nothing to remove")
    elif not quiet:
        click.echo(f"{what} removed.", err=True)


@cache.command("verify", short_help="Read files anew and compare them.")
@click.argument("name", required=False, default="")
@click.option("--session", default="", metavar="ID", help="Only this session.")
@json_option
@spoken
def verify(name: str, session: str, as_json: bool, quiet: bool) -> None:
    """Compute the digests of files anew: are they still what was verified when they came in, and what the lock says?

    Ends with exit code 4 where one is not.

    \b
    Examples:
      neurodata4ml cache verify
      neurodata4ml cache verify allen-vc
    """
    from neurodata4ml.data.cache import shelf
    from neurodata4ml.data.cache.progress import shown
    from neurodata4ml.errors import ChecksumError

    held, _ = shelf.chosen(name, session)
    with shown(False if quiet or as_json else None, "verifying") as tell:
        found = list(shelf.faults(held, tell))
    wrong = {fault.held.path: fault for fault in found}
    if as_json:
        files = [{**_facts(each), "fault": wrong[each.path].why if each.path in wrong else ""} for each in held]
        print_json({"files": files})
    else:
        for each in held:
            click.echo(f"{'WRONG' if each.path in wrong else 'right'}  {each.path}")
    if found:
        lines = [f"{fault.held.path} {fault.why}. {fault.cure}" for fault in found]
        message = "\n".join([f"{len(found)} of {len(held)} files are not what they were:", *lines])
        raise ChecksumError(message)


@cache.command("path", short_help="Print where a file lies.")
@click.argument("name", required=False, default="")
@click.option("--session", metavar="ID", help="Another session than the default one.")
@json_option
@spoken
def path(name: str, session: str | None, as_json: bool, quiet: bool) -> None:
    """Print where the cache is or, with NAME, where a session's file lies in it, or its excerpt.

    Ends with exit code 5 where the file is not there.

    \b
    Examples:
      neurodata4ml cache path
      neurodata4ml cache path allen-vc
    """
    from neurodata4ml.places import cache_folder

    found = _where(name, session) if name else cache_folder()
    if as_json:
        print_json({"path": str(found)})
    else:
        click.echo(found)


def _where(name: str, session: str | None) -> Any:
    """Return the path of a session's file; nobody is asked whether there is such a session."""
    from neurodata4ml.data.cache import store
    from neurodata4ml.data.entries.catalog import describe
    from neurodata4ml.data.excerpts import excerpt
    from neurodata4ml.errors import NotCachedError

    entry = describe(name)
    found = store.cached(entry, session) or excerpt.cached(entry, session)
    if found is None:
        option = f" --session {session}" if session else ""
        message = f"{name}{option} is not in the cache. Type: neurodata4ml fetch {name}{option}"
        raise NotCachedError(message)
    return found


def _agree(paths: list[str], what: str, *, yes: bool) -> None:
    """Ask, where somebody is there to be asked; else only --yes removes anything."""
    if yes or not paths:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = f"{what} would be removed; say --yes, or look first with --dry-run."
        raise click.UsageError(message)
    click.echo("\n".join(paths), err=True)
    click.confirm(f"Remove {'this' if len(paths) == 1 else 'these'} {what}?", abort=True, err=True)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _print_columns(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _facts(held: Held) -> dict[str, Any]:
    return {
        "dataset": held.dataset,
        "session": held.session,
        "version": held.version,
        "path": str(held.path),
        "bytes": held.size,
        "sha256": held.sha256,
        "what": held.what,
        "came": _day(held.came),
        "used": _day(held.used),
    }


def _left_facts(left: Left) -> dict[str, Any]:
    facts = {"dataset": left.dataset, "session": left.session, "path": str(left.path), "bytes": left.size}
    return {**facts, "being_written": left.is_alive}


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
