"""Figures of notebook 04: geometries of a brain beside those of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def distances_by_repeats(means: Mapping[int, xr.DataArray], honest: Mapping[int, xr.DataArray]) -> Axes:
    """Draw the distances of all pairs of stimuli that are answered alike, against the number of repeats.

    Parameters
    ----------
    means, honest : dict of int to DataArray (stimulus, stimulus2)
        Number of repeats -> distances of mean responses, and cross-validated ones. Lines are means over pairs, bands
        hold 80 % of them.
    """
    (ax,) = slide(1, width=5.4)
    for colour, (name, found) in zip(COLOURS[1::-1], {"of means": means, "crossnobis": honest}.items(), strict=True):
        repeats = sorted(found)
        pairs = [found[k].values[np.triu_indices(len(found[k]), 1)] for k in repeats]
        low, high = np.quantile(pairs, [0.1, 0.9], axis=1)
        ax.fill_between(repeats, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(repeats, np.mean(pairs, axis=1), "o-", color=colour, label=name)
    at = np.geomspace(min(means), max(means), 100)
    ax.plot(at, 2 / at, "--", color=GREY, linewidth=1, label="2 / repeats")
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(means), [str(k) for k in sorted(means)])
    ax.minorticks_off()
    ax.legend(fontsize=8)
    y = "squared distance\n(in variances of a trial)"
    return label(ax, x="repeats of each stimulus", y=y, title="Equal responses: noise alone makes distances")


def likeness_of_nothing(n_features: Sequence[int], found: Mapping[str, Sequence[float]], foretold: np.ndarray) -> Axes:
    """Draw what each metric finds between an area and unrelated layers, against the number of their features.

    Parameters
    ----------
    n_features : sequence of int
    found : dict of str to sequence of float
        Metric -> its value for each layer.
    foretold : ndarray
        The closed form of biased CKA for each layer.
    """
    (ax,) = slide(1, width=5.4)
    for colour, (name, values) in zip(COLOURS[1::-1], found.items(), strict=True):
        ax.plot(n_features, values, "o-", color=colour, label=name)
    ax.plot(n_features, foretold, "--", color=GREY, linewidth=1, label="closed form of cka")
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(n_features), [f"{n:,}" for n in n_features])
    ax.minorticks_off()
    ax.legend(fontsize=8)
    title = "Biased CKA grows with the layer, not with likeness"
    return label(ax, x="features of an unrelated layer", y="similarity", title=title)


def intervals(found: Mapping[str, xr.Dataset], area: str, *, n_candidates: int = 4) -> Axes:
    """Draw the candidates nearest to an area, one row each, with an interval for each question.

    Parameters
    ----------
    found : dict of str to Dataset (metric, area, candidate)
        What the interval is over -> a result of ``brain_vs_network``; its first metric is drawn. Filled: in the set of
        the best.
    area : str
    n_candidates : int
        So many are drawn, from the highest on.
    """
    (ax,) = slide(1, width=6.4, height=3.4)
    parts = {name: one.isel(metric=0).sel(area=area) for name, one in found.items()}
    first = next(iter(parts.values()))
    names = first.candidate.values[np.argsort(-first.similarity.values, kind="stable")[:n_candidates]]
    rows = np.arange(n_candidates)
    for k, (name, part) in enumerate(parts.items()):
        own, y = part.sel(candidate=names), rows + 0.2 * (k - (len(parts) - 1) / 2)
        ax.hlines(y, own.low, own.high, color=COLOURS[k], linewidth=2, label=name)
        for inside, face in ((True, COLOURS[k]), (False, "white")):
            some = own.among_best.values == inside
            ax.plot(own.similarity.values[some], y[some], "o", color=COLOURS[k], markerfacecolor=face, markersize=6)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.legend(title="the interval is over", fontsize=8, title_fontsize=8, loc="lower right")
    title = f"{area}: the wider the claim, the larger the set (filled)"
    return label(ax, x="similarity (unbiased CKA), 95 % interval", title=title)


def draws(copied: Sequence[float], interval: tuple[float, float]) -> Axes:
    """Draw a bootstrap that keeps copies as a histogram, and the interval of a jackknife as a bar.

    Parameters
    ----------
    copied : sequence of float
        Unbiased CKA of unrelated data, for each draw.
    interval : (float, float)
    """
    (ax,) = slide(1, width=5.8, height=2.8)
    counts, edges = np.histogram(copied, bins=20)
    height = counts.max()
    ax.stairs(counts, edges, fill=True, color=COLOURS[1], alpha=0.8)
    ax.hlines(0.5 * height, *interval, color=COLOURS[0], linewidth=6)
    ax.text(interval[1] + 0.01, 0.5 * height, "one stimulus left\nout at a time", color=COLOURS[0], va="center")
    ax.text(float(np.mean(copied)), 1.05 * height, "drawn with copies", color=COLOURS[1], ha="center", va="bottom")
    ax.axvline(0, color=GREY, linewidth=1, linestyle="--")
    ax.set_ylim(0, 1.25 * height)
    title = "Copies of stimuli look like similarity"
    return label(ax, x="unbiased CKA of unrelated data (truth: 0)", y="draws", title=title)


def two_sets_of_pictures(wide: xr.Dataset, narrow: xr.Dataset, area: str, names: tuple[str, str]) -> Axes:
    """Draw the similarity of an area to each candidate for two sets of pictures, one row per candidate.

    Parameters
    ----------
    wide, narrow : Dataset (metric, area, candidate)
        From ``brain_vs_network``; their first metrics are drawn.
    area : str
    names : (str, str)
        What the two sets are called.
    """
    (ax,) = slide(1, width=6.4, height=3.4)
    parts = [one.isel(metric=0).sel(area=area) for one in (wide, narrow)]
    order = np.argsort(parts[0].similarity.values, kind="stable")
    rows = np.arange(len(order))
    ends = np.array([part.similarity.values[order] for part in parts])
    ax.hlines(rows, *ends, color=GREY, linewidth=0.8)
    for colour, marker, name, values in zip(COLOURS[:2], "os", names, ends, strict=True):
        ax.plot(values, rows, marker, color=colour, markersize=6, label=name)
    ax.set_yticks(rows, wide.candidate.values[order])
    ax.set_xlim(min(0, float(np.nanmin(ends)) - 0.02), 1.02)
    ax.legend(title="pictures", fontsize=8, title_fontsize=8, loc="upper left")
    return label(ax, x="similarity (unbiased CKA)", title=f"{area}: easy pictures make everything alike")
