"""Sections become one self-contained page beside the numbers that it shows."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from neurodata4ml import __version__
from neurodata4ml.errors import NeuroDataError
from neurodata4ml.places import write_whole
from neurodata4ml.report.canvas import css_variables
from neurodata4ml.report.facts import is_simulated
from neurodata4ml.report.sections import SECTIONS
from neurodata4ml.report.words import plain
from neurodata4ml.results import Results

_CURE = "Choose another folder: --out DIR."


def write_report(results: Results, folder: str | Path) -> Path:
    """Write ``index.html`` and ``results.json`` into ``folder``, each whole or not at all.

    The page holds everything it shows: figures as SVG, no script, no address that a browser would ask. The same
    results give the same bytes.

    Parameters
    ----------
    results : Results
        What a study hands on; nothing is computed after it.
    folder : path
        Made where absent.

    Returns
    -------
    Path
        Of ``index.html``.
    """
    folder = Path(folder)
    _make_folder(folder)
    page = render(results)
    results.save(folder / "results.json")
    return write_whole(folder / "index.html", page)


def check_folder(folder: str | Path) -> None:
    """See that a report can be written to ``folder``, and make nothing: to be asked before a long computation.

    Raises
    ------
    NeuroDataError
        If it cannot be made, or cannot be written to.
    """
    folder = Path(folder)
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        message = f"no report can be written to {folder}: {nearest} is not a folder that may be written to. {_CURE}"
        raise NeuroDataError(message)
    for name in ("index.html", "results.json"):
        if (folder / name).is_dir():
            message = f"{folder / name} is a folder, where the report has a file. {_CURE}"
            raise NeuroDataError(message)


def _make_folder(folder: Path) -> None:
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"no report can be written to {folder}: {error.strerror}. {_CURE}"
        raise NeuroDataError(message) from error


def render(results: Results) -> str:
    """Return the page as text."""
    page: str = _template().render(
        title=title_of(results),
        simulated=is_simulated(results),
        sections={name: make(results) for name, make in SECTIONS.items()},
        css=Markup(_own_file("page.css")),
        on_light=Markup(css_variables(dark=False)),
        on_dark=Markup(css_variables(dark=True)),
        version=results.software.get("neurodata4ml", __version__),
    )
    return page


def title_of(results: Results) -> str:
    """Return the title of the page; simulated data say so in it."""
    title = plain(
        results.spec.get("title") or results.data.get("title") or results.data.get("dataset") or "Report", 200
    )
    return f"{title} (simulated data)" if is_simulated(results) and "simulated" not in title.lower() else title


def _template() -> Any:
    # finalize: no text reaches the page with an address or a control character in it, whoever wrote it
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else plain(value),
    )
    environment.filters["lines"] = _lines
    return environment.from_string(_own_file("page.html.jinja"))


def _lines(text: str) -> Markup:
    """Return text to copy, line by line, with its indents."""
    lines = [(len(line) - len(line.lstrip(" "))) * " " + plain(line) for line in text.strip("\n").split("\n")]
    return Markup("\n").join(lines)


def _own_file(name: str) -> str:
    return files("neurodata4ml.report").joinpath(name).read_text(encoding="utf-8")
