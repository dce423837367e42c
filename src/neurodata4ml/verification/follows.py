"""Do the page and the netCDF file hold what results.json holds: neither is taken at the word of a lock."""

from __future__ import annotations

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
from neurodata4ml.verification.checks import Check, tampered
from neurodata4ml.verification.reasons import Reason
from neurodata4ml.verification.tampering import split

PAGE, ARRAYS = "index.html", "results.nc"

DRAWING = (
    *("matplotlib", "numpy", "pillow", "contourpy", "fonttools", "kiwisolver"),
    *("scipy", "pandas", "xarray", "BLAS", "processor", "platform", "Python"),
)
"""What a drawing depends on besides the numbers: another version of it may draw otherwise."""

_DRAWN = re.compile(rb"<svg\b([^>]*)>(.*?)</svg>", re.DOTALL)
_SAID = re.compile(rb'aria-label="[^"]*"')
_FOREIGN = re.compile(rb"<(?:foreignObject|script|iframe|object|embed|a)\b", re.IGNORECASE)
"""What no drawing of ours has, and would bring something else onto the page."""


def page_can_be_compared(reasons: Sequence[Reason]) -> bool:
    """Return whether this version of the package writes such pages: another has other words."""
    return all(reason.what not in (PACKAGE, CODE) for reason in reasons)


def drawings_can_be_compared(reasons: Sequence[Reason]) -> bool:
    """Return whether drawings of the same numbers are the same here."""
    return all(reason.what not in DRAWING for reason in reasons)


def from_results(folder: Path, stored: Results, reasons: Sequence[Reason]) -> Iterator[Check]:
    """Compare what follows from the results with what lies beside them.

    Parameters
    ----------
    folder : Path
        The report.
    stored : Results
        Of its ``results.json``.
    reasons : sequence of Reason
        What is otherwise than where the report was made. Where that may draw otherwise, only what is said of each
        drawing is compared; the page of another version of this package is not.
    """
    if page_can_be_compared(reasons) and (folder / PAGE).is_file():
        yield from _page((folder / PAGE).read_bytes(), stored, with_drawings=drawings_can_be_compared(reasons))
    if (folder / ARRAYS).is_file():
        yield from _arrays(folder / ARRAYS, stored)


def _page(there: bytes, stored: Results, *, with_drawings: bool) -> Iterator[Check]:
    try:
        made = render(stored).encode()
    except Exception as error:  # whatever stands in results.json
        note = f"no page can be made of results.json ({type(error).__name__}: {error})"
        yield tampered(PAGE, "", note)
        return
    if (there != made) if with_drawings else (_without_drawings(there) != _without_drawings(made)):
        note = "it is not the page that this version makes of results.json"
        yield tampered(PAGE, "", note)


def _without_drawings(page: bytes) -> bytes:
    """Return a page with what it says of each drawing in its place; one that holds anything foreign stays as it is."""
    return _DRAWN.sub(_in_its_place, page)


def _in_its_place(found: re.Match[bytes]) -> bytes:
    return found[0] if _FOREIGN.search(found[2]) else b"".join([b"<svg ", *_SAID.findall(found[1]), b">"])


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
        yield tampered(ARRAYS, "", f"it cannot be read ({type(error).__name__}: {error})")
        return
    told = content_digests(stored)
    for name in dict.fromkeys([*told, *found]):
        if told.get(name) != found.get(name):
            recording, section = split(name)
            note = f"{section} is not what results.json holds"
            yield tampered(ARRAYS, section, note, recording)
