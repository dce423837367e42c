"""Simulate a session whose truth is known: mean responses become spikes, with gain, drift and shared noise.

One trial of one unit is a Poisson count whose mean is ``mean rate x running gain x drift x noise``: the noise is
log-normal with mean one and shared by the units of an area, so that every moment has a closed form
(``neurodata4ml.data.truth``). The unit fires at its lowest rate throughout, and what a scene evokes above it comes
after a latency. The generator knows no network: it takes any mean responses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.places import catalog_folder

FORMAT = 2
"""Rises when the same seed would give another recording, so that a cached file of an older version is not reused."""

DURATION = 0.25
"""Seconds that a scene is shown, as in Allen's natural scenes: one follows the other without a gap."""

N_BLOCKS, N_BLANKS, GAP = 20, 5, 3.0
"""Blocks (each scene once in each), blank sweeps per block, seconds of gray screen between blocks."""

LATENCY = {"early": 0.04, "late": 0.07}
"""Seconds from onset to the start of the response, by area; 0.05 elsewhere."""

RUNNING_RATE = 60.0
"""Samples of running speed per second."""

BOUT = 0.7
"""Seconds over which running speed stays alike; short beside a block of 26 s, so that blocks differ little."""

GAIN = {"early": 0.005, "late": 0.004}
"""Mean rise of the response per cm/s of running, by area; 0.005 elsewhere."""

DRIFT, SHARED_NOISE, PRIVATE_NOISE = 0.03, 0.15, 0.15
"""Standard deviations, relative to the response: slow drift, noise shared by an area, noise of a unit alone."""

KERNEL_STEP = 0.001
"""Seconds; the time course of the response is constant within steps of this length."""


@dataclass(frozen=True)
class Responses:
    """What a simulation starts from: noise-free mean responses and the images that caused them.

    Attributes
    ----------
    mean_rate : ndarray (stimulus, unit), Hz
    area : ndarray (unit,) of str
    images : ndarray (stimulus, y, x), uint8
    """

    mean_rate: np.ndarray
    area: np.ndarray
    images: np.ndarray


@dataclass(frozen=True)
class Recording:
    """One simulated session: what a laboratory would see, and what it never does.

    Attributes
    ----------
    responses : Responses
    frame, block, start_time : ndarray (trial,)
        The scene shown (-1 is a blank sweep), its block, and its onset in seconds.
    invalid : ndarray (2,)
        Start and stop of an interval in which nothing may be believed, in seconds.
    running_time, running_speed : ndarray (sample,), s and cm/s
    trial_speed : ndarray (trial,), cm/s
        Mean running speed while the scene is shown.
    gain : ndarray (unit,), 1 / (cm/s)
        The response of unit u is multiplied by ``1 + gain[u] * trial_speed[t]``.
    drift : ndarray (trial, unit)
        Slow factor of each response, around one: ``slow_drift(start_time / stop, drift_offset)``.
    drift_offset : ndarray (wave, unit), radian
    loading : ndarray (unit, factor)
        The log of the noise is ``loading @ z`` with z standard normal, less half its variance.
    spike_times : list of ndarray
        Seconds, sorted, one array per unit.
    stop : float
        End of the session in seconds.
    """

    responses: Responses
    frame: np.ndarray
    block: np.ndarray
    start_time: np.ndarray
    invalid: np.ndarray
    running_time: np.ndarray
    running_speed: np.ndarray
    trial_speed: np.ndarray
    gain: np.ndarray
    drift: np.ndarray
    drift_offset: np.ndarray
    loading: np.ndarray
    spike_times: list[np.ndarray]
    stop: float


def demo_responses() -> Responses:
    """Return the demo's mean responses: 100 handwritten digits, two areas of 60 units.

    They are data, shipped with the catalog and made by ``tools/make_demo_responses.py``.
    """
    with np.load(catalog_folder() / "demo-responses.npz", allow_pickle=False) as shipped:
        return Responses(
            shipped["mean_rate"].astype(float), shipped["area"].astype(object).astype(str), shipped["images"]
        )


