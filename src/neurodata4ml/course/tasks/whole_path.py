"""Tasks of notebook 00: the whole path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.responses import average_by, firing_rate
from neurodata4ml.course.answers import Off, is_near, labels, number, values
from neurodata4ml.course.task import Task
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.models import load_model


def mean_rates(answer: Any, *, counts: xr.DataArray) -> str:
    """Mean firing rate of each area, Hz."""
    bin_width = counts.attrs["bin_width"]
    expected = firing_rate(counts).mean("trial").groupby("area").mean()
    found = values(answer, "the rates", like=expected)
    if is_near(found, expected * bin_width, within=0.001):
        message = f"these are spikes per bin of {bin_width:g} s; a rate is spikes per second."
        raise Off(message)
    if is_near(found, expected * bin_width * counts.sizes["time"], within=0.01):
        message = f"these are spikes per trial of {bin_width * counts.sizes['time']:g} s; divide by its length."
        raise Off(message)
    if is_near(found, expected[::-1], within=0.05):
        message = f"the areas are exchanged: they come in the order {', '.join(expected.area.values)}."
        raise Off(message)
    if not is_near(found, expected, within=0.05):
        n_units = counts.groupby("area").count(...)[0].item() / counts.isel(unit=0).size
        hint = " Is it the sum over units? Take their mean." if is_near(found, expected * n_units, within=50) else ""
        message = f"{np.round(found, 2)} Hz is not what the spikes say: average over trials, time and units.{hint}"
        raise Off(message)
    return f"about {found.mean():.0f} spikes per second, and each unit has a quarter of a second to say its word."


def ratio_of_distances(answer: Any, *, areas: Mapping[str, xr.DataArray]) -> str:
    """Mean distance between digits over that within a digit, in the area where it is largest."""
    found = number(answer, "the ratio")
    same = np.arange(100)[:, None] // 10 == np.arange(100) // 10
    apart = ~np.eye(100, dtype=bool)
    squares = {name: rdm(average_by(x)).values for name, x in areas.items()}
    between = {name: square[~same].mean() for name, square in squares.items()}
    ratios = {name: between[name] / square[same & apart].mean() for name, square in squares.items()}
    best = max(ratios, key=lambda name: ratios[name])
    if is_near(found, ratios[best], within=0.02):
        return f"in the {best} area digits lie {found:.1f} times as far apart as the pictures of one digit."
    if is_near(found, between[best] / squares[best][same].mean(), within=0.02):
        message = "the zeros of the diagonal are in it: a picture's distance from itself is no distance between two."
        raise Off(message)
    if is_near(found, 1 / ratios[best], within=0.02):
        message = "this is within over between; the task asks for between over within."
        raise Off(message)
    if any(is_near(found, ratio, within=0.02) for ratio in ratios.values()):
        message = "that is the ratio of another area; which one knows digits best?"
        raise Off(message)
    message = (
        f"{found:.2f} is not the ratio. Average the distances of each kind first, then divide; which pairs are in?"
    )
    raise Off(message)


def nearest_layers(answer: Any, *, shared: xr.Dataset) -> str:
    """The most similar layer of the early area and of the late one, in this order."""
    expected = [str(shared.similarity.sel(x=name).idxmax("y").item()) for name in ("early", "late")]
    if isinstance(answer, Mapping):
        answer = [answer.get(name) for name in ("early", "late")]
    found = [str(one) for one in (np.asarray(answer).tolist() if not isinstance(answer, str) else [answer])]
    known = shared.y.values.tolist()
    if len(found) != 2 or not set(found) <= set(known):
        labels(answer, "the layers")
        message = f"the answer is two names of {', '.join(known)}, the early area's first; this is {found}."
        raise Off(message)
    if found == expected[::-1]:
        message = "the other way round: the early area's layer comes first."
        raise Off(message)
    for name, one, right in zip(("early", "late"), found, expected, strict=True):
        if one != right:
            own, best = (float(shared.similarity.sel(x=name, y=layer)) for layer in (one, right))
            message = f"the {name} area's similarity to {one} is {own:.2f}, and another layer reaches {best:.2f}."
            raise Off(message)
    return f"{expected[0]} and {expected[1]}: what is early in the one is early in the other, and these were built so."


def owed_to_learning(answer: Any, *, areas: Mapping[str, xr.DataArray], images: xr.DataArray) -> str:
    """Similarity of the late area to the penultimate layer, trained minus untrained."""
    found = number(answer, "the difference")
    late = {"late": areas["late"]}
    trained, twin = (
        compare(late, activations(load_model(name), images, layers=["penultimate"])).similarity.item()
        for name in ("digits", "digits-untrained")
    )
    if is_near(found, trained - twin, within=0.01):
        return f"{found:.2f} of {trained:.2f}: the rest is what any stack of filters would have shared."
    if is_near(found, twin - trained, within=0.01):
        message = "this is untrained minus trained; learning is what the trained one has more."
        raise Off(message)
    if is_near(found, twin, within=0.01) or is_near(found, trained, within=0.01):
        message = f"{found:.2f} is one of the two similarities; the task asks for their difference."
        raise Off(message)
    if is_near(found, twin / trained, within=0.01) or is_near(found, trained / twin, within=0.01):
        message = f"{found:.2f} is a ratio; similarities of one scale are subtracted."
        raise Off(message)
    message = f"{found:.2f} is not the difference; take the late area and the layer penultimate in both."
    raise Off(message)


TASKS: dict[str, Task] = {
    "00-1A": Task("The mean firing rate of each area in Hz, as one number per area.", mean_rates),
    "00-2A": Task("How many times farther apart pictures of different digits lie: one number.", ratio_of_distances),
    "00-3A": Task("The most similar layer of the early and of the late area: two names.", nearest_layers),
    "00-3B": Task("What learning adds to the similarity of the penultimate layer: one number.", owed_to_learning),
}
