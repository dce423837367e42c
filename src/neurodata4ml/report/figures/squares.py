"""Dissimilarity as squares of the page's own: a small picture each, in a grid that reflows, and what a cell means."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence

import numpy as np
import xarray as xr
from markupsafe import Markup, escape
from matplotlib import colormaps
from PIL import Image

from neurodata4ml.report.figures.canvas import Picture
from neurodata4ml.report.figures.marks import MOST_PANELS
from neurodata4ml.report.figures.ranks import SHADES, grouped, percentiles
from neurodata4ml.report.words import distance_words, labels, listing, number, plain, texts

MOST_DISTANCES = 250_000
"""Numbers that go along with the squares, for who points at a cell: 14 representations of 150 stimuli, 2 MB."""

MOST_RANKS = 1_000_000
"""Beyond that many distances their ranks go along, one letter each; beyond this many, the stimuli's names alone."""

MOST_PIXELS = 1_200_000
"""Of all squares together, so that a page stays below 5 MB; finer ones are averaged."""

NONE = SHADES + 1
"""The shade of a pair without a distance: see-through."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def squares(rdms: xr.Dataset) -> Picture:
    """Show the distance between every pair of stimuli, one square per representation.

    Each square shows the rank of its own distances, as per cent, because similarity compares patterns, not sizes;
    the range of the distances stands below it. Beside the pictures lie the names of the stimuli and the distances, to
    three digits, for the script that says them of the cell somebody points at.

    Parameters
    ----------
    rdms : Dataset
        ``rdm`` (representation, stimulus, stimulus2); coordinates ``kind`` (representation) and, where stimuli
        have groups, ``group`` (stimulus); attribute ``distance``.
    """
    names = [plain(name) or "(no name)" for name in labels(rdms, "representation")[:MOST_PANELS]]
    order, edges = grouped(rdms)
    found = rdms["rdm"].transpose("representation", "stimulus", "stimulus2").values[: len(names)]
    distances = np.asarray(found, dtype=float)[:, order[:, None], order]
    kinds = texts(rdms, "kind")[: len(names)] if "kind" in rdms.variables else [""] * len(names)
    side = max(1, min(len(order), round((MOST_PIXELS / max(len(names), 1)) ** 0.5), 300))
    shown, said = [], []
    for i, (name, kind, square) in enumerate(zip(names, kinds, distances, strict=True)):
        ranks, low, high = percentiles(square)
        limits = f"{number(low)} to {number(high)}"
        svg = _svg(ranks, edges, side, _alt(name, kind, ranks, edges, limits), f"square-{i}")
        shown.append(_square(plain(name, 60), plain(kind), svg, limits))
        said.append(f"{plain(name, 40)} {limits}")
    alt = (
        f"Dissimilarity of {len(order)} stimuli in {len(names)} representations; distances range: {listing(said, 12)}."
    )
    unit = escape(distance_words(rdms.attrs.get("distance", "")))
    data = _data(names, kinds, distances, _stimuli(rdms, order))
    body = Markup(
        f'<div class="squares" role="group" aria-label="{escape(alt)}">\n{"".join(shown)}</div>\n{_scale(unit)}'
        f'<script type="application/json" class="distances">{data}</script>'
    )
    return Picture(body, alt, reflows=True)


def _square(name: str, kind: str, svg: str, limits: str) -> str:
    of = f"{escape(kind)}, " if kind else ""
    return (
        f'<div class="square"><p class="name">{escape(name)}</p>{svg}<p class="range">{of}{escape(limits)}</p></div>\n'
    )


def _alt(name: str, kind: str, ranks: np.ndarray, edges: np.ndarray, limits: str) -> str:
    """Say what one square shows: its range and, where stimuli have groups, how far apart these stand."""
    said = f"Distances of {len(ranks)} stimuli in {plain(name, 60)}{f' ({plain(kind)})' if kind else ''}: {limits}"
    group = np.searchsorted(edges, np.arange(len(ranks)), side="right")
    known, alike = np.isfinite(ranks), group[:, None] == group
    if len(edges) and (known & alike).any() and (known & ~alike).any():
        within, between = ranks[known & alike].mean(), ranks[known & ~alike].mean()
        said += f"; mean rank {within:.0f} % within groups, {between:.0f} % between them"
    return said + "."


def _svg(ranks: np.ndarray, edges: np.ndarray, side: int, alt: str, name: str) -> str:
    """Return one square: the pairs below the diagonal, twice, the second time turned over."""
    n, shades = len(ranks), _shades(ranks, side)
    below = np.where(np.tri(len(shades), dtype=bool), shades, NONE).astype(np.uint8)
    lines = "".join(f"M0 {edge}H{n}M{edge} 0V{n}" for edge in edges.tolist())
    path = f'<path class="edges" d="{lines}"/>' if lines else ""
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {n} {n}">'
        f'<image id="{name}" width="{n}" height="{n}" preserveAspectRatio="none" href="{_png(below)}"/>'
        f'<use href="#{name}" transform="matrix(0 1 1 0 0 0)"/>{path}</svg>'
    )


def _shades(ranks: np.ndarray, side: int) -> np.ndarray:
    """Return every cell's shade, 0 to 40, 41 where there is none; averaged over cells where there are too many."""
    if side < len(ranks):
        starts = np.arange(side) * len(ranks) // side
        known = np.isfinite(ranks)
        total, n = (
            np.add.reduceat(np.add.reduceat(x, starts, axis=0), starts, axis=1)
            for x in (np.where(known, ranks, 0.0), known.astype(float))
        )
        ranks = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return np.where(np.isfinite(ranks), np.round(np.nan_to_num(ranks) * SHADES / 100), NONE).astype(np.uint8)


