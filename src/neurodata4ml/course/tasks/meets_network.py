"""Tasks of notebook 04: brain meets network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.course.answers import Off, function, is_near, labels, number, values
from neurodata4ml.course.task import Task
from neurodata4ml.systems import nothing


def distance_without_noise(answer: Any) -> str:
    """Mean squared distance of two stimuli, as a function of trials that noise does not move."""
    measure = function(answer, "your measure")
    still, signal, true = _worlds()
    found = [number(measure(trials), "what your measure gives") for trials in (still, signal)]
    if is_near(found, [0, true], within=0.06):
        return "noise of different trials has nothing in common, so that its product is 0 on average."
    for message, wrong in _wrong_distances([still, signal]):
        if is_near(found, wrong, within=0.01 * max(1.0, abs(wrong[1]))):
            raise Off(message)
    message = (
        f"of stimuli that are answered alike it gives {found[0]:.2f}, where the truth is 0; of others {found[1]:.2f}, "
        f"where it is {true:.2f}. Which trials may be multiplied with which?"
    )
    raise Off(message)


def _worlds() -> tuple[xr.DataArray, xr.DataArray, float]:
    """Return trials of stimuli that are answered alike, trials of others that are not, and the distance of those."""
    still, signal = nothing.equal_responses(100, 4, 10, seed=4), nothing.equal_responses(8, 4, 400, seed=4)
    patterns = np.random.default_rng(5).standard_normal((8, 400))
    signal = signal + xr.DataArray(patterns[signal.stimulus.values], dims=("trial", "unit"))
    true = float(_squares(patterns)[_pairs(8)].mean())
    rng = np.random.default_rng(4)
    # out of their order, as trials of an experiment are
    still, signal = (trials.isel(trial=rng.permutation(trials.sizes["trial"])) for trials in (still, signal))
    return still, signal, true


def _wrong_distances(worlds: list[xr.DataArray]) -> Iterator[tuple[str, list[float]]]:
    """Yield what is said of each mistake with the distances that it gives in both worlds."""
    of_means = [_over_pairs(rdm(average_by(trials), distance="euclidean").values) for trials in worlds]
    alike = f"where all stimuli are answered alike it finds {of_means[0].mean():.2f}: means keep a part of their noise."
    yield alike, [float(pairs.mean()) for pairs in of_means]
    honest = [rdm(trials, distance="crossnobis").values for trials in worlds]
    each = [_over_pairs(square) for square in honest]
    yield (
        "the negative distances were set to 0, and what is left is above 0 on average: keep them.",
        [float(np.clip(pairs, 0, None).mean()) for pairs in each],
    )
    yield (
        "the zeros of the diagonal are in the mean: a stimulus and itself are no pair.",
        [float(square.mean()) for square in honest],
    )
    yield (
        "this is a sum over units; the distances here are means over units.",
        [float(pairs.mean() * trials.sizes["unit"]) for pairs, trials in zip(each, worlds, strict=True)],
    )
    roots = [float(np.sqrt(np.clip(pairs, 0, None)).mean()) for pairs in each]
    yield "this is the distance, not its square: a root turns noise into distance again.", roots


def _over_pairs(square: np.ndarray) -> np.ndarray:
    return np.asarray(square[_pairs(len(square))])


def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.triu_indices(n, 1)
    return first, second


def pictures_needed(answer: Any, *, n_features: int, n_units: int, at_most: float) -> str:
    """How many pictures bring biased CKA of unrelated data down to ``at_most``."""
    found = number(answer, "the number of pictures")
    half, rest = (n_features + n_units) / 2, n_features * n_units
    needed = {power: np.sqrt(half**2 - rest * (1 - at_most**-power)) - half for power in (1, 2)}
    if 0.99 * needed[2] <= found <= 1.01 * needed[2] + 1:
        return f"about {needed[2]:,.0f} pictures, or a metric that needs no such number: the unbiased one."
    if is_near(found, needed[1], within=0.01 * needed[1] + 1):
        message = "this solves the form without its root."
        raise Off(message)
    if found <= 0:
        message = f"{found:g} pictures cannot be shown."
        raise Off(message)
    reached = np.sqrt(rest / ((n_features + found) * (n_units + found)))
    more = "more" if reached > at_most else "fewer"
    message = (
        f"with {found:,.0f} pictures unrelated data still come to {reached:.3f}: {more} are wanted for {at_most:g}."
    )
    raise Off(message)


def kept_by_overlap(answer: Any, *, few: xr.Dataset, area: str) -> str:
    """Candidates whose interval overlaps that of the best, and which are told from it all the same."""
    part = few.isel(metric=0).sel(area=area)
    best = part.isel(candidate=int(part.similarity.argmax("candidate")))
    overlapping = _named(part, part.high >= best.low)
    among = _named(part, part.among_best)
    right = overlapping - among
    found = set(map(str, labels(answer, "the candidates")))
    unknown = sorted(found - set(map(str, part.candidate.values)))
    if unknown:
        message = f"{unknown[0]!r} is no candidate; they are {', '.join(map(str, part.candidate.values))}."
        raise Off(message)
    if found == right:
        return f"{len(right)} of them: all candidates rise and fall with the same trials, so a difference is surer."
    if found == among:
        message = "this is the set itself, which is rightly kept; the task asks for what overlap keeps beyond it."
        raise Off(message)
    if found == overlapping:
        message = "these are all that overlap; some of them are rightly kept, as they are in the set."
        raise Off(message)
    if found == set(map(str, part.candidate.values)) - among:
        message = "these are all that are not in the set; the intervals of some do not even overlap the best's."
        raise Off(message)
    missing, surplus = sorted(right - found), sorted(found - right)
    what = f"{surplus[0]} does not belong here" if surplus else f"{len(missing)} of {len(right)} not named"
    message = f"{what}: is it in the set, and does its `high` reach the `low` of the best?"
    raise Off(message)


def _named(part: xr.Dataset, which: xr.DataArray) -> set[str]:
    return set(map(str, part.candidate.values[which.values.astype(bool)]))


def above_controls(answer: Any, *, table: xr.Dataset) -> str:
    """How far the nearest trained layer of each area lies above the nearest control, by unbiased CKA."""
    similarity = table.similarity.sel(metric="cka_unbiased")
    trained, twins, controls = _highest(similarity, table)
    right = trained - controls
    found = values(answer, "what is owed to learning", like=right)
    if is_near(found, right, within=0.006):
        return "this much no picture and no stack of untrained filters has given; it is what learning may claim."
    if is_near(found, -right, within=0.006):
        message = "the sign is turned: the trained layer less the control."
        raise Off(message)
    if is_near(found, trained - twins, within=0.001):
        message = "these are the twins alone; what else needs no learning, and may lie above them?"
        raise Off(message)
    best = similarity.where(table.kind == "network").argmax("candidate")
    layer = table.layer.isel(candidate=best)
    own = similarity.where((table.kind == "untrained") & (table.layer == layer)).max("candidate")
    if is_near(found, trained - own, within=0.006):
        message = "this is the same layer of the twin; a control may choose its best layer too, as the network did."
        raise Off(message)
    if is_near(found, trained - similarity.where(table.kind != "network").mean("candidate"), within=0.006):
        message = "this is the mean of the controls; learning is what passes the strongest of them."
        raise Off(message)
    other = table.similarity.sel(metric=[name for name in table.metric.values if name != "cka_unbiased"])
    for name in other.metric.values:
        highest = _highest(other.sel(metric=name), table)
        if is_near(found, highest[0] - highest[2], within=0.006):
            message = f"these are differences in {name}; the task asks for cka_unbiased."
            raise Off(message)
    if is_near(found, trained, within=0.006) or is_near(found, controls, within=0.006):
        message = "this is one of the two similarities; the task asks for their difference."
        raise Off(message)
    message = (
        f"{np.round(found, 2)}: take, in each area, the highest of the trained layers and of all that is not trained."
    )
    raise Off(message)


def _highest(similarity: xr.DataArray, table: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return the highest similarity of each area among trained layers, the twin's layers, and all controls."""
    trained = similarity.where(table.kind == "network").max("candidate")
    twins = similarity.where(table.kind == "untrained").max("candidate")
    return trained, twins, similarity.where(table.kind != "network").max("candidate")


