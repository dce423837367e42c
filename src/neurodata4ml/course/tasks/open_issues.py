"""Tasks of notebook 11: open issues."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.course.answers import Off, is_near, number, word
from neurodata4ml.course.task import Task


def cost_of_surprise(answer: Any, *, counts: xr.DataArray) -> str:
    """Spikes of unexpected elements over those of expected ones, late, after the first position."""
    found = number(answer, "the ratio")
    total = counts.sum("unit").values.astype(float)
    late, within = (counts["block"] >= 5).values, (counts["position"] > 0).values
    belongs = counts["is_expected"].values.astype(bool)
    right = total[late & within & ~belongs].mean() / total[late & within & belongs].mean()
    if is_near(found, right, within=0.02):
        return (
            f"{right:.1f} times as many spikes: what is expected is cheap, what is not wakes every cell of its column."
        )
    if is_near(found, 1 / right, within=0.01):
        message = "this is expected over unexpected."
        raise Off(message)
    if is_near(found, total[late & ~belongs].mean() / total[late & belongs].mean(), within=0.02):
        message = "the first elements are in it: nobody can expect them, though they belong. Leave out position 0."
        raise Off(message)
    if is_near(found, total[within & ~belongs].mean() / total[within & belongs].mean(), within=0.02):
        message = "the first half is in it, in which nothing was learnt yet; take blocks from 5 on."
        raise Off(message)
    message = f"{found:.2f} is not the ratio of mean spikes per element; sum over units, then average over elements."
    raise Off(message)


def context_score(answer: Any, *, counts: xr.DataArray) -> str:
    """How well the sequence is read while D is shown, late."""
    found = number(answer, "the score")

    def score(position: int, *, late: bool = True) -> float:
        chosen = (counts["position"] == position).values & counts["is_expected"].values.astype(bool)
        if late:
            chosen &= (counts["block"] >= 5).values
        return float(decode(counts.isel(trial=np.flatnonzero(chosen)), "sequence", n_shuffles=0).score)

    right = score(3)
    if is_near(found, right, within=0.015):
        return (
            f"{right:.2f}: D is D in both, and what came four elements ago, or what will come, is written in who fires."
        )
    if found > 0.999:
        message = "where the score is perfect the symbols themselves differ. Take the position of D, 3."
        raise Off(message)
    if is_near(found, score(3, late=False), within=0.015):
        message = "this is of the whole session; ask after learning, blocks from 5 on."
        raise Off(message)
    message = (
        f"{found:.3f} is not it: decode(x, 'sequence', n_shuffles=0).score of expected elements at position 3, late."
    )
    raise Off(message)


def doubt_by_counting(answer: Any, *, counts: xr.DataArray) -> str:
    """R squared of the posterior's width from the number of spikes of the cues' units alone."""
    found = number(answer, "the score")
    cues = counts.isel(unit=np.flatnonzero(counts["area"].values != "hidden"))
    total = cues.sum("unit").expand_dims(unit=[0]).transpose("trial", "unit")
    right, hidden, all_cues = (
        float(decode(x, "width", decoder="ridge", scoring="r2", n_shuffles=0).score)
        for x in (total, counts.isel(unit=np.flatnonzero(counts["area"].values == "hidden")), cues)
    )
    if is_near(found, right, within=0.02):
        return f"{right:.2f}: counting the cues' spikes tells as much. Present in a layer is not computed there."
    if is_near(found, hidden, within=0.02):
        message = "this is from the hidden units; the control asks what one number, the cues' spikes, tells."
        raise Off(message)
    if is_near(found, all_cues, within=0.02):
        message = "this is from all the cues' units, eighty numbers; add them up to one first."
        raise Off(message)
    if is_near(found, np.sqrt(max(right, 0)), within=0.01):
        message = "this is a correlation; R squared is asked for."
        raise Off(message)
    message = f"{found:.2f} is not it: the sum over units of both cues, as an array (trial, unit) with one unit."
    raise Off(message)


def what_it_shows(answer: Any) -> str:
    """What decodable doubt shows."""
    choices = ("computes uncertainty", "carries uncertainty", "knows nothing of it")
    found = word(answer, "your conclusion", among=choices)
    if found == choices[1]:
        return "it is there, and readable; whether anything downstream reads it, only behaviour or a lesion could tell."
    if found == choices[0]:
        message = "an untrained layer, and a mere count of spikes, would have to compute it as well. What do they show?"
        raise Off(message)
    message = "it can be read from the hidden units of trials that were left out, far better than by chance."
    raise Off(message)


TASKS: dict[str, Task] = {
    "11-1A": Task("Spikes per element that does not belong, over spikes per element that does.", cost_of_surprise),
    "11-2A": Task("The score of reading the sequence while D is shown, after learning.", context_score),
    "11-3A": Task("R squared of the posterior's width from the number of the cues' spikes.", doubt_by_counting),
    "11-3B": Task(
        'Your conclusion: "computes uncertainty", "carries uncertainty" or "knows nothing of it".', what_it_shows
    ),
}
