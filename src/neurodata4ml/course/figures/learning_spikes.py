"""Figures of notebook 09: gradients that pass a spike, and what spikes cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide
from neurodata4ml.systems.pattern_learning import Learnt
from neurodata4ml.systems.surrogate import smooth_spike, spike, surrogate


def no_slope() -> list[Axes]:
    """Draw a spike and its useless slope, and the slope that is borrowed in its place."""
    left, right = slide(2)
    potential = np.linspace(0, 2, 401)
    left.plot(potential, spike(potential), color=COLOURS[0], linewidth=2, label="spike")
    left.plot(potential, 0.5 + 5 * smooth_spike(potential), color=COLOURS[1], linewidth=2, label="smooth stand-in")
    left.legend(fontsize=8)
    label(left, x="membrane potential (thresholds)", y="output", title="A spike is a step")
    right.axhline(0, color=COLOURS[0], linewidth=2, label="slope of the spike")
    right.plot(potential, surrogate(potential), color=COLOURS[1], linewidth=2, label="surrogate")
    right.legend(fontsize=8)
    label(right, x="membrane potential (thresholds)", y="slope", title="Its slope teaches nothing; the stand-in's does")
    return [left, right]


def pattern_learnt(learnt: Learnt, target: np.ndarray) -> list[Axes]:
    """Draw the spikes of a unit in each epoch, the times at which it should fire, and its distance from them."""
    left, right = slide(2, width=4.8)
    for epoch, times in enumerate(learnt.spike_times):
        left.plot(1e3 * times, np.full(len(times), epoch), ",", color=COLOURS[0])
    for time in target:
        left.axvline(1e3 * time, color=COLOURS[1], linewidth=1, alpha=0.6)
    label(left, x="time (ms)", y="epoch", title="The unit (blue) finds the times it should fire (orange)")
    left.set_ylim(0, len(learnt.spike_times))
    right.plot(learnt.distance, color=COLOURS[0], linewidth=1)
    label(right, x="epoch", y="van Rossum distance (spikes²)", title="From silence to nearly all spikes hit")
    right.set_ylim(0)
    return [left, right]


def read_out(scores: Mapping[str, tuple[float, float, float]], chance: float) -> Axes:
    """Draw how well digits are read from several populations: score with interval."""
    (ax,) = slide(1, width=5.2)
    for k, (score, low, high) in enumerate(scores.values()):
        ax.plot([k, k], [low, high], color=COLOURS[k], linewidth=2)
        ax.plot(k, score, "o", color=COLOURS[k])
        ax.text(k + 0.08, score, f"{score:.2f}", va="center", fontsize=9)
    ax.axhline(chance, color=GREY, linestyle="--", linewidth=1)
    ax.text(len(scores) - 0.5, chance, "chance", va="bottom", ha="right", fontsize=8, color=GREY)
    ax.set_xticks(range(len(scores)), list(scores))
    ax.set_xlim(-0.5, len(scores) - 0.3)
    ax.set_ylim(0, 1)
    return label(ax, y="balanced accuracy, trials left out", title="How much of the reading is learnt?")


def costs(energies: Mapping[str, Mapping[str, float]], reached: Mapping[str, float]) -> list[Axes]:
    """Draw the energy of one answer of several networks, and what each reaches."""
    left, right = slide(2, width=4.8)
    for k, (name, joules) in enumerate(energies.items()):
        spikes, whole = 1e9 * joules["spikes"], 1e9 * joules["spikes_and_leaks"]
        left.barh(name, spikes, color=COLOURS[0], label="spikes" if k == 0 else None)
        left.barh(name, whole - spikes, left=spikes, color=COLOURS[1], alpha=0.6, label="leaks" if k == 0 else None)
    dense = 1e9 * next(iter(energies.values()))["dense"]
    left.axvline(dense, color=GREY, linestyle="--", linewidth=1)
    left.text(dense, len(energies) - 0.52, "dense twin ", ha="right", va="bottom", fontsize=8, color=GREY)
    left.set_ylim(-0.5, len(energies) - 0.3)
    left.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.2), ncols=2)
    label(left, x="energy of one answer (nJ, arithmetic alone)", title="Spikes are cheap; keeping time is not")
    for k, (name, score) in enumerate(reached.items()):
        right.barh(name, score, color=COLOURS[k % len(COLOURS)])
        right.text(score, k, f" {score:.1%}", va="center", fontsize=9)
    right.set_xlim(0, 1.2)
    label(right, x="digits read rightly, of those left out", title="What each of them reaches")
    return [left, right]
