"""plot(result): the figure that belongs to a result, drawn on matplotlib axes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.report.plots import (
    comparison,
    decoding,
    geometry,
    inference,
    population,
    responses,
    spiketrains,
    units,
)
from neurodata4ml.report.plots.kind import Panels, Plot, step_of
from neurodata4ml.report.words import listing, plain
from neurodata4ml.results import Results
from neurodata4ml.suggest import guess

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS: list[Plot] = [
    *decoding.PLOTS,
    *comparison.PLOTS,
    *spiketrains.PLOTS,
    *population.PLOTS,
    *geometry.PLOTS,
    *units.PLOTS,
    *inference.PLOTS,
    *responses.PLOTS,
]
"""Every kind of result that can be drawn; the first line that matches is taken."""

MOST_PANELS = 24
"""More panels would not be read; of more, so many are shown at even steps, and a warning says so."""

WIDEST, HIGHEST = 11.0, 40.0
"""Inches of a figure of many panels."""


def plot(result: Any, name: str | None = None, *, ax: Any = None, **options: Any) -> Any:
    """Draw the figure that belongs to a result, in the look of the report.

    Which figure it is follows from the result itself; docs/plot.md has the table. Intervals, chance, nulls and
    ceilings are drawn wherever the result holds them, with units on the axes. Nothing is shown, no setting of
    matplotlib changes, and what is returned can be drawn on. On dark paper (``plt.style.use("dark_background")``) the
    colours are those of the dark page.

    Parameters
    ----------
    result : DataArray, Dataset, Results or dict of these
        What a public function of neurodata4ml returned. A dict is drawn with one panel (or more) for each entry.
    name : str, optional
        Of ``Results`` alone: the figure of the report, a key of ``FIGURES`` such as "similarity".
    ax : matplotlib Axes or array of Axes, optional
        Where to draw; a new figure when left out. As many as the result has panels.
    **options
        Of the kind of result, such as ``colours``, a dict from area to colour; an unknown one is refused, and the
        message names those that there are.

    Returns
    -------
    matplotlib Axes; an array of them (panel) where the result needs several panels
        One panel per area, metric, layer or time: of an RDM ``by`` area, of what ``brain_vs_network`` returns, ...

    Raises
    ------
    DimensionError
        Nothing is known of such a result.
    DesignError
        An unknown option or name, or not as many axes as panels.

    Examples
    --------
    >>> ax = plot(counts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time from onset (s)', 'firing rate (Hz)')
    """
    if isinstance(result, Results):
        return _of_report(result, name, ax)
    if name is not None:
        message = (
            f"plot takes a name with Results alone; got {name!r} with a {type(result).__name__}. Type plot(result)."
        )
        raise DesignError(message)
    panels = _panels(result)
    _check_options(panels, options)
    if ax is None and len(panels) > MOST_PANELS:
        shown = np.linspace(0, len(panels) - 1, MOST_PANELS).round().astype(int)
        message = f"plot shows {MOST_PANELS} of {len(panels)} panels, at even steps. Select those you want with .sel."
        warnings.warn(message, UserWarning, stacklevel=2)
        panels = [panels[i] for i in shown]
    return _drawn(panels, ax, options)


def kind_of(result: Any) -> Plot:
    """Return the line of ``PLOTS`` that draws a result."""
    for kind in PLOTS:
        if kind.matches(result):
            return kind
    message = (
        f"plot does not know how to draw {_described(result)}. It draws: {'; '.join(kind.name for kind in PLOTS)}."
    )
    raise DimensionError(message)


def _panels(result: Any) -> list[tuple[str, Any, Plot]]:
    """Return title, content and kind of every panel; of a dict, those of all its entries."""
    if isinstance(result, Mapping) and not isinstance(result, xr.Dataset) and result:
        each = [(str(key), _panels(value)) for key, value in result.items()]
        return [
            (": ".join(filter(None, (key, title))), part, kind) for key, found in each for title, part, kind in found
        ]
    kind = kind_of(result)
    found: Panels = kind.panels(result)
    return [(title, part, kind) for title, part in found]


def _check_options(panels: list[tuple[str, Any, Plot]], options: dict[str, Any]) -> None:
    for kind in dict.fromkeys(kind for _, _, kind in panels):
        known = [p.name for p in inspect.signature(kind.draw).parameters.values() if p.kind is p.KEYWORD_ONLY]
        for word in options:
            if word not in known:
                there = f"the options {', '.join(known)}" if known else "no options"
                message = f"plot of {kind.name} takes {there}; got {word!r}.{guess(word, known)}"
                raise DesignError(message)
    _check_colours(options.get("colours"))


def _check_colours(colours: Any) -> None:
    from matplotlib.colors import is_color_like

    if colours is not None and not (isinstance(colours, Mapping) and all(map(is_color_like, colours.values()))):
        message = (
            f"plot takes as colours a dict from area to colour; got {plain(repr(colours), 80)}. "
            'Type colours={"V1": "tab:blue"}.'
        )
        raise DesignError(message)


def _drawn(panels: list[tuple[str, Any, Plot]], ax: Any, options: dict[str, Any]) -> Axes | np.ndarray:
    import matplotlib as mpl

    from neurodata4ml.report.plots import paper

    text_colour = mpl.rcParams["text.color"]
    new = _new_figure(panels) if ax is None else None  # before the style: a notebook's backend sets itself up here
    with paper.house_style():
        axes = _given(ax, len(panels)) if new is None else _new_axes(new, len(panels))
        for one, (title, part, kind) in zip(axes, panels, strict=True):
            figure, before = one.figure, paper.there(one)
            others = list(figure.axes)
            paper.dress(one)
            kind.draw(one, part, **options)
            if title:
                one.set_title(plain(title, 44))
            behind, dark = paper.paper_of(one, text_colour)
            for drawn in [one, *(new for new in figure.axes if new not in others)]:
                paper.repaint(drawn, before, behind, dark=dark)
    return axes[0] if len(axes) == 1 and not isinstance(ax, np.ndarray) else np.array(axes, dtype=object)


def _given(ax: Any, n: int) -> list[Axes]:
    """Return the axes that were given, if they are as many as there are panels."""
    axes = [one for one in np.ravel(np.asarray(ax, dtype=object)) if one is not None]
    if len(axes) != n:
        message = (
            f"plot draws this result in {n} panel{'s' * (n > 1)}; ax holds {len(axes)} axes. Give as many "
            f"(figure, ax = plt.subplots(1, {n})), select one part of the result, or leave ax out."
        )
        raise DesignError(message)
    for one in axes:
        if getattr(one, "name", "") != "rectilinear":
            kind = f"{one.name} axes" if hasattr(one, "name") else f"a {type(one).__name__}"
            message = f"plot draws on axes with an x and a y; ax holds {kind}. Type figure, ax = plt.subplots()."
            raise DesignError(message)
    return axes


def _new_figure(panels: list[tuple[str, Any, Plot]]) -> Figure:
    """Return a new figure with room for the panels, side by side as far as there is width."""
    import matplotlib.pyplot as plt

    sizes = [kind.size(part) for _, part, kind in panels]
    rows, columns = _grid(len(panels))
    width, height = (max(size[i] for size in sizes) for i in (0, 1))
    square = all(kind.square for _, _, kind in panels)
    narrow = 1.0 if columns == 1 else min(1.0, WIDEST / columns / width)
    width, height = width * narrow, height * (narrow if square else 1.0)
    return plt.figure(
        figsize=(width * columns, min(height * rows, HIGHEST)),
        layout="compressed" if square else "constrained",
    )


def _new_axes(figure: Figure, n: int) -> list[Axes]:
    """Return the axes of a new figure, one per panel."""
    axes = list(figure.subplots(*_grid(n), squeeze=False).ravel())
    for unused in axes[n:]:
        unused.remove()
    return axes[:n]


def _grid(n: int) -> tuple[int, int]:
    columns = {1: 1, 2: 2, 4: 2}.get(n, 4 if n > 6 else 3)
    return -(-n // columns), columns


def _of_report(results: Results, name: str | None, ax: Any) -> Any:
    """Draw one figure of the report; its figure is pyplot's, so that notebooks show it."""
    from neurodata4ml.report.facts import colours_of
    from neurodata4ml.report.figures.figures import FIGURES, FIGURES_OF_MANY, HOLDS

    figures = {
        one: found
        for one, found in (FIGURES | FIGURES_OF_MANY).items()
        if found[0] in results.arrays and HOLDS.get(one, "") in {"", *map(str, results.arrays[found[0]].variables)}
    }
    there = list(figures)
    if name not in there:
        message = (
            f"These results have the figures {listing(there, 99) or 'of nothing'}; got {name!r}.{guess(name, there)} "
            f'Type plot(results, "{(there or ["name"])[0]}").'
        )
        raise DesignError(message)
    if ax is not None:
        message = "A figure of the report lays out its own panels: leave ax out, or plot one array of results.arrays."
        raise DesignError(message)
    key, draw = figures[name]
    array, draw_on = results.arrays[key], inspect.unwrap(draw)
    if draw_on is draw:  # no figure of matplotlib, but squares that the page lays out
        return plot(array["rdm"].assign_attrs(array.attrs))
    more = {"colours": colours_of(results), "kept": results.arrays.get("sessions")}
    taken = list(inspect.signature(draw).parameters)[1:]
    return _adopted(lambda: draw_on(array, **{option: more[option] for option in taken})[0])


def _adopted(draw: Callable[[], Figure]) -> Axes | np.ndarray:
    """Return the axes of a finished figure, on the reader's paper and known to pyplot."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from neurodata4ml.report.plots import paper

    text_colour = mpl.rcParams["text.color"]
    with paper.house_style():
        made = draw()
    figure = plt.figure(FigureClass=lambda **_: made)  # type: ignore[arg-type]
    with paper.house_style():
        axes = [one for one in figure.axes if one.get_visible()]
        behind, dark = paper.paper_of(axes[0], text_colour)
        for one in axes:
            paper.repaint(one, {}, behind, dark=dark)
        for legend in figure.legends:
            paper.repaint_legend(legend, behind, dark=dark)
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def _described(result: Any) -> str:
    """Return a result as a sentence says it: its type, its dims and what made it."""
    if not isinstance(result, xr.DataArray | xr.Dataset):
        return f"a {type(result).__name__}"
    made = f" of {step_of(result)}" if step_of(result) else ""
    held = f" with {listing([str(v) for v in result.data_vars], 6)}" if isinstance(result, xr.Dataset) else ""
    return f"a {type(result).__name__}{made} ({', '.join(map(str, result.dims)) or 'no dims'}){held}"
