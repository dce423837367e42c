"""Sections become one self-contained page beside the numbers that it shows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from neurodata4ml import __version__
from neurodata4ml.report.facts import is_simulated
from neurodata4ml.report.figures.canvas import css_variables
from neurodata4ml.report.sections.section import Section
from neurodata4ml.report.sections.sections import SECTIONS, SECTIONS_OF_MANY
from neurodata4ml.report.words import plain
from neurodata4ml.results import Results


def render(results: Results) -> str:
    """Return the page as text: of one recording, or of many and what they say together."""
    sections = SECTIONS_OF_MANY if results.sessions else SECTIONS
    return render_page(
        title_of(results),
        {name: make(results) for name, make in sections.items()},
        simulated=is_simulated(results),
        version=results.software.get("neurodata4ml", __version__),
    )


def render_page(
    title: str, sections: Mapping[str, Section], *, simulated: bool, version: str, of_one_report: bool = True
) -> str:
    """Return a page of any sections as text.

    Parameters
    ----------
    title : str
    sections : mapping of str to Section
        By name, which is their anchor, in the order of the page.
    simulated : bool
        Whether the data are.
    version : str
        Of neurodata4ml that made the numbers.
    of_one_report : bool
        Whether ``results.json`` and the lock lie beside the page.
    """
    script = _own_file("page.js")  # the page's policy lets this one run, by its digest, and no other
    page: str = _template().render(
        title=title,
        simulated=simulated,
        sections=sections,
        of_one_report=of_one_report,
        css=Markup(_own_file("page.css")),
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}",
        on_light=Markup(css_variables(dark=False)),
        on_dark=Markup(css_variables(dark=True)),
        version=version,
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
