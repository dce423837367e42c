"""The house look on the reader's own axes: their paper, light or dark, stays, and no setting of matplotlib changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import ScalarFormatter

from neurodata4ml.report.figures.canvas import COLOURS, INK, MUTED, PAPER, STYLE

OWN = ("figure.dpi", "figure.facecolor", "axes.facecolor", "savefig.facecolor")
"""Settings of the reader that are kept: the paper is theirs."""


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the type and lines of the page; the reader's settings stand again when the context is left."""
    settings: Any = {**STYLE, **{name: value for name, value in mpl.rcParams.items() if name in OWN}}
    with mpl.style.context("default"), mpl.rc_context(settings):
        yield


def paper_of(ax: Axes, text_colour: str) -> tuple[str, bool]:
    """Return the colour behind an axes, and whether it is dark.

    Where axes and figure are transparent, the reader's colour of text tells: light text is for dark paper.
    """
    below = np.array(to_rgb("black" if _luminance(to_rgb(text_colour)) > 0.4 else "white"))
    for face in (ax.get_figure(root=True).get_facecolor(), ax.get_facecolor()):  # type: ignore[union-attr]
        red, green, blue, alpha = to_rgba(face)
        below = alpha * np.array([red, green, blue]) + (1 - alpha) * below
    return to_hex((float(below[0]), float(below[1]), float(below[2]))), _luminance(below) < 0.4


def there(ax: Axes) -> dict[Artist, str]:
    """Return what is drawn within an axes, and all its texts as they read: what is not ours to change."""
    texts: dict[Artist, str] = {text: text.get_text() for text in ax.findobj(Text)}
    return texts | dict.fromkeys((*ax.lines, *ax.collections, *ax.patches, *ax.images), "")


def dress(ax: Axes) -> None:
    """Give the frame of an axes the lines and the type of the page, before something is drawn."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for spine in ax.spines.values():
        spine.set(color=MUTED, linewidth=STYLE["axes.linewidth"])
    ax.tick_params(color=MUTED, labelcolor=INK, labelsize=STYLE["xtick.labelsize"], length=3, width=0.7)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(color=INK, fontsize=STYLE["axes.labelsize"], family=STYLE["font.sans-serif"])


def repaint(ax: Axes, before: dict[Artist, str], paper: str, *, dark: bool) -> None:
    """Turn the page's colours into those of the paper, of all but what was there ``before``; names stay names."""
    colours = {light: pair[dark] for pair in COLOURS.values() for light in pair[:1]} | {PAPER: paper}
    ax.tick_params(color=colours[MUTED], labelcolor=colours[INK])
    for artist in ax.findobj():
        if artist not in before or (isinstance(artist, Text) and artist not in ax.texts):
            _repaint(artist, lambda colour: _turned(colour, colours))
    for text in ax.findobj(Text):
        if before.get(text) != text.get_text():
            text.set_parse_math(False)  # a unit may be named $x
            text.set_usetex(False)
    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):  # numbers, which may become powers of ten
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                tick.label1.set_parse_math(True)


def repaint_legend(legend: Legend, paper: str, *, dark: bool) -> None:
    """The same for the legend of a whole figure."""
    colours = {light: pair[dark] for pair in COLOURS.values() for light in pair[:1]} | {PAPER: paper}
    for artist in legend.findobj():
        _repaint(artist, lambda colour: _turned(colour, colours))


def _repaint(artist: Artist, turned: Callable[[Any], Any]) -> None:
    if isinstance(artist, Text):
        artist.set_color(turned(artist.get_color()))
    elif isinstance(artist, Line2D):
        artist.set_color(turned(artist.get_color()))
        artist.set_markerfacecolor(turned(artist.get_markerfacecolor()))
        artist.set_markeredgecolor(turned(artist.get_markeredgecolor()))
    elif isinstance(artist, Patch):
        edge, face = to_rgba(artist.get_edgecolor()), to_rgba(artist.get_facecolor())
        if turned(edge) != edge:  # set again, an edge that was never set would show
            artist.set_edgecolor(turned(edge))
        if turned(face) != face:
            artist.set_facecolor(turned(face))
    elif isinstance(artist, Collection) and artist.get_array() is None:
        faces, edges = np.atleast_2d(artist.get_facecolor()), np.atleast_2d(artist.get_edgecolor())
        artist.set_facecolor([turned(tuple(one)) for one in faces])
        artist.set_edgecolor([turned(tuple(one)) for one in edges])


def _turned(colour: Any, colours: dict[str, str]) -> Any:
    """Return the colour of the page that stands for this one, as transparent as it was; another colour as it is."""
    if isinstance(colour, str) and colour in ("none", "auto"):
        return colour
    rgba = to_rgba(colour)
    found = colours.get(to_hex(rgba))
    return colour if found is None else to_rgba(found, rgba[3])


def _luminance(rgb: object) -> float:
    """Return the relative luminance of WCAG 2, 0 black to 1 white."""
    channels = np.asarray(rgb, dtype=float)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
