"""A report as a folder: the page, the numbers and their lock, all of one study or none."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from neurodata4ml.errors import DiskError, NeuroDataError
from neurodata4ml.places import write_whole
from neurodata4ml.record import study_lock
from neurodata4ml.record.environment import environment
from neurodata4ml.record.netcdf import save_netcdf
from neurodata4ml.report.page import render
from neurodata4ml.report.swap import ARRAYS, FILES, PAGE, RESULTS, clear, draft_of, put_in_place, put_right
from neurodata4ml.results import Results

_CURE = "Choose another folder: --out DIR."


def write_report(results: Results, folder: str | Path, *, force: bool = False, took: float | None = None) -> Path:
    """Write the page, the numbers and the lock of a study into ``folder``, all of them or none.

    The page holds everything that it shows, and is made from the numbers as they are stored: ``results.json`` (for
    programs), ``results.nc`` (labelled arrays for xarray, R, MATLAB, Julia) and ``study.lock`` (the bytes and versions
    that they were made with) lie beside it. The same results give the same bytes; time stamps stand in the lock alone.

    Parameters
    ----------
    results : Results
        What a study hands on; nothing is computed after it.
    folder : path
        Made where absent. An earlier report is replaced as a whole; other files in its folder stay.
    force : bool
        Write into a folder that holds something else; only files with the names of ours are replaced.
    took : float, optional
        Seconds that the study took, for the lock.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    NeuroDataError
        ``folder`` cannot be written to, or holds something that is no report.
    DiskError
        The disk is full; an earlier report is as it was.
    """
    folder = Path(folder)
    check_folder(folder, force=force)
    with _told(folder):
        place = folder.resolve()  # of a link, where it leads: the link stays
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_of(place, replaces=not place.is_dir() or is_report(place))
        clear(draft)
        try:
            draft.mkdir()
            _fill(draft, results, took)
            put_in_place(draft, place)
        finally:
            clear(draft)
    return folder / PAGE


def check_folder(folder: str | Path, *, force: bool = False) -> None:
    """See that a report can be written to ``folder``: to be asked before a long computation.

    Nothing new is made. What a killed process left is put right: an earlier report that it had put aside is moved
    back, and its drafts are removed.

    Raises
    ------
    NeuroDataError
        If it cannot be made or written to, or, without ``force``, holds something that is no report of ours.
    """
    folder = Path(folder)
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists() or place.is_symlink())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        message = f"no report can be written to {folder}: {nearest} is not a folder that may be written to. {_CURE}"
        raise NeuroDataError(message)
    with _told(folder):
        put_right(folder.resolve())
    for name in FILES:
        if (folder / name).is_dir():
            message = f"{folder / name} is a folder, where the report has a file. {_CURE}"
            raise NeuroDataError(message)
    if not force and folder.is_dir() and not is_report(folder):
        _refuse(folder)


def is_report(folder: Path) -> bool:
    """Return whether a folder holds a report of ours: its lock, or numbers that say so in their first line."""
    marks = {study_lock.NAME: b'schema = "neurodata4ml/lock/', RESULTS: b'"schema": "neurodata4ml/results/'}
    for name, mark in marks.items():
        with contextlib.suppress(OSError), (folder / name).open("rb") as file:
            if mark in file.read(200):
                return True
    return False


def _refuse(folder: Path) -> None:
    held = sorted(path.name for path in folder.iterdir())
    if held:
        shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
        ours = sorted(set(held) & {*FILES})
        stays = f"what is there stays, but for {', '.join(ours)}" if ours else "what is there stays"
        message = (
            f"{folder} is no report of neurodata4ml: it holds {shown}. Choose another folder: --out DIR; or write the "
            f"report into it, where {stays}: --force"
        )
        raise NeuroDataError(message)


def _fill(draft: Path, results: Results, took: float | None) -> None:
    results.save(draft / RESULTS)
    stored = Results.load(draft / RESULTS)  # the page shows the numbers that another reader of the file has
    save_netcdf(stored, draft / ARRAYS)
    write_whole(draft / PAGE, render(stored))
    made = datetime.now(UTC).isoformat(timespec="seconds")
    study_lock.write(results, draft, environment(), made, took or 0.0)


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Say what the system refuses in our words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"the disk is full: no report was written to {folder}. Free some space, or use --out DIR."
            raise DiskError(message) from error
        message = f"no report can be written to {folder}: {error.strerror or error}. {_CURE}"
        raise NeuroDataError(message) from error
