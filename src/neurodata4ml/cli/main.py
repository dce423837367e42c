"""The command line: list, describe, cite, check, fetch, cache, study, report, verify, diff.

Exit codes: 0 ok, 1 failure or different, 2 usage, 3 network, 4 integrity, 5 not cached while offline, 6 disk full or
read-only, 130 interrupted. Everything but click is imported inside the commands, so that ``neurodata4ml list`` answers
at once.
"""

from __future__ import annotations

import click

from neurodata4ml.cli.cache import cache
from neurodata4ml.cli.catalog import check, cite, describe, list_
from neurodata4ml.cli.fetch import fetch
from neurodata4ml.cli.report import report
from neurodata4ml.cli.shared import Group
from neurodata4ml.cli.study import study
from neurodata4ml.cli.verify import diff, verify

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group("neurodata4ml", cls=Group, context_settings=SETTINGS, no_args_is_help=True)
@click.version_option(package_name="neurodata4ml", prog_name="neurodata4ml")
def main() -> None:
    """From the name of an open neural dataset to a citable comparison of brain and network.

    \b
    Two lines to begin with:
      neurodata4ml list
      neurodata4ml report demo
    """


for command in (list_, describe, cite, check, fetch, cache, study, report, verify, diff):
    main.add_command(command)
