"""Do the page and the netCDF file hold what results.json holds: neither is taken at the word of a lock."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import xarray as xr

from neurodata4ml.record.digests import content_digests
from neurodata4ml.record.environment import CODE, PACKAGE
from neurodata4ml.record.netcdf import load_netcdf
from neurodata4ml.report.page import render
from neurodata4ml.results import Results
from neurodata4ml.verification.checks import TAMPERED, Check
from neurodata4ml.verification.reasons import Reason
from neurodata4ml.verification.tampering import split

PAGE, ARRAYS = "index.html", "results.nc"

_DRAWN = re.compile(rb"<svg\b.*?</svg>|data:[^\"')]*", re.DOTALL)
"""What matplotlib makes of the numbers, which another version of it makes otherwise."""


def page_can_be_compared(reasons: Sequence[Reason]) -> bool:
    """Return whether this version of the package writes such pages: another has other words."""
    return all(reason.what not in (PACKAGE, CODE) for reason in reasons)


def from_results(folder: Path, stored: Results, reasons: Sequence[Reason]) -> Iterator[Check]:
    """Compare what follows from the results with what lies beside them.

    Parameters
    ----------
    folder : Path
        The report.
    stored : Results
        Of its ``results.json``.
    reasons : sequence of Reason
        What is otherwise than where the report was made: there the page is compared without its drawings, and not at
        all with those of another version of this package.
    """
    if page_can_be_compared(reasons) and (folder / PAGE).is_file():
        pages = (folder / PAGE).read_bytes(), render(stored).encode()
        there, made = (_DRAWN.sub(b"", page) for page in pages) if reasons else pages
        if there != made:
            note = "it is not the page that this version makes of results.json"
            yield Check("", PAGE, "", TAMPERED, math.inf, 0.0, note)
    if (folder / ARRAYS).is_file():
        yield from _arrays(folder / ARRAYS, stored)


def _arrays(path: Path, stored: Results) -> Iterator[Check]:
    try:
        arrays = load_netcdf(path)
        held: dict[str, dict[str, xr.Dataset]] = {key: {} for key in ("", *stored.sessions)}
        for name, array in arrays.items():
            recording, section = split(name)
            held[recording][section] = array
        sessions = {key: replace(one, arrays=held[key]) for key, one in stored.sessions.items()}
        found = content_digests(replace(stored, arrays=held[""], sessions=sessions))
    except Exception as error:  # whatever was done to the file
        yield Check("", ARRAYS, "", TAMPERED, math.inf, 0.0, f"it cannot be read ({type(error).__name__}: {error})")
        return
    told = content_digests(stored)
    for name in dict.fromkeys([*told, *found]):
        if told.get(name) != found.get(name):
            recording, section = split(name)
            note = f"{section} is not what results.json holds"
            yield Check(recording, ARRAYS, section, TAMPERED, math.inf, 0.0, note)
