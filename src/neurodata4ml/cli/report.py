"""The command that answers a question: report."""

from __future__ import annotations

from typing import Any

import click

from neurodata4ml.cli.shared import json_option, print_json, spoken
from neurodata4ml.errors import DesignError


@click.command(short_help="Analyse a dataset, study or file; write one page.")
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
@click.option("--order", multiple=True, metavar="AREA", help="An area, early ones first; repeat for three or more.")
@click.option("--seed", type=int, help="Seed of everything random.")
@json_option
@spoken
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
        print_json({"page": str(page), "results": str(page.with_name("results.json"))})
    else:
        click.echo(page)
