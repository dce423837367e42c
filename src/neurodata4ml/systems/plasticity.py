"""A small network that learns while it is recorded, by a rule that is known: what does the rule leave behind?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation
from neurodata4ml.suggest import did_you_mean
from neurodata4ml.systems.plasticity_steps import advance
from neurodata4ml.systems.spike_timing import Window

RULES = ("none", "hebb", "stdp", "reward")
"""By what weights change: nothing; rates of both sides; the time between their spikes; rates where reward surprises."""

N_INPUTS, N_OUTPUTS, N_STIMULI = 30, 10, 4
STEP, SHOWN, PAUSE, REST = 0.001, 0.4, 0.1, 240.0
"""Seconds: of a step, that a stimulus is shown, of a pause before it, and of rest before and after the task.

At rest inputs fire unrelated to anything and nothing is learnt, so that coupling can be measured before and after.
"""

EFFECT = 0.008
"""Seconds over which an input spike raises the rate of an output; its integral is the weight, in spikes."""

MOST = 0.25
"""The largest weight: extra output spikes per input spike."""

PAIRS = Window(rise=0.0004, fall=0.00048)
"""What a pair of spikes does to a synapse, where the rule is ``stdp``: on the whole, unrelated pairs weaken it."""

RESTING, EVOKED, TEACHER = 12.0, 60.0, 40.0
"""Hz: inputs at rest, inputs while their stimulus drives them, outputs while their own is shown."""


@dataclass(frozen=True)
class _World:
    """What does not change: which inputs and outputs each stimulus drives, when, and which choice it asks for."""

    latency: np.ndarray  # (stimulus, input), s from onset; inf: not driven
    driven: np.ndarray  # (stimulus, output) of bool
    asked: np.ndarray  # (stimulus,): the half of the outputs that should fire more


def record(*, seed: int = 0, rule: str = "stdp", n_trials: int = 800, rate: float = 1.0) -> Simulation:
    """Record inputs and outputs of a network while weights follow ``rule``.

    Each of four stimuli drives ten of 30 inputs, each with a latency of its own, and half of ten outputs, in the middle
    of that time. An output fires at a rate that inputs raise for some milliseconds (a linear Poisson unit). The choice
    is the half of the outputs that fires more; where it is the one that the stimulus asks for, there is a reward.

    Parameters
    ----------
    seed : int
    rule : {"none", "hebb", "stdp", "reward"}
        ``hebb``: product of both counts in the trial, less its mean over inputs (Miller & MacKay 1994, Neural
        Computation 6:100). ``stdp``: pairs of spikes, :class:`~neurodata4ml.systems.spike_timing.Window`. ``reward``:
        the output's count less its mean for the stimulus, times the input's, times reward less its running mean.
    n_trials : int
    rate : float
        How fast weights learn, 1 as usual.

    Returns
    -------
    Simulation
        Areas ``input`` and ``output``. Trials have ``stimulus``, ``choice`` (0 or 1), ``reward`` (0 or 1). Truth:
        ``weight_start`` and ``weight_end`` (unit, unit2), ``weight`` (trial, synapse) of all synapses, with ``sender``
        and ``receiver``; ``window`` (lag) for ``stdp``; the rule in ``attrs["rule"]``.

    Raises
    ------
    DesignError
        There is no such rule; numbers that cannot be.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_trials, "n_trials", least=20)
    if rule not in RULES:
        message = f"there is no rule {rule!r}{did_you_mean(str(rule), RULES)} They are {', '.join(RULES)}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    world = _world(rng)
    weights = rng.uniform(0.03, 0.12, (N_INPUTS, N_OUTPUTS))
    stimulus = np.concatenate([rng.permutation(N_STIMULI) for _ in range(-(-n_trials // N_STIMULI))])[:n_trials]
    run = _Run(world, weights, rule, rate, rng)
    run.rest()
    for shown in stimulus:
        run.trial(int(shown))
    run.rest()
    start = REST + np.arange(n_trials) * (PAUSE + SHOWN) + PAUSE
    return Simulation(
        system="plasticity",
        description=f"Thirty inputs and ten outputs whose weights follow the rule {rule!r}.",
        seed=seed,
        units={"area": np.repeat(["input", "output"], [N_INPUTS, N_OUTPUTS])},
        spike_times=run.spike_times(),
        trials={
            "start_time": start,
            "stop_time": start + SHOWN,
            "stimulus": stimulus.astype(int),
            "block": np.arange(n_trials) * 20 // n_trials,
            "choice": np.array(run.choices),
            "reward": np.array(run.rewards),
        },
        truth=_truth(np.array(run.history), rule),
        stop=n_trials * (PAUSE + SHOWN) + 2 * REST,
    )


class _Run:
    """One session as it goes on: weights, and what was fired, chosen and rewarded so far."""

    def __init__(self, world: _World, weights: np.ndarray, rule: str, rate: float, rng: np.random.Generator) -> None:
        self.world, self.weights, self.rule, self.rate, self.rng = world, weights, rule, rate, rng
        decays = (float(np.exp(-STEP / PAIRS.tau_rise)), float(np.exp(-STEP / PAIRS.tau_fall)))
        traces = (np.zeros(N_INPUTS), np.zeros(N_OUTPUTS))
        on = rate * (rule == "stdp")
        self.timing = (PAIRS.rise * on, PAIRS.fall * on, *decays, MOST, *traces)
        self.asleep = (0.0, 0.0, *self.timing[2:])
        self.kernel = (float(np.exp(-STEP / EFFECT)), np.zeros(N_INPUTS))
        self.usual, self.expected = np.full((N_STIMULI, N_OUTPUTS), np.nan), 0.5
        self.history = [weights.copy()]
        self.choices: list[int] = []
        self.rewards: list[int] = []
        self.found: list[tuple[np.ndarray, np.ndarray]] = []
        self.steps = 0

    def rest(self) -> None:
        """Rest, without learning."""
        n_steps = round(REST / STEP)
        given = self.rng.random((n_steps, N_INPUTS)) < RESTING * STEP
        self._fire(given, np.full((n_steps, N_OUTPUTS), 2.0 * STEP), self.asleep)

    def trial(self, shown: int) -> None:
        """Pause, then show a stimulus; the rule changes the weights within (``stdp``) or after it."""
        given, drive = self._drawn(shown)
        spikes = self._fire(given, drive, self.timing)
        evoked = spikes[spikes[:, 0] >= round(PAUSE / STEP)]
        counts = np.bincount(evoked[:, 1], minlength=N_OUTPUTS).astype(float)
        halves = counts.reshape(2, -1).sum(axis=1) + 1e-3 * self.rng.random(2)
        self.choices.append(int(halves.argmax()))
        self.rewards.append(int(self.choices[-1] == self.world.asked[shown]))
        self._learn(shown, given[round(PAUSE / STEP) :].sum(axis=0), counts)
        self.history.append(self.weights.copy())

    def _fire(self, given: np.ndarray, drive: np.ndarray, timing: tuple[object, ...]) -> np.ndarray:
        """Run a stretch of time and keep its spikes; return those of the outputs (spike, step and output)."""
        spikes = np.empty((drive.size, 2), np.int64)
        n = advance(given, drive, self.rng.random(drive.shape), self.weights, self.kernel, timing, spikes)
        step, unit = np.nonzero(given)
        self.found.append((np.r_[step, spikes[:n, 0]] + self.steps, np.r_[unit, spikes[:n, 1] + N_INPUTS]))
        self.steps += len(given)
        return spikes[:n]

    def spike_times(self) -> list[np.ndarray]:
        """Return the spikes of all units in s, each in the middle of its step."""
        step = np.concatenate([times for times, _ in self.found])
        unit = np.concatenate([units for _, units in self.found])
        return [(np.sort(step[unit == u]) + 0.5) * STEP for u in range(N_INPUTS + N_OUTPUTS)]

    def _drawn(self, shown: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs' spikes (step, input) and the outputs' rate without them (step, output), per step."""
        time = (np.arange(round((PAUSE + SHOWN) / STEP)) + 0.5) * STEP - PAUSE
        bump = np.abs(time[:, None] - self.world.latency[shown]) < 0.05
        given = self.rng.random((len(time), N_INPUTS)) < (RESTING + EVOKED * bump) * STEP
        taught = ((time > 0.15) & (time < 0.25))[:, None] & self.world.driven[shown]
        return given, (2.0 + TEACHER * taught) * STEP

    def _learn(self, shown: int, senders: np.ndarray, counts: np.ndarray) -> None:
        usual = np.where(np.isnan(self.usual[shown]), counts, self.usual[shown])
        surprise = self.rewards[-1] - self.expected
        change = trial_change(self.rule, senders, counts, usual, surprise)
        self.weights[:] = np.clip(self.weights + self.rate * change, 0.0, MOST)
        self.usual[shown] = usual + (counts - usual) / 10
        self.expected += surprise / 20


def trial_change(
    rule: str, senders: np.ndarray, receivers: np.ndarray, usual: np.ndarray, surprise: float
) -> np.ndarray:
    """Change of the weights (input, output) after a trial, by the counts of both sides; 0 for rules of timing."""
    if rule == "hebb":
        product = np.outer(senders, receivers)
        return np.asarray(5e-5 * (product - product.mean(axis=0)))
    if rule == "reward":
        return np.asarray(1.5e-3 * surprise * np.outer(senders - senders.mean(), receivers - usual))
    return np.zeros((len(senders), len(receivers)))


def _world(rng: np.random.Generator) -> _World:
    """Each stimulus drives a third of the inputs, from 50 ms to 350 ms after onset, and half of the outputs."""
    latency = np.full((N_STIMULI, N_INPUTS), np.inf)
    for shown in range(N_STIMULI):
        latency[shown, rng.permutation(N_INPUTS)[:10]] = np.linspace(0.08, 0.32, 10)
    driven = np.array([rng.permutation(N_OUTPUTS) < N_OUTPUTS // 2 for _ in range(N_STIMULI)])
    return _World(latency, driven, np.arange(N_STIMULI) % 2)


def _truth(history: np.ndarray, rule: str) -> xr.Dataset:
    """Return the weights of every trial, from before the first."""
    n_units = N_INPUTS + N_OUTPUTS
    ends = np.zeros((2, n_units, n_units))
    ends[:, :N_INPUTS, N_INPUTS:] = history[[0, -1]]
    lag = np.round(np.arange(-0.06, 0.0605, 0.001), 3)
    sender, receiver = (axis.ravel() for axis in np.indices((N_INPUTS, N_OUTPUTS)))
    window = PAIRS(lag) if rule == "stdp" else np.zeros(len(lag))
    return xr.Dataset(
        {
            "weight_start": (("unit", "unit2"), ends[0], {"units": "1"}),
            "weight_end": (("unit", "unit2"), ends[1], {"units": "1"}),
            "weight": (("trial", "synapse"), history[1:].reshape(len(history) - 1, -1), {"units": "1"}),
            "window": ("lag", window, {"units": "1"}),
        },
        coords={
            "sender": ("synapse", sender),
            "receiver": ("synapse", receiver + N_INPUTS),
            "lag": ("lag", lag, {"units": "s"}),
        },
        attrs={"rule": rule},
    )