def _png(shades: np.ndarray) -> str:
    """Return a picture of shades as an address: viridis, and nothing where there is no distance."""
    picture = Image.frombytes("P", shades.shape[::-1], np.ascontiguousarray(shades).tobytes())
    colours = (np.asarray(colormaps["viridis"](np.linspace(0, 1, SHADES + 1)))[:, :3] * 255).round().astype(np.uint8)
    picture.putpalette(np.vstack([colours, np.zeros((1, 3), dtype=np.uint8)]).tobytes())
    packed = io.BytesIO()
    picture.save(packed, format="png", optimize=True, transparency=NONE)
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"


def _scale(unit: str) -> str:
    """Return the key to the shades."""
    shades = _png(np.arange(SHADES + 1, dtype=np.uint8)[None])
    image = f'<image width="41" height="1" preserveAspectRatio="none" href="{shades}"/>'
    return (
        f'<div class="scale"><svg viewBox="0 0 41 1" preserveAspectRatio="none" aria-hidden="true">{image}</svg>'
        '<p class="steps"><span>0</span> <span>50</span> <span>100</span></p>'
        f"<p>rank of the distance within each square (%); {unit}</p></div>\n"
    )


def _stimuli(rdms: xr.Dataset, order: np.ndarray) -> list[str]:
    """Return the name of every stimulus in the order shown, with its group."""
    names = [plain(name, 40) for name in labels(rdms, "stimulus")]
    names = [f"stimulus {name}" if re.fullmatch(r"[\d.-]+", name) else name for name in names]
    if "group" in rdms.coords:
        names = [f"{name} ({plain(group, 40)})" for name, group in zip(names, texts(rdms, "group"), strict=True)]
    return [names[i] for i in order]


def _data(names: Sequence[str], kinds: Sequence[str], distances: np.ndarray, stimuli: list[str]) -> str:
    """Return what a reader's pointer asks of the squares, as JSON that no text can end."""
    upper = np.triu_indices(len(stimuli), 1)
    found: dict[str, object] = {"names": list(names), "kinds": [plain(kind) for kind in kinds], "stimuli": stimuli}
    if len(names) * len(upper[0]) <= MOST_DISTANCES:
        rows = [[float(f"{v:.3g}") if np.isfinite(v) else None for v in square[upper].tolist()] for square in distances]
        found["distances"] = rows
    elif len(names) * len(upper[0]) <= MOST_RANKS:
        shades = [_shades(percentiles(square)[0], len(stimuli))[upper].tolist() for square in distances]
        found["ranks"] = ["".join(_LETTERS[shade] for shade in square) for square in shades]
    text = json.dumps(found, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
