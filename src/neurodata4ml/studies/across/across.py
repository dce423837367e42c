"""What many recordings say together: for every section, each one's own value, and their mean with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from neurodata4ml.results import Results
from neurodata4ml.studies.across.activity import dimensions, rates, reliabilities
from neurodata4ml.studies.across.candidates import predictions, similarities
from neurodata4ml.studies.across.decoding import readouts
from neurodata4ml.studies.across.geometry import distances
from neurodata4ml.studies.across.samples import Samples, samples_of, shared

_MADE: dict[str, Callable[[Mapping[str, xr.Dataset], Samples], xr.Dataset]] = {
    "psth": rates,
    "decoding": readouts,
    "dimensionality": dimensions,
    "reliability": reliabilities,
    "rdms": distances,
    "encoding": predictions,
    "similarity": similarities,
}
"""Section -> what makes one array of those of all recordings. Latents are left out: their axes differ."""


def over_recordings(sessions: Mapping[str, Results]) -> dict[str, xr.Dataset]:
    """Return what recordings say together, one labelled array for each section that any of them has.

    Of a quantity ``x``, each array holds ``x`` (session, area, ...) as every recording has it, with the ends of its own
    interval, ``x_low`` and ``x_high``; over recordings ``x_mean`` (area, ...) with ``x_mean_low`` and ``x_mean_high``,
    a 95 % interval of Student's t, and ``x_n``, the number of recordings that have it. An area or a candidate that a
    recording lacks is NaN there and is not counted. Recordings of one animal are not independent: where the animals of
    all are known, and there are several, the mean is taken within every animal first, and animals are the samples
    (:func:`~neurodata4ml.studies.across.samples.samples_of`).

    Parameters
    ----------
    sessions : dict of str to Results
        Of each recording, by its key. Their order changes the order of ``session`` and nothing else.

    Returns
    -------
    dict of str to Dataset
        ``"sessions"``: what each recording kept; and ``"decoding_sessions"``, ``"similarity_sessions"``, ... Their
        ``attrs`` say what was sampled (``sampled``: "recording" or "animal"; ``n_samples``, ``n_recordings``,
        ``n_animals``), and in ``undefined`` why a number is NaN.
    """
    if not sessions:
        return {}
    samples = samples_of(sessions)
    out = {"sessions": _kept(sessions, samples)}
    for name, make in _MADE.items():
        having = {key: one.arrays[name] for key, one in sessions.items() if name in one.arrays}
        if having:
            found = make(having, samples)
            found.attrs |= samples.told | {"confidence": 0.95, "n_recordings": len(sessions), "n_with": len(having)}
            out[f"{name}_sessions"] = found
    return out


_COUNTS = ("n_trials", "n_trials_total", "n_units", "n_units_total", "n_conditions")


def _kept(sessions: Mapping[str, Results], samples: Samples) -> xr.Dataset:
    """Return what each recording kept: trials, units, by area, and whose recording it is."""
    every = [one.data for one in sessions.values()]
    areas = shared([np.array(list(data.get("areas") or {}), dtype=object) for data in every])
    sizes = [[(data.get("areas") or {}).get(area, np.nan) for area in areas] for data in every]
    counts = {name: ("session", np.array([data.get(name, np.nan) for data in every], float)) for name in _COUNTS}
    return xr.Dataset(
        {
            **counts,
            "n_units_of_area": (("session", "area"), np.array(sizes, dtype=float).reshape(len(every), len(areas))),
            "n_sections": ("session", np.array([len(one.arrays) for one in sessions.values()])),
            "subject": ("session", np.array([samples.subject[key] for key in sessions], dtype=object)),
        },
        coords={"session": np.array(list(sessions), dtype=object), "area": areas},
        attrs={**samples.told, "n_recordings": len(sessions)},
    )
