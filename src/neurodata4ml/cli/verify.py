"""The commands that check a report, and set two beside each other: verify, diff."""

from __future__ import annotations

import click

from neurodata4ml.cli.shared import json_option, print_json, spoken
from neurodata4ml.errors import DesignError


@click.command(short_help="Check a report: bytes, data and numbers.")
@click.argument("folder", type=click.Path())
@click.option("--quick", is_flag=True, help="Run only a random tenth of the sections again.")
@click.option("--seed", type=click.IntRange(min=0), help="Choose that tenth by this seed; by default nobody knows it.")
@click.option("--data", type=click.Path(exists=True), metavar="PATH", help="The NWB file, or the folder of the files.")
@click.option("--workers", type=click.IntRange(min=1), default=1, metavar="N", help="Processes, for many recordings.")
@json_option
@spoken
@click.pass_context
def verify(
    ctx: click.Context,
    folder: str,
    quick: bool,
    seed: int | None,
    data: str | None,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check the report in FOLDER: is it as it was written, and do its numbers come out again?

    Its files and arrays are compared with the digests in its study.lock; its data are found again by digest; its study
    is run again here, and every number is then identical, within the tolerance that is stated for it, or different.
    What is otherwise on this machine (versions, processor, data) is listed.

    \b
    Examples:
      neurodata4ml verify reports/demo
      neurodata4ml verify reports/demo --quick
      neurodata4ml verify reports/mine --data FILE.nwb
    \b
    Exit codes:
      0  identical, or within tolerance
      1  different: a number, a section or the data
      2  a mistake in what was typed
      4  tampered: a file, an array or a setting is not what the lock says
      3, 5  the data cannot be had: no network; not there, or not in the cache while offline
    """
    from neurodata4ml.studies.progress import shown
    from neurodata4ml.verification.verify import verify as verified

    try:
        with shown(quiet=quiet) as progress:
            found = verified(folder, quick=quick, data=data, workers=workers, seed=seed, progress=progress)
    except DesignError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(str(found))
    ctx.exit(found.exit_code)


@click.command("diff", short_help="Set two reports beside each other.")
@click.argument("first", metavar="A", type=click.Path())
@click.argument("second", metavar="B", type=click.Path())
@click.option("--out", type=click.Path(file_okay=False), metavar="DIR", help="The folder of the page.")
@click.option("--force", is_flag=True, help="Write into a folder that is no report.")
@json_option
@spoken
def diff(first: str, second: str, out: str | None, force: bool, as_json: bool, quiet: bool) -> None:
    """Compare the reports in the folders A and B, of another model, dataset or seed, and write one page.

    It sets side by side what was asked, of which data, in which environment, and every number that both have, each with
    its interval. Without --out it goes to reports/diff-A-B.

    \b
    Example:
      neurodata4ml diff reports/demo reports/demo-seed-7
    """
    from neurodata4ml.verification.difference import difference

    page = difference(first, second, out, force=force)
    if as_json:
        print_json({"page": str(page)})
    else:
        click.echo(page)
