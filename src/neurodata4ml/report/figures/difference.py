"""Figures of two reports beside each other: dots with intervals, A above B."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from neurodata4ml.report.difference_rows import Pair
from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import AREA_COLOURS, Picture, picture
from neurodata4ml.report.words import listing, number, plain

MOST_ROWS = 40
"""Rows that one figure holds; of more, those that differ most."""

_SHIFT = 0.17
"""Rows between the dots of A and of B."""


def _beside(section: str, axis: str) -> Callable[[Sequence[Pair], tuple[str, str]], Picture]:
    def draw(pairs: Sequence[Pair], names: tuple[str, str]) -> tuple[Figure, str]:
        shown = foremost(pairs)
        height = 0.75 + 0.34 * len(shown)
        figure = Figure(figsize=(marks.WIDTH * 0.95, height), layout="constrained")
        ax = figure.subplots()
        y = marks.label_rows(ax, [pair.label for pair in shown], limit=38)
        for shift, side, colour, marker in ((-_SHIFT, "first", 0, "o"), (_SHIFT, "second", 1, "s")):
            value, low, high = np.array([getattr(pair, side) for pair in shown], dtype=float).T
            marks.dots(ax, y + shift, value, low, high, colour=AREA_COLOURS[colour], marker=marker)
            letter = "A" if side == "first" else "B"
            name = plain(names[side == "second"], 40)
            ax.plot([], [], marker, color=AREA_COLOURS[colour], markersize=5, label=f"{letter}: {name}")
        ax.set_xlabel(axis)
        figure.legend(loc="outside upper left", ncols=2)
        said = [f"{pair.label} {number(pair.first[0])} in A and {number(pair.second[0])} in B" for pair in shown]
        return figure, f"{axis}, A beside B: {listing(said, 8)}."

    draw.__name__ = f"{section}_beside"
    return picture(draw)


def foremost(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that one figure shows, in their order: all, or those that differ most."""
    if len(pairs) <= MOST_ROWS:
        return list(pairs)
    most = {id(pair) for pair in sorted(pairs, key=lambda pair: -abs(pair.difference))[:MOST_ROWS]}
    return [pair for pair in pairs if id(pair) in most]


AXES = {
    "decoding": "balanced accuracy",
    "dimensionality": "participation ratio of the signal (dimensions)",
    "reliability": "reliability, mean over units",
    "encoding": "score of the prediction, median over units",
    "similarity": "similarity",
}
"""Section -> what its axis measures."""

BESIDE = {section: _beside(section, axis) for section, axis in AXES.items()}
"""Section -> figure(pairs, names) -> Picture."""