def likeness_of_draw(answer: Any) -> str:
    """Correlation of two RDMs over the pairs of a draw, copies of one stimulus left out, as a function."""
    measure = function(answer, "your function")
    rng = np.random.default_rng(11)
    x, y = (_squares(rng.standard_normal((12, 4))) for _ in range(2))
    drawn = np.array([0, 3, 3, 5, 7, 1, 11, 3, 2, 5, 9, 8])
    found = number(measure(x.copy(), y.copy(), drawn.copy()), "what your function gives")
    first, second = _pairs(len(drawn))
    i, j = drawn[first], drawn[second]
    apart = i != j
    if is_near(found, _correlation(x[i, j][apart], y[i, j][apart]), within=1e-8):
        once = np.arange(12)
        plain = number(measure(x.copy(), y.copy(), once), "what your function gives")
        if is_near(plain, _correlation(x[_pairs(12)], y[_pairs(12)]), within=1e-8):
            return "each pair counts as often as it was drawn, and no stimulus meets itself."
    for message, wrong in _wrong_draws(x, y, drawn):
        if is_near(found, wrong, within=1e-8):
            raise Off(message)
    message = f"for the draw {drawn.tolist()} it gives {found:.3f}. Which pairs are in, and how often is each?"
    raise Off(message)


def _wrong_draws(x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> Iterator[tuple[str, float]]:
    """Yield what is said of each mistake with the correlation that it gives."""
    pairs = _pairs(len(drawn))
    big = [square[np.ix_(drawn, drawn)] for square in (x, y)]
    kept = "copies of a stimulus still meet: their distance is 0 on both sides, which looks like agreement."
    yield kept, _correlation(big[0][pairs], big[1][pairs])
    yield f"the diagonal is in it, and {kept}", _correlation(big[0].ravel(), big[1].ravel())
    once = np.unique(drawn)
    few = [square[np.ix_(once, once)][_pairs(len(once))] for square in (x, y)]
    yield "each stimulus counts once: a stimulus drawn twice brings its pairs with others twice.", _correlation(*few)
    yield "it does not depend on the draw: that is the estimate.", _correlation(x[_pairs(len(x))], y[_pairs(len(y))])


def _squares(points: np.ndarray) -> np.ndarray:
    return np.asarray(((points[:, None] - points) ** 2).mean(axis=2))


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


TASKS: dict[str, Task] = {
    "04-1A": Task(
        "The mean squared distance of two stimuli, free of noise: a function of trials.", distance_without_noise
    ),
    "04-2A": Task("The pictures that bring biased CKA of unrelated data below the limit: one number.", pictures_needed),
    "04-3A": Task("The candidates that overlapping intervals keep wrongly: a list of names.", kept_by_overlap),
    "04-3B": Task("The best trained layer above the best control, by unbiased CKA: a number by area.", above_controls),
    "04-4A": Task("The likeness of two RDMs in one draw of stimuli: a function of x, y and drawn.", likeness_of_draw),
}
