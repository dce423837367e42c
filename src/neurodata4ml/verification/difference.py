"""Two reports compared: a page that sets what was asked, and every number that both have, side by side."""

from __future__ import annotations

import re
from pathlib import Path

from neurodata4ml.errors import ChecksumError, NeuroDataError
from neurodata4ml.places import write_whole
from neurodata4ml.record import study_lock
from neurodata4ml.report.difference_page import Side, render_difference
from neurodata4ml.verification.checks import TAMPERED
from neurodata4ml.verification.tampering import RESULTS, against_lock, read_stored

PAGE = "index.html"


def difference(a: str | Path, b: str | Path, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Compare two reports, of another model, dataset or seed, and write a page.

    Parameters
    ----------
    a, b : path
        Folders of reports. Differences are B minus A.
    out : path, optional
        Folder of the page; ``reports/diff-A-B`` when left out.
    force : bool
        Write the page into a folder that holds other things too.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    NeuroDataError
        A folder that holds no report, or one that may not be written to.
    """
    names = _names(Path(a), Path(b))
    sides = _side(Path(a), names[0]), _side(Path(b), names[1])
    folder = Path(out) if out else Path("reports") / f"diff-{_portable(names[0])}-{_portable(names[1])}"
    _check(folder, force=force)
    page = render_difference(*sides)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_whole(folder / PAGE, page)
    except OSError as error:
        message = f"no page can be written to {folder}: {error.strerror}. Choose another folder: --out DIR."
        raise NeuroDataError(message) from error


def _names(a: Path, b: Path) -> tuple[str, str]:
    """Return what the reports are called: their folders' names, with as many of those above as tell them apart."""
    parts = [path.resolve().parts for path in (a, b)]
    n = next((n for n in range(1, max(map(len, parts))) if parts[0][-n:] != parts[1][-n:]), 1)
    return "/".join(parts[0][-n:]), "/".join(parts[1][-n:])


def _portable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:60] or "report"


def _side(folder: Path, name: str) -> Side:
    if not (folder / RESULTS).is_file():
        message = (
            f"{folder} holds no report: it has no {RESULTS}. Type two folders: neurodata4ml diff reports/A reports/B"
        )
        raise NeuroDataError(message)
    results, unreadable = read_stored(folder)
    if results is None:
        message = (
            f"{folder / RESULTS} cannot be read ({unreadable}). Write the report again, or ask what was done to it: "
        )
        raise NeuroDataError(message + f"neurodata4ml verify {folder}")
    if not (folder / study_lock.NAME).is_file():
        return Side(name, results, results.software, (f"no {study_lock.NAME}, so nobody can tell whether it is whole",))
    try:
        lock = study_lock.read(folder)
    except ChecksumError as error:
        return Side(name, results, results.software, (str(error),))
    changed = [check for check in against_lock(folder, lock, results) if check.verdict == TAMPERED]
    return Side(name, results, lock.environment, tuple(f"{check.place}: {check.note}" for check in changed))


def _check(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything but a page of ours, unless that is meant; nothing in it is deleted."""
    if force or not folder.exists():
        return
    others = [path.name for path in sorted(folder.iterdir()) if path.name != PAGE] if folder.is_dir() else [folder.name]
    page = folder / PAGE
    is_ours = not page.is_file() or 'content="neurodata4ml ' in page.read_text(encoding="utf-8", errors="replace")
    if others or not is_ours:
        what = others[0] if others else f"an {PAGE} that is not ours"
        message = (
            f"{folder} holds {what}, and nothing is written there. Choose another folder: --out DIR, or add --force."
        )
        raise NeuroDataError(message)
