"""What all commands share: how loud they are, JSON, and how an error of ours ends them."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import click

from neurodata4ml.errors import NeuroDataError

Command = TypeVar("Command", bound=Callable[..., Any])


class Group(click.Group):
    """A group whose commands end with one sentence and an exit code, where an error of ours is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours becomes one sentence on stderr and its exit code."""
        try:
            return super().invoke(ctx)
        except NeuroDataError as error:
            if logging.getLogger("neurodata4ml").level == logging.DEBUG:
                import traceback

                traceback.print_exc()
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


def spoken(command: Command) -> Command:
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


class _Echo(logging.Handler):
    """Print a line of the log where stderr is now: tests, and notebooks, put another in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


def _set_log(level: int) -> None:
    log = logging.getLogger("neurodata4ml")
    if not log.handlers:
        log.addHandler(_Echo())
        log.propagate = False
    log.setLevel(level)
    os.environ["DANDI_LOG_LEVEL"] = "DEBUG" if level == logging.DEBUG else "CRITICAL"


class Size(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A size in bytes, written as ``500MB``, ``1.5 GB`` or ``2GiB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the size in bytes; what is no size is a mistake of usage."""
        from neurodata4ml.data.entries.sizes import parse_size

        try:
            return parse_size(value)
        except NeuroDataError as error:
            self.fail(str(error), param, ctx)


SIZE = Size()

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


def print_json(value: Any) -> None:
    """Print plain values as JSON, without NaN."""
    click.echo(json.dumps(value, indent=1, allow_nan=False))


def leave(code: int) -> None:
    """End at once: a thread may wait for a silent server, and hold what Python would wait for, or complain at the end.

    What a thread of HDF5 locks, or the loop of workers that are gone, is nothing that a reader of the last line needs.
    """
    if threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    click.get_current_context().exit(code)