def simulate(responses: Responses, *, seed: int) -> Recording:
    """Draw one session: every scene once in each of 20 randomised blocks, with blanks, back to back.

    Parameters
    ----------
    responses : Responses
    seed : int
        The same seed gives the same bits.
    """
    rng = np.random.default_rng(seed)
    frame, block, start_time, stop = _schedule(len(responses.mean_rate), rng)
    running_time, running_speed = running(stop, rng)
    trial_speed = mean_in_windows(running_time, running_speed, start_time, DURATION)
    gain = np.array([GAIN.get(str(a), 0.005) for a in responses.area]) * rng.uniform(0.5, 1.5, len(responses.area))
    drift_offset = rng.uniform(0, 2 * np.pi, (2, len(gain)))
    drift = slow_drift(start_time / stop, drift_offset)
    loading = noise_loading(responses.area, rng)
    invalid_onset = start_time[block == N_BLOCKS // 2].mean()
    means = expected_counts(responses, frame, trial_speed, gain, drift)
    counts = draw_counts(means, loading, rng)
    evoked = rng.binomial(counts, evoked_share(responses.mean_rate, frame))
    spikes = _place_spikes(evoked, counts - evoked, start_time, responses.area, rng)
    gray = _gray_spikes(_gaps(start_time, stop), responses.mean_rate.min(axis=0), rng)
    return Recording(
        responses=responses,
        frame=frame,
        block=block,
        start_time=start_time,
        invalid=np.array([invalid_onset, invalid_onset + 2.0]),
        running_time=running_time,
        running_speed=running_speed,
        trial_speed=trial_speed,
        gain=gain,
        drift=drift,
        drift_offset=drift_offset,
        loading=loading,
        spike_times=[np.sort(np.concatenate(pair)) for pair in zip(spikes, gray, strict=True)],
        stop=stop,
    )


def expected_counts(
    responses: Responses, frame: np.ndarray, trial_speed: np.ndarray, gain: np.ndarray, drift: np.ndarray
) -> np.ndarray:
    """Return the expected spike count of every trial and unit while the scene is shown, shape (trial, unit).

    A blank evokes the smallest of the unit's mean responses.
    """
    with_blank = np.vstack([responses.mean_rate, responses.mean_rate.min(axis=0)])
    rate = with_blank[np.where(frame < 0, len(responses.mean_rate), frame)]
    return np.asarray(DURATION * rate * (1 + trial_speed[:, None] * gain) * drift)


def draw_counts(means: np.ndarray, loading: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw spike counts (trial, unit): Poisson around ``means`` times log-normal noise of mean one."""
    z = rng.standard_normal((len(means), loading.shape[1]))
    noise = np.exp(z @ loading.T - 0.5 * (loading**2).sum(axis=1))
    return np.asarray(rng.poisson(means * noise))


def time_course(area: str) -> np.ndarray:
    """Return the evoked response's share in each step of ``KERNEL_STEP``: silent, a transient, then sustained.

    The shares add up to one over ``DURATION``; nothing spills into the next scene.
    """
    t = (np.arange(round(DURATION / KERNEL_STEP)) + 0.5) * KERNEL_STEP
    since = np.clip(t - LATENCY.get(area, 0.05), 0, None)
    course = (1 - np.exp(-since / 0.01)) * (0.8 + 1.7 * np.exp(-since / 0.04))
    return np.asarray(course / course.sum())


def evoked_share(mean_rate: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return which share of each expected count (trial, unit) the scene evokes; the rest is there without it.

    A unit's lowest mean rate is its rate without a scene; a blank evokes nothing.
    """
    share = 1 - mean_rate.min(axis=0) / mean_rate
    return np.where((frame < 0)[:, None], 0.0, share[np.maximum(frame, 0)])


def slow_drift(phase: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return slow factors around one (phase, unit): two waves, with half a period and one as the phase goes to one."""
    waves = [np.cos(np.pi * (k + 1) * phase[:, None] + offset[k]) for k in range(2)]
    return np.asarray(1 + DRIFT * (waves[0] + 0.5 * waves[1]))


def running(stop: float, rng: np.random.Generator, *, start: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return time and speed in cm/s: smooth noise cut at zero, so that half of the time is still.

    It comes in bouts of a second or two. Samples lie where those of a signal from zero would.
    """
    before = len(np.arange(0, start, 1 / RUNNING_RATE))
    time = np.arange(0, stop, 1 / RUNNING_RATE)[before:]
    width = BOUT * RUNNING_RATE
    bell = np.exp(-0.5 * (np.arange(-4 * width, 4 * width + 1) / width) ** 2)
    wave = np.convolve(rng.standard_normal(len(time) + len(bell) - 1), bell / np.sqrt((bell**2).sum()), mode="valid")
    return time, np.clip(15.0 * wave, 0, None)


def mean_in_windows(time: np.ndarray, values: np.ndarray, start: np.ndarray, length: float) -> np.ndarray:
    """Return the mean of a signal from each start, for ``length`` seconds."""
    total = np.r_[0.0, np.cumsum(values)]
    first, last = np.searchsorted(time, start), np.searchsorted(time, start + length)
    return np.asarray((total[last] - total[first]) / (last - first))


def noise_loading(area: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the noise's loadings (unit, factor): one factor per area, one for all, one for each unit alone."""
    n_units = len(area)
    own = np.stack([(area == a) for a in np.unique(area)], axis=1) * rng.normal(SHARED_NOISE, 0.05, (n_units, 1))
    common = rng.normal(0.4 * SHARED_NOISE, 0.03, (n_units, 1))
    return np.hstack([own, common, PRIVATE_NOISE * np.eye(n_units)])


def _schedule(n_stimuli: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    order = [rng.permutation(np.r_[np.arange(n_stimuli), np.full(N_BLANKS, -1)]) for _ in range(N_BLOCKS)]
    per_block = n_stimuli + N_BLANKS
    block = np.repeat(np.arange(N_BLOCKS), per_block)
    onset = GAP + np.arange(N_BLOCKS) * (GAP + per_block * DURATION)
    start_time = (onset[:, None] + np.arange(per_block) * DURATION).ravel()
    return np.concatenate(order), block, start_time, float(start_time[-1] + DURATION + GAP)


def _place_spikes(
    evoked: np.ndarray, steady: np.ndarray, start_time: np.ndarray, area: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Give each spike a time: evoked ones from the time course of the unit's area, the others anywhere."""
    edges = np.arange(round(DURATION / KERNEL_STEP) + 1) * KERNEL_STEP
    cumulative = {a: np.r_[0.0, np.cumsum(time_course(a))] for a in np.unique(area)}
    spikes = []
    for unit in range(evoked.shape[1]):
        when = np.interp(rng.random(evoked[:, unit].sum()), cumulative[area[unit]], edges)
        anywhere = rng.uniform(0, DURATION, steady[:, unit].sum())
        onset = [np.repeat(start_time, n[:, unit]) for n in (evoked, steady)]
        spikes.append(np.concatenate(onset) + np.minimum(np.r_[when, anywhere], DURATION - 1e-9))
    return spikes


def _gray_spikes(gaps: np.ndarray, rate: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Spikes at the unit's lowest rate while the screen is gray between blocks."""
    length = np.diff(gaps, axis=1)[:, 0]
    counts = rng.poisson(length[:, None] * rate)
    return [np.repeat(gaps[:, 0], n) + rng.random(n.sum()) * np.repeat(length, n) for n in counts.T]


def _gaps(start_time: np.ndarray, stop: float) -> np.ndarray:
    """Start and stop of the gray screen before, between and after the blocks, shape (gap, 2)."""
    after = np.flatnonzero(np.diff(start_time) > 1.5 * DURATION)
    starts = np.r_[0.0, start_time[after] + DURATION, start_time[-1] + DURATION]
    return np.stack([starts, np.r_[start_time[0], start_time[after + 1], stop]], axis=1)
