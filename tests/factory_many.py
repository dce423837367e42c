"""Results of many recordings: drawn around means that are known, with animals, areas that some lack, and failures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.results import Results
from neurodata4ml.studies.across.across import over_recordings
from neurodata4ml.studies.many import data_of_all

AREAS = ("V1", "LM", "AL", "PM", "AM", "RL")
CANDIDATES = {
    "net/conv1": "network",
    "net/conv2": "network",
    "net/fc": "network",
    "net-untrained/conv1": "untrained",
    "pixels": "baseline",
}
SIMILARITY = np.array([0.55, 0.8, 0.45, 0.4, 0.3])
"""True similarity of the first area to each candidate; that of the next is turned by one candidate, and so on."""


def make_recording(
    areas: tuple[str, ...] = AREAS[:2],
    *,
    seed: int = 0,
    spread: float = 0.03,
    n_stimuli: int = 8,
    n_times: int = 12,
    candidates: Mapping[str, str] = CANDIDATES,
    subject: str = "",
    data: Mapping[str, object] | None = None,
) -> Results:
    """Return what one recording says; ``spread`` is the standard deviation between recordings."""
    rng = np.random.default_rng([seed, 7])
    stimuli = np.arange(n_stimuli)
    sizes = {area: int(rng.integers(20, 90)) for area in areas}
    n_trials = int(rng.integers(900, 1100))
    facts = {
        "dataset": "made-up",
        "title": "Recordings that were made up",
        "source": f"{seed}.nwb",
        "sha256": f"{seed:064x}",
        "license": "CC0-1.0",
        "citation": "nobody",
        "n_trials": n_trials,
        "n_trials_total": n_trials + 20,
        "trials_dropped": {"blank": 20},
        "n_units": sum(sizes.values()),
        "n_units_total": sum(sizes.values()) + 5,
        "units_dropped": {"quality": 5},
        "areas": sizes,
        "n_conditions": n_stimuli,
        **({"subject": subject} if subject else {}),
        **(data or {}),
    }
    arrays = {
        "psth": psth(rng, areas, n_times, spread),
        "decoding": decoding(rng, areas, n_times, spread),
        "dimensionality": dimensionality(rng, areas, spread),
        "reliability": reliability(rng, sizes, spread),
        "rdms": rdms(rng, areas, stimuli, candidates),
        "encoding": encoding(rng, areas, candidates, spread),
        "similarity": similarity(rng, areas, candidates, spread),
    }
    spec = {"source": f"{seed}.nwb", "by": "stimulus", "align": "start_time", "window": [0.0, 0.12], "bin_width": 0.01}
    return Results(spec={**spec, "seed": seed}, data=facts, arrays=arrays, software={"neurodata4ml": "0.1.0"})


def make_many(
    n: int,
    areas: tuple[str, ...] = AREAS[:2],
    *,
    per_animal: int = 0,
    partial: bool = False,
    missing: Mapping[str, str] | None = None,
    **options: object,
) -> Results:
    """Return a study of ``n`` recordings; with ``partial``, every third lacks the last area."""
    sessions = {}
    for k in range(n):
        own = areas[:-1] if partial and k % 3 == 2 else areas
        subject = f"mouse-{k // per_animal}" if per_animal else ""
        sessions[f"rec-{k:03d}"] = make_recording(own, seed=k, subject=subject, **options)
    spec = {"source": "made-up", "title": "", "sessions": list(sessions), "seed": 0, "networks": ["net"]}
    return of_sessions(sessions, spec=spec, missing=dict(missing or {}))


def of_sessions(sessions: dict[str, Results], **fields: object) -> Results:
    """Return the study of these recordings."""
    data = data_of_all({key: one.data for key, one in sessions.items()})
    fields = {"spec": {"source": "made-up", "seed": 0}, **fields}
    arrays = over_recordings(sessions)
    return Results(data=data, arrays=arrays, software={"neurodata4ml": "0.1.0"}, sessions=sessions, **fields)


def around(rng: np.random.Generator, mean: object, spread: float) -> np.ndarray:
    """Return values around ``mean``."""
    mean = np.asarray(mean, dtype=float)
    return mean + spread * rng.standard_normal(mean.shape)


def ends(name: str, dims: tuple[str, ...], value: np.ndarray, half: float) -> dict[str, tuple]:
    """Return a variable with the ends of an interval."""
    return {name: (dims, value), f"{name}_low": (dims, value - half), f"{name}_high": (dims, value + half)}


def psth(rng: np.random.Generator, areas: tuple[str, ...], n_times: int, spread: float) -> xr.Dataset:
    time = (np.arange(n_times) + 0.5) / 100
    shape = 5 + 10 * np.exp(-(((time - 0.06) / 0.02) ** 2)) * np.ones((len(areas), 1))
    rate = shape * (1 + spread * 3 * rng.standard_normal((len(areas), 1)))
    found = {"rate": (("area", "time"), rate), "low": (("area", "time"), rate - 0.5)}
    found |= {"high": (("area", "time"), rate + 0.5)}
    return xr.Dataset(found, {"area": list(areas), "time": time}, {"units": "Hz", "align": "start_time"})


def decoding(rng: np.random.Generator, areas: tuple[str, ...], n_times: int, spread: float) -> xr.Dataset:
    time = (np.arange(n_times) + 0.5) / 100
    window = around(rng, np.full(len(areas), 0.6), spread)
    course = 0.125 + 0.3 * np.exp(-(((time - 0.06) / 0.02) ** 2)) + around(rng, np.zeros((len(areas), n_times)), spread)
    chance = np.full(len(areas), 0.125)
    found = ends("accuracy_window", ("area",), window, 0.04) | {"accuracy": (("area", "time"), course)}
    found |= {"chance_window": ("area", chance), "p_window": ("area", np.full(len(areas), 0.01))}
    found |= {"chance": (("area", "time"), np.full(course.shape, 0.125))}
    found |= {"p_value_corrected": (("area", "time"), np.where(course > 0.25, 0.01, 0.6))}
    attrs = {"target": "stimulus", "decoder": "lda", "scoring": "balanced_accuracy", "n_shuffles": 99, "n_folds": 5}
    return xr.Dataset(found, {"area": list(areas), "time": time}, attrs | {"folds": "block", "align": "start_time"})


def dimensionality(rng: np.random.Generator, areas: tuple[str, ...], spread: float) -> xr.Dataset:
    value = around(rng, 6 + np.arange(len(areas)), 20 * spread)
    found = {"participation_ratio_cv": ("area", value), "low": ("area", value - 1), "high": ("area", value + 1)}
    return xr.Dataset(
        found | {"participation_ratio": ("area", value + 2)}, {"area": list(areas)}, {"method": "participation"}
    )


def reliability(rng: np.random.Generator, sizes: Mapping[str, int], spread: float) -> xr.Dataset:
    home = np.repeat(np.array(list(sizes), dtype=object), list(sizes.values()))
    shift = dict(zip(sizes, around(rng, np.full(len(sizes), 0.7), spread), strict=True))
    value = np.array([shift[area] for area in home]) + 0.1 * rng.standard_normal(home.size)
    coords = {"unit": np.arange(home.size), "area": ("unit", home)}
    return xr.Dataset({"reliability": ("unit", value)}, coords, {"method": "anova"})


def rdms(
    rng: np.random.Generator, areas: tuple[str, ...], stimuli: np.ndarray, candidates: Mapping[str, str]
) -> xr.Dataset:
    names = [*areas, *candidates]
    squares = []
    for i, name in enumerate(names):
        true = np.random.default_rng(i).uniform(0.5, 2, (stimuli.size, stimuli.size))
        noise = 0.2 * rng.standard_normal(true.shape) if name in areas else 0.0
        square = np.triu(true + noise, 1)
        squares.append(square + square.T)
    kinds = ["brain"] * len(areas) + list(candidates.values())
    coords = {"representation": names, "kind": ("representation", kinds), "stimulus": stimuli, "stimulus2": stimuli}
    dims = ("representation", "stimulus", "stimulus2")
    return xr.Dataset({"rdm": (dims, np.array(squares))}, coords, {"distance": "crossnobis"})


def similarity(
    rng: np.random.Generator, areas: tuple[str, ...], candidates: Mapping[str, str], spread: float
) -> xr.Dataset:
    cell = ("area", "candidate")
    true = np.stack([np.resize(np.roll(SIMILARITY, i), len(candidates)) for i in range(len(areas))])
    value = around(rng, true, spread)
    ceiling, gap = around(rng, np.full(len(areas), 0.9), spread / 3), around(rng, np.full((1, len(areas)), 0.2), spread)
    found = {"similarity": (cell, value), "low": (cell, value - 0.05), "high": (cell, value + 0.05)}
    found |= {"raw": (cell, 0.9 * value), "p_value": (cell, np.full(value.shape, 0.001))}
    found |= ends("ceiling", ("area",), ceiling, 0.01) | ends("twin_gap", ("trained_name", "area"), gap, 0.05)
    coords = {"area": list(areas), "candidate": list(candidates), "trained_name": ["net"]}
    coords |= {"kind": ("candidate", list(candidates.values()))}
    attrs = {"metric": "cka_unbiased", "n_stimuli": 8, "margin": 0.03, "n_shuffles": 999, "correction": "max-t"}
    return xr.Dataset(found, coords, attrs)


def encoding(
    rng: np.random.Generator, areas: tuple[str, ...], candidates: Mapping[str, str], spread: float
) -> xr.Dataset:
    cell = ("area", "candidate")
    value = around(rng, np.resize([0.3, 0.5, 0.49, 0.25, 0.2], (len(areas), len(candidates))), spread)
    found = ends("median", cell, value, 0.05) | {"ceiling": ("area", around(rng, np.full(len(areas), 0.8), spread / 3))}
    coords = {"area": list(areas), "candidate": list(candidates), "kind": ("candidate", list(candidates.values()))}
    return xr.Dataset(found, coords, {"score": "r", "encoder": "ridge", "n_stimuli": 8, "n_folds": 5})
