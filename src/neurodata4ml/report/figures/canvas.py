"""The house look: a matplotlib figure as inline SVG that reads on light and on dark paper."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import matplotlib.style
import numpy as np
from markupsafe import Markup, escape
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from neurodata4ml.report.words import plain

MANY_MARKS = 2000
"""Beyond this number of marks an artist is drawn as pixels inside the SVG, so that pages stay small."""

MANY_POINTS = 40_000
"""The same for the corner points of all lines of a figure: beyond, pixels are smaller than paths."""

INK, MUTED, RULE, PAPER = "#111213", "#5b6470", "#c9cfd6", "#fefdfc"

AREA_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b5538c", "#a87400", "#3a8fc7")
"""Okabe and Ito's colours, the pale ones deepened to 3:1 on white; each also reaches 3:1 on dark paper."""

CONDITION_COLOURS = tuple(to_hex(colormaps["viridis"](i / 11 * 0.58)) for i in range(12))
"""Twelve steps of viridis, as far as they stand out 3:1 from white paper."""

_ON_DARK = ("#4db0ea", "#ff8f45", "#2fc49b", "#e58fc0", "#e6b23c", "#8cc9f0")

COLOURS = {
    "ink": (INK, "#e7eaee"),
    "muted": (MUTED, "#a3adb8"),
    "rule": (RULE, "#3d4651"),
    "paper": (PAPER, "#14181d"),
    **{f"area-{i}": pair for i, pair in enumerate(zip(AREA_COLOURS, _ON_DARK, strict=True))},
    **{
        f"condition-{i}": (light, to_hex(colormaps["viridis"](0.34 + i / 11 * 0.66)))
        for i, light in enumerate(CONDITION_COLOURS)
    },
}
"""Name -> (on light paper, on dark paper); the page declares them as CSS variables, figures refer to them."""

_NAME_OF = {light: name for name, (light, _) in COLOURS.items()}

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "figure.facecolor": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same layout on every machine
    "font.size": 8.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "butt",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # a unit may be named $x
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "xtick.major.size": 3,
    "xtick.major.width": 0.7,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
    "ytick.major.size": 3,
    "ytick.major.width": 0.7,
}


@dataclass(frozen=True)
class Picture:
    """One figure as inline SVG, with the sentence that says what it shows.

    What ``reflows`` is made of several parts, which find room on a page of any width.
    """

    svg: Markup
    alt: str
    reflows: bool = False


P = ParamSpec("P")

Colours = Mapping[str, str] | None
"""Area -> colour; left out, areas take the colours of the palette in their order."""


def picture(draw: Callable[P, tuple[Figure, str]]) -> Callable[P, Picture]:
    """Let a function that draws a figure and says what it shows return a :class:`Picture` in the house look.

    Settings of the reader's own matplotlib neither enter nor change.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Picture:
        name = draw.__name__.replace("_", "-")
        settings: Any = {**STYLE, "svg.hashsalt": name}
        with mpl.style.context("default"), mpl.rc_context(settings), warnings.catch_warnings():
            # text stays text, so a glyph that matplotlib's font lacks is drawn by the browser's
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure, alt = draw(*args, **kwargs)
            return Picture(_inline_svg(figure, name, plain(alt)), plain(alt))

    return drawn


def palette(areas: Iterable[str]) -> dict[str, str]:
    """Return one colour per area, the same through a whole page."""
    return {str(area): AREA_COLOURS[i % len(AREA_COLOURS)] for i, area in enumerate(areas)}


def condition_colour(i: int, n: int) -> str:
    """Return the colour of condition ``i`` of ``n``: early ones dark, late ones bright."""
    return CONDITION_COLOURS[round(i / max(n - 1, 1) * (len(CONDITION_COLOURS) - 1))]


def css_variables(*, dark: bool) -> str:
    """Return the declarations of all colours, for one kind of paper."""
    return "".join(f"--{name}:{pair[dark]};" for name, pair in COLOURS.items())


def rasterise_if_many(artists: Iterable[Artist], n: int, *, limit: int = MANY_MARKS) -> None:
    """Draw ``artists`` as pixels when they make more than ``limit`` marks together."""
    for artist in artists:
        artist.set_rasterized(n > limit)


def _inline_svg(figure: Figure, name: str, alt: str) -> Markup:
    """Return the figure as an ``<svg>`` element without header, metadata, addresses, or ids that could clash."""
    _settle(figure)
    text = io.StringIO()
    figure.savefig(text, format="svg", dpi=150, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    body = text.getvalue()
    body = body[body.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"data:image/png;base64,([^\"]+)", _small_png, body)
    body = re.sub(r"<[^>]+>", lambda tag: _themed(tag.group(), name), body)
    body = re.sub(r"\n\s*", "\n", body).strip()
    width, height = (float(v) * 96 / 72 for v in figure.get_size_inches() * 72)
    root = (
        f'<svg class="{name}" role="img" aria-label="{escape(alt)}" viewBox="0 0 {width * 0.75:g} {height * 0.75:g}" '
        f'style="--w:{width:g}px;width:{width:g}px;stroke-linejoin:round;stroke-linecap:butt">'
    )
    return Markup(root + body[body.index(">") + 1 :])


def _settle(figure: Figure) -> None:
    """Lay the figure out and round where its axes stand: the solver's last digits differ from run to run."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    figure.set_dpi(72)  # that of the SVG, so that texts have their final sizes
    engine.execute(figure)
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.set_position(Bbox(np.round(ax.get_position(original=True).get_points(), 5)))


def _small_png(found: re.Match[str]) -> str:
    """Store a picture of at most 256 colours with a palette: the same pixels in a quarter of the bytes."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.group(1)))).convert("RGBA"))
    colours, which = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return re.sub(r"\s", "", found.group())
    indexed = Image.frombytes("P", (pixels.shape[1], pixels.shape[0]), which.astype(np.uint8).tobytes())
    indexed.putpalette(colours.astype(np.uint8).tobytes(), rawmode="RGBA")
    packed = io.BytesIO()
    indexed.save(packed, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"


def _themed(tag: str, name: str) -> str:
    """Rewrite one tag: colours become the page's variables, ids and references carry the figure's name."""
    tag = re.sub(r"#[0-9a-f]{6}\b", _variable, tag)
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = tag.replace("xlink:href=", "href=")
    if tag.startswith("<g "):
        tag = re.sub(r' id="row-(\d+)"', r' data-row="\1"', tag)
        tag = re.sub(r' id="[^"]*"', "", tag)
    tag = re.sub(r' id="([^"]*)"', rf' id="{name}-\1"', tag)
    return re.sub(r'(url\(|href=")#', rf"\1#{name}-", tag)


def _variable(colour: re.Match[str]) -> str:
    name = _NAME_OF.get(colour.group())
    return f"var(--{name},{colour.group()})" if name else colour.group()
