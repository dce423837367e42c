"""The command that answers a question: report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurodata4ml.cli.shared import json_option, leave, print_json, spoken
from neurodata4ml.errors import DesignError

if TYPE_CHECKING:
    from neurodata4ml.spec import Spec

STOPPED = 130
"""The exit code of what Ctrl-C ended, as shells have it."""


@click.command(short_help="Analyse a dataset, study or files; write one page.")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--session", metavar="ID", help="Another session of the dataset than its default one.")
@click.option("--sessions", multiple=True, metavar="ID", help="Several sessions: repeat it, or say all.")
@click.option(
    "--trials", metavar="TABLE", help="The table of trials: its name in the catalog, or its path in the file."
)
@click.option("--by", metavar="COLUMN", help="The column that says which condition or stimulus a trial was.")
@click.option("--align", metavar="COLUMN", help="The column with the time of the event that is time 0.")
@click.option("--window", nargs=2, type=float, metavar="A B", help="Seconds from the event: from A to B.")
@click.option("--where", metavar="EXPR", help="Keep the trials for which this is true, e.g. \"response == 'correct'\".")
@click.option("--units", metavar="EXPR", help='Units to keep: good, all, or a comparison, e.g. "snr > 2".')
@click.option("--area", "areas", multiple=True, metavar="AREA", help="An area to analyse; repeatable.")
@click.option("--analysis", "analyses", multiple=True, metavar="NAME", help="An analysis to make, e.g. decode.")
@click.option("--bin-width", type=float, metavar="S", help="Width of a time bin in seconds.")
@click.option("--network", "networks", multiple=True, metavar="NAME", help="A network to compare with; repeatable.")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="A layer of the networks; repeatable.")
@click.option("--order", multiple=True, metavar="AREA", help="An area, early ones first; repeat for three or more.")
@click.option("--n-shuffles", type=int, metavar="N", help="Shuffles behind every p of decoding.")
@click.option("--seed", type=int, help="Seed of everything random.")
@click.option("--title", help="What heads the page.")
@click.option("--out", type=click.Path(file_okay=False), metavar="DIR", help="The folder of the page.")
@click.option("--workers", type=click.IntRange(min=1), default=1, help="Recordings at a time, each in a process.")
@click.option("--force", is_flag=True, help="Replace a folder that is no report.")
@json_option
@spoken
def report(targets: tuple[str, ...], as_json: bool, quiet: bool, workers: int, force: bool, **options: Any) -> None:
    """Analyse TARGET and write one page: a dataset's name, a STUDY.toml, or one or more NWB files.

    \b
    Examples:
      neurodata4ml report demo
      neurodata4ml report demo --sessions 0 --sessions 1 --sessions 2 --workers 2
      neurodata4ml report STUDY.toml --seed 1 --out reports/mine
      neurodata4ml report FILE.nwb --trials trials --by type --align cue_start_time --window -1.2 0.6

    What is typed here comes before what a STUDY.toml says; write one with: neurodata4ml study init NAME.

    Of many recordings, each that is done is kept in a hidden folder beside the report: whatever ends the command, typed
    again it goes on from there. The numbers are the same for any --workers.
    """
    from neurodata4ml.spec import read_spec
    from neurodata4ml.studies.options import check_options
    from neurodata4ml.study_file import told
    from neurodata4ml.study_keys import Problem

    try:
        if len(targets) > 1:
            options["files"] = targets
        spec = read_spec(targets[0], **options)
        if spec.origin:  # a mistake of a study file, as ``study check`` ends; names that nothing has are told below
            check_options(spec)
    except DesignError as error:
        raise click.UsageError(str(error)) from error
    try:
        page = _answered(spec, workers=workers, force=force, quiet=quiet)
    except DesignError as error:
        if not (spec.origin and error.key):
            raise
        typed = options.get(error.key.partition(".")[0]) not in (None, ())  # it comes before what the file says
        raise click.UsageError(str(error) if typed else told(spec.origin, [Problem(error.key, str(error))])) from error
    if as_json:
        print_json({name: str(page.with_name(file)) for name, file in _WRITTEN.items()})
        return
    click.echo(page)
    if not quiet:
        click.echo(f"To check every number, here or elsewhere: neurodata4ml verify {page.parent}", err=True)


_WRITTEN = {"page": "index.html", "results": "results.json", "lock": "study.lock"}


def _answered(spec: Spec, *, workers: int, force: bool, quiet: bool) -> Path:
    """Ask, and write the report; what is done of many recordings outlives whatever ends this."""
    from neurodata4ml.report.folder import check_folder, write_report
    from neurodata4ml.studies.progress import shown
    from neurodata4ml.studies.run import run_study
    from neurodata4ml.studies.unfinished import alone, folder_beside, remove

    began, unfinished = time.monotonic(), folder_beside(spec.folder)
    check_folder(spec.folder, force=force)
    try:
        with alone(spec.folder):
            with shown(quiet=quiet) as progress:
                results = run_study(spec, workers=workers, unfinished=unfinished, progress=progress)
            page = write_report(results, spec.folder, force=force, took=time.monotonic() - began)
            remove(unfinished)
    except KeyboardInterrupt:
        is_kept = unfinished.is_dir()
        click.echo(f"\nStopped. {_GO_ON.format(unfinished) if is_kept else 'Nothing was written.'}", err=True)
        if workers > 1:
            leave(STOPPED)
        click.get_current_context().exit(STOPPED)
    return page


_GO_ON = "What is done is kept in {}; the same command goes on from there."
