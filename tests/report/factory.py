"""Results as the demo would hand them on: seeded, all sections filled, and plausible to the eye."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.results import Results

CANDIDATES = {
    "digits/conv1": "network",
    "digits/conv2": "network",
    "digits/fc1": "network",
    "digits/logits": "network",
    "digits-untrained/conv1": "network",
    "digits-untrained/conv2": "network",
    "digits-untrained/fc1": "network",
    "digits-untrained/logits": "network",
    "pixels": "baseline",
    "gabor": "baseline",
}
TRUE_SIMILARITY = {
    "early": [0.86, 0.66, 0.41, 0.35, 0.72, 0.55, 0.5, 0.44, 0.58, 0.74],
    "late": [0.38, 0.61, 0.9, 0.72, 0.33, 0.31, 0.3, 0.28, 0.36, 0.34],
}


def make_results(
    areas: tuple[str, ...] = ("early", "late"),
    *,
    n_stimuli: int = 100,
    n_conditions: int = 10,
    candidates: dict[str, str] | None = None,
    only: tuple[str, ...] | None = None,
    missing: dict[str, str] | None = None,
    data: dict | None = None,
    spec: dict | None = None,
    seed: int = 0,
) -> Results:
    """Return a complete ``Results``; ``only`` keeps some arrays, ``data`` and ``spec`` overwrite entries."""
    rng = np.random.default_rng(seed)
    candidates = CANDIDATES if candidates is None else candidates
    arrays = {
        "psth": psth(rng, areas, n_conditions),
        "decoding": decoding(rng, areas, n_stimuli),
        "latents": latents(rng, areas, n_conditions),
        "dimensionality": dimensionality(rng, areas),
        "reliability": reliability(rng, areas),
        "rdms": rdms(rng, areas, candidates, n_stimuli, n_conditions),
        "encoding": encoding(rng, areas, candidates, n_stimuli),
        "similarity": similarity(rng, areas, candidates, n_stimuli),
        "truth": truth(rng, areas, candidates),
    }
    if only is not None:
        arrays = {name: arrays[name] for name in only}
    return Results(
        spec=make_spec() | (spec or {}),
        data=make_data(areas, n_stimuli) | (data or {}),
        arrays=arrays,
        missing=missing or {},
        warnings=["Running speed explains part of the responses; it is not removed here."],
        software={
            "neurodata4ml": "0.1.0",
            "numpy": "2.4.6",
            "python": "3.12.3",
            "scikit-learn": "1.9.1",
            "xarray": "2026.9.0",
        },
    )


def make_spec() -> dict:
    return {
        "title": "A small brain beside a small network",
        "dataset": "demo",
        "session": None,
        "trials": "natural_scenes_presentations",
        "by": "stimulus",
        "align": "start_time",
        "window": [-0.1, 0.35],
        "bin_width": 0.01,
        "where": None,
        "networks": ["digits", "digits-untrained"],
        "seed": 0,
        "out": "reports/demo",
    }


def make_data(areas: tuple[str, ...], n_stimuli: int) -> dict:
    return {
        "dataset": "demo",
        "title": "Two simulated visual areas that see handwritten digits",
        "version": "1",
        "session": "demo-0",
        "asset": "demo.nwb",
        "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        "size": 18_400_000,
        "license": "BSD-3-Clause",
        "citation": "the neurodata4ml developers (2026) neurodata4ml demo",
        "doi": "10.1234/demo",
        "species": "none (simulated)",
        "modality": "simulated extracellular electrophysiology",
        "simulated": True,
        "note": "Responses are read out of the network itself, so the late area should be most like its late layers.",
        "caveats": ["The gain of all units follows running speed."],
        "source": "demo.nwb",
        "n_units_total": 60 * len(areas) + 8,
        "n_units": 60 * len(areas),
        "units_dropped": {"quality is not good": 8},
        "n_trials_total": 2120,
        "n_trials": 1978,
        "trials_dropped": {"blank": 120, "inside an invalid interval": 22},
        "areas": dict.fromkeys(areas, 60),
        "n_conditions": n_stimuli,
    }


def psth(rng: np.random.Generator, areas: tuple[str, ...], n_conditions: int) -> xr.Dataset:
    time = np.arange(-0.095, 0.35, 0.01)
    scale = 1 + 0.5 * rng.standard_normal((len(areas), n_conditions, 1)).clip(-1.5, 2)
    delay = 0.05 + 0.03 * np.arange(len(areas))[:, None, None] % 0.2
    rise = np.where(time > delay, (time - delay) / 0.02 * np.exp(1 - (time - delay) / 0.04), 0)
    rates = 5 + 9 * scale * rise + 0.3 * rng.standard_normal((len(areas), n_conditions, time.size))
    rate = rates.mean(1)
    unit, trial, spike = [], [], []
    for name in ("950907205", "950908411", "950910993"):
        for row in range(400):
            times = rng.uniform(-0.1, 0.35, rng.poisson(2.2))
            times = np.append(times, rng.normal(0.085, 0.02, rng.poisson(1.4)))
            spike += times.tolist()
            trial += [row] * times.size
            unit += [name] * times.size
    return xr.Dataset(
        {
            "rate": (("area", "time"), rate, {"units": "Hz"}),
            "low": (("area", "time"), rate - 0.45),
            "high": (("area", "time"), rate + 0.45),
            "rate_by_condition": (("area", "condition", "time"), rates),
            "raster_time": ("mark", np.array(spike)),
            "raster_trial": ("mark", np.array(trial)),
            "raster_unit": ("mark", np.array(unit, dtype=object)),
            "raster_area": (
                "mark",
                np.array(
                    [areas[("950907205", "950908411", "950910993").index(u) % len(areas)] for u in unit],
                    dtype=object,
                ),
            ),
        },
        coords={"area": list(areas), "time": time, "condition": [f"digit {i}" for i in range(n_conditions)]},
    )


def decoding(rng: np.random.Generator, areas: tuple[str, ...], n_classes: int) -> xr.Dataset:
    time = np.arange(-0.095, 0.35, 0.01)
    peak = 0.24 - 0.07 * (np.arange(len(areas)) % 3)[:, None]
    accuracy = (
        0.01 + peak * np.exp(-(((time - 0.09) / 0.045) ** 2)) + 0.004 * rng.standard_normal((len(areas), time.size))
    )
    window = 0.42 + 0.11 * (np.arange(len(areas)) % 3)
    chance = np.full(len(areas), 1 / n_classes)
    return xr.Dataset(
        {
            "accuracy": (("area", "time"), accuracy.clip(0)),
            "null_low": (("area", "time"), np.full(accuracy.shape, 0.003)),
            "null_high": (("area", "time"), np.full(accuracy.shape, 0.019)),
            "chance": (("area", "time"), np.full(accuracy.shape, 1 / n_classes)),
            "p_value_corrected": (("area", "time"), np.where(accuracy > 0.025, 1 / 100, 0.8)),
            "accuracy_window": ("area", window),
            "accuracy_window_low": ("area", window - 0.03),
            "accuracy_window_high": ("area", window + 0.03),
            "chance_window": ("area", chance),
            "p_window": ("area", np.full(len(areas), 1 / 100)),
        },
        coords={"area": list(areas), "time": time},
        attrs={
            "target": "stimulus",
            "decoder": "lda",
            "n_classes": n_classes,
            "n_trials": 1978,
            "n_folds": 5,
            "n_shuffles": 99,
            "folds": "block",
            "null_scheme": "within blocks",
        },
    )


def latents(rng: np.random.Generator, areas: tuple[str, ...], n_conditions: int) -> xr.Dataset:
    time = np.arange(-0.095, 0.35, 0.01)
    pulse = np.where(time > 0.04, (time - 0.04) / 0.04 * np.exp(1 - (time - 0.04) / 0.06), 0)[:, None]
    late = np.where(time > 0.08, (time - 0.08) / 0.05 * np.exp(1 - (time - 0.08) / 0.08), 0)[:, None]
    aim = rng.standard_normal((2, len(areas), n_conditions, 1, 3)) * np.array([3, 2, 1])
    paths = aim[0] * pulse + aim[1] * late + 0.08 * rng.standard_normal((len(areas), n_conditions, time.size, 3))
    shares = np.sort(rng.uniform(0.05, 0.4, (len(areas), 3)), 1)[:, ::-1]
    return xr.Dataset(
        {
            "latents": (("area", "condition", "time", "component"), paths),
            "explained_variance": (("area", "component"), shares),
        },
        coords={
            "area": list(areas),
            "time": time,
            "condition": [f"digit {i}" for i in range(n_conditions)],
            "component": [0, 1, 2],
        },
        attrs={"method": "pca"},
    )


def dimensionality(rng: np.random.Generator, areas: tuple[str, ...]) -> xr.Dataset:
    signal = 7.4 + rng.uniform(-2, 4, len(areas))
    return xr.Dataset(
        {
            "participation_ratio": ("area", signal + 2.6),
            "participation_ratio_cv": ("area", signal),
            "low": ("area", signal - 0.8),
            "high": ("area", signal + 0.8),
            "bias_limit": ("area", np.full(len(areas), 37.5)),
        },
        coords={"area": list(areas)},
    )


def reliability(rng: np.random.Generator, areas: tuple[str, ...]) -> xr.Dataset:
    value = np.concatenate([rng.beta(6 - i % 3, 2.2, 60) - 0.03 for i in range(len(areas))])
    home = np.repeat(np.array(areas, dtype=object), 60)
    return xr.Dataset({"reliability": ("unit", value)}, coords={"unit": np.arange(value.size), "area": ("unit", home)})


def rdms(
    rng: np.random.Generator, areas: tuple[str, ...], candidates: dict[str, str], n: int, n_groups: int
) -> xr.Dataset:
    group = np.sort(np.arange(n) % n_groups)
    names = [*areas, *candidates]
    squares = []
    for i, _ in enumerate(names):
        strength = (0.2, 1.4, 0.4, 0.9, 2.0, 2.4)[i % 6]
        centres = rng.standard_normal((n_groups, 25)) * strength
        squares.append(1 - np.corrcoef(centres[group] + rng.standard_normal((n, 25))))
    return xr.Dataset(
        {"rdm": (("representation", "stimulus", "stimulus2"), np.array(squares))},
        coords={
            "representation": names,
            "kind": ("representation", ["brain"] * len(areas) + list(candidates.values())),
            "stimulus": np.arange(n),
            "stimulus2": np.arange(n),
            "group": ("stimulus", [f"digit {g}" for g in group]),
        },
        attrs={"distance": "correlation", "units": "1"},
    )


def encoding(rng: np.random.Generator, areas: tuple[str, ...], candidates: dict[str, str], n: int) -> xr.Dataset:
    m, per_area = len(candidates), 60
    centre = np.linspace(0.3, 0.8, m) if m else np.zeros(0)
    score = centre + 0.1 * rng.standard_normal((len(areas) * per_area, m))
    middle = np.median(score.reshape(len(areas), per_area, m), axis=1)
    by_area = ("area", "candidate")
    networks = [name.split("/")[0] if "/" in name else "" for name in candidates]
    return xr.Dataset(
        {
            "score": (("unit", "candidate"), score),
            "corrected": (("unit", "candidate"), score / 0.9),
            "unit_ceiling": ("unit", np.full(len(score), 0.9)),
            "median": (by_area, middle),
            "median_low": (by_area, middle - 0.03),
            "median_high": (by_area, middle + 0.03),
            "median_corrected": (by_area, middle / 0.9),
            "median_corrected_low": (by_area, middle / 0.9 - 0.03),
            "median_corrected_high": (by_area, middle / 0.9 + 0.03),
            "ceiling": ("area", np.full(len(areas), 0.9)),
            "twin_gap": (("area", "trained_name"), np.linspace(0.01, 0.2, len(areas))[:, None]),
            "twin_gap_low": (("area", "trained_name"), np.linspace(-0.02, 0.15, len(areas))[:, None]),
            "twin_gap_high": (("area", "trained_name"), np.linspace(0.04, 0.25, len(areas))[:, None]),
        },
        coords={
            "area": list(areas),
            "candidate": list(candidates),
            "kind": ("candidate", list(candidates.values())),
            "network": ("candidate", networks),
            "area_of_unit": ("unit", np.repeat(np.array(areas, dtype=object), per_area)),
            "trained_name": ["digits"],
        },
        attrs={
            "encoder": "ridge",
            "score": "r",
            "corrected": "cc_norm",
            "n_stimuli": n,
            "n_folds": 5,
            "confidence": 0.95,
            "explained": ["What is estimated: how well cka_unbiased reads", "What would break it: frames of a movie"],
        },
    )


def similarity(rng: np.random.Generator, areas: tuple[str, ...], candidates: dict[str, str], n: int) -> xr.Dataset:
    m = len(candidates)
    value = np.array([np.resize(TRUE_SIMILARITY.get(a, rng.uniform(0.1, 0.9, m)), m) for a in areas]).reshape(
        len(areas), m
    )
    value = value + 0.01 * rng.standard_normal(value.shape)
    ceiling = np.full(len(areas), 0.91)
    best = value.argmax(1) if m else np.zeros(0, dtype=int)
    top = value.max(1, keepdims=True) if m else value
    found = xr.Dataset(
        {
            "similarity": (("area", "candidate"), value),
            "low": (("area", "candidate"), value - 0.04),
            "high": (("area", "candidate"), value + 0.04),
            "raw": (("area", "candidate"), value * ceiling[:, None]),
            "ceiling": ("area", ceiling),
            "ceiling_low": ("area", ceiling - 0.02),
            "ceiling_high": ("area", ceiling + 0.02),
            "null_value": (("area", "candidate"), np.zeros(value.shape)),
            "p_value_corrected": (("area", "candidate"), np.full(value.shape, 0.001)),
            "rsa": (("area", "candidate"), 0.8 * value),
            "rsa_ceiling": ("area", ceiling - 0.1),
            "n_units": ("area", 20 + 10 * np.arange(len(areas))),
            "biased": (("area", "candidate"), 0.45 + 0.5 * value),
            "biased_null": (("area", "candidate"), np.broadcast_to(np.linspace(0.57, 0.36, m), value.shape)),
            "among_best": (("area", "candidate"), value > top - 0.05),
            "best": ("area", np.array(list(candidates), dtype=object)[best]),
        },
        coords={
            "area": list(areas),
            "candidate": list(candidates),
            "kind": ("candidate", list(candidates.values())),
        },
        attrs={
            "metric": "cka_unbiased",
            "n_stimuli": n,
            "n_tests": value.size,
            "n_shuffles": 999,
            "correction": "max-t",
            "margin": 0.03,
            "assumed": "noise is independent between blocks.",
        },
    )
    return found.assign(across(rng, value, areas)).assign_attrs(order=list(areas))


def across(rng: np.random.Generator, value: np.ndarray, areas: tuple[str, ...]) -> xr.Dataset:
    """What sets areas beside each other: from as many units of each, by depth, and above the twin."""
    n, names = len(areas), ["digits", "digits-untrained"]
    depth = np.clip(np.linspace(0, 1, n) + 0.1 * rng.standard_normal((2, n)), 0, 1)
    by_network, by_area = ("network_name", "area"), (("area", "candidate"), 0.9 * value)
    return xr.Dataset(
        {
            "matched": by_area,
            "matched_low": (by_area[0], 0.9 * value - 0.05),
            "matched_high": (by_area[0], 0.9 * value + 0.05),
            "hierarchy": ("network_name", [0.9, 0.4]),
            "hierarchy_low": ("network_name", [0.5, -0.2]),
            "hierarchy_high": ("network_name", [1.0, 0.8]),
            "hierarchy_p": ("network_name", [0.04, 0.3]),
            "hierarchy_depth": (by_network, depth),
            "hierarchy_depth_low": (by_network, np.clip(depth - 0.2, 0, 1)),
            "hierarchy_depth_high": (by_network, np.clip(depth + 0.2, 0, 1)),
            "twin_gap": (("trained_name", "area"), np.linspace(0.1, 0.2, n)[None]),
            "twin_gap_low": (("trained_name", "area"), np.linspace(0.05, 0.1, n)[None]),
            "twin_gap_high": (("trained_name", "area"), np.linspace(0.15, 0.3, n)[None]),
        },
        coords={"area": list(areas), "network_name": names, "trained_name": names[:1]},
    )


def truth(rng: np.random.Generator, areas: tuple[str, ...], candidates: dict[str, str]) -> xr.Dataset:
    quantities = {
        "mean response": ("Hz", 6.2, ("mean of units",)),
        "trial variance": ("Hz²", 41.0, ("mean of units",)),
        "noise correlation": ("1", 0.06, ("mean of pairs",)),
        "reliability of the trial mean": ("1", 0.71, ("median of units",)),
        "distance between stimuli": ("1", 0.42, ("mean crossnobis",)),
        "dimensionality of the signal": ("dimensions", 7.6, ("participation ratio",)),
        "decoding accuracy": ("1", 0.47, ("lda",)),
        "time course": ("s", 0.085, ("time of the peak",)),
        "gain of running": ("1", 0.31, ("slope",)),
        "similarity": ("1", 0.6, tuple(candidates)),
        "noise ceiling": ("1", 0.91, ("unbiased CKA",)),
    }
    rows = []
    for quantity, (units, centre, whats) in quantities.items():
        for area in areas:
            for what in whats:
                true = centre * rng.uniform(0.7, 1.3)
                half = 0.06 * abs(true)
                estimate = true + half / 2 * rng.standard_normal()
                rows.append((quantity, area, what, units, estimate, estimate - half, estimate + half, true))
    columns = list(zip(*rows, strict=True))
    names = ("quantity", "area", "what", "units")
    numbers = ("estimate", "low", "high", "truth")
    found = {n: ("row", np.array(c, dtype=object)) for n, c in zip(names, columns[:4], strict=True)}
    found |= {n: ("row", np.array(c, dtype=float)) for n, c in zip(numbers, columns[4:], strict=True)}
    estimate, low, high, true = (np.array(c, dtype=float) for c in columns[4:])
    found["inside"] = ("row", (low <= true) & (true <= high))
    response = rng.gamma(1.2, 6, 6000)
    found["response_truth"] = ("point", response)
    found["response_estimate"] = (
        "point",
        response + 0.12 * np.sqrt(response) * rng.standard_normal(6000) * 3,
    )
    return xr.Dataset(
        found,
        attrs={
            "note": "True for these units and stimuli, at this session's gain and drift.",
            "confidence": 0.999,
        },
    )
