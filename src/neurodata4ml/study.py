"""A question asked of a recording: every analysis gets its labelled array, and nothing is computed after."""

from __future__ import annotations

import hashlib
import platform
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from neurodata4ml.answers import ANSWERS
from neurodata4ml.dims import PROVENANCE
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.material import Material, prepare
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec, read_spec

PACKAGES = ("neurodata4ml", "numpy", "scipy", "pandas", "xarray", "scikit-learn", "h5py", "onnxruntime", "matplotlib")


def run_study(spec: Spec | str | Path, *, progress: Callable[[str], None] | None = None) -> Results:
    """Ask one recording everything that it can answer.

    Parameters
    ----------
    spec : Spec, str or Path
        A study, or what :func:`~neurodata4ml.spec.read_spec` reads: a dataset, an NWB file, a ``study.toml``.
    progress : callable, optional
        Told the name of each step as it begins.

    Returns
    -------
    Results
        One labelled dataset per section; a section that the recording cannot answer is one sentence in ``missing``.

    Raises
    ------
    NeuroDataError
        If the recording cannot be opened, or no trial or unit is left.
    """
    spec = spec if isinstance(spec, Spec) else read_spec(spec)
    tell = progress or (lambda step: None)
    arrays: dict[str, xr.Dataset] = {}
    missing: dict[str, str] = {}
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        tell("open")
        material = prepare(spec)
        for name, answer in ANSWERS.items():
            tell(name)
            try:
                arrays[name] = answer(material)
            except (DesignError, DimensionError) as error:
                missing[name] = str(error)
    said = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    return Results(
        spec=material.spec.to_dict(),
        data=describe_data(material),
        arrays=arrays,
        missing=missing,
        warnings=list(dict.fromkeys(said)),
        software={name: metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()},
    )


def describe_data(material: Material) -> dict[str, Any]:
    """Return what the page says of the data: origin, licence, digest, and what was kept and dropped."""
    session = material.session
    known = {name: session.attrs[name] for name in PROVENANCE if session.attrs.get(name)}
    source = Path(str(session.attrs["source"]))
    n_trials, n_units = material.counts.sizes["trial"], material.counts.sizes["unit"]
    return {
        **known,
        **_entry_facts(session.attrs.get("dataset"), source),
        "sha256": known.get("sha256") or (_digest(source) if source.is_file() else ""),
        "size": session.attrs.get("whole") or (source.stat().st_size if source.is_file() else 0),
        "not_in_excerpt": session.attrs.get("not_in_excerpt", ""),
        "source": source.name,
        "note": session.attrs.get("note", ""),
        "n_trials": n_trials,
        "n_trials_total": n_trials + sum(material.trials_dropped.values()),
        "trials_dropped": material.trials_dropped,
        "n_units": n_units,
        "n_units_total": n_units + sum(material.units_dropped.values()),
        "units_dropped": material.units_dropped,
        "areas": material.area_sizes,
        "n_conditions": len(np.unique(material.counts["stimulus"].values.astype(str))),
    }


def _entry_facts(dataset: str | None, source: Path) -> dict[str, Any]:
    from neurodata4ml.data.entries.catalog import describe

    if not dataset:
        return {"title": source.name}
    entry = describe(dataset)
    return {
        "title": entry.title,
        "doi": entry.doi,
        "species": entry.species,
        "modality": entry.modality,
        "caveats": list(entry.caveats),
    }


def _digest(path: Path) -> str:
    """SHA-256 of a file that no entry pins: with it, another person can tell that theirs is the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
