"""One recording: every section that it can answer gets its labelled array, and nothing is computed after."""

from __future__ import annotations

import os
import platform
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.dims import PROVENANCE
from neurodata4ml.errors import DesignError, DimensionError, NeuroDataError
from neurodata4ml.places import cache_folder, shared_caches
from neurodata4ml.record.files import sha256_of, size_of
from neurodata4ml.record.keys import NETWORKS
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies.answers.answers import asked_of
from neurodata4ml.studies.material import Material, prepare
from neurodata4ml.studies.progress import Progress, Steps
from neurodata4ml.studies.silence import warn_of_silence
from neurodata4ml.study_file import is_file_of_network

PACKAGES = ("neurodata4ml", "numpy", "scipy", "pandas", "xarray", "scikit-learn", "h5py", "onnxruntime", "matplotlib")

_IN_TURN = threading.Lock()
"""One recording at a time in a process: what is warned of, and how many threads BLAS has, belong to all of it."""


@dataclass(frozen=True)
class Outcome:
    """What came of a recording, as it travels between processes.

    Attributes
    ----------
    key : str
    text : bytes
        The JSON of the results; empty where it failed.
    place : str
        Where the recording was read from.
    took : float
        Seconds.
    error : Exception, optional
        Why it failed.
    """

    key: str
    text: bytes = b""
    place: str = ""
    took: float = 0.0
    error: Exception | None = None


def one_recording(spec: Spec, key: str = "", *, progress: Progress | None = None) -> Results:
    """Ask one recording everything that it can answer.

    Parameters
    ----------
    spec : Spec
        Of one session, or of one file.
    key : str
        The recording's name in a study of many.
    progress : callable, optional
        Told each step as it begins.

    Returns
    -------
    Results
        A section that the recording cannot answer is one sentence in ``missing``. They hold no path of this machine but
        in ``places``.

    Raises
    ------
    NeuroDataError
        If the recording cannot be opened, or no trial or unit is left.
    """
    arrays: dict[str, xr.Dataset] = {}
    missing: dict[str, str] = {}
    asked = asked_of(spec, among_many=key != "")
    steps = Steps(["open", *asked], progress)
    with _IN_TURN, threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        steps.begin("open")
        material = prepare(spec, among_many=key != "")
        warn_of_silence(material.totals)
        for name, answer in asked.items():
            steps.begin(name)
            try:
                arrays[name] = answer(material)
            except (DesignError, DimensionError) as error:
                missing[name] = placeless(str(error), spec)
    said = [placeless(str(w.message), spec) for w in caught if issubclass(w.category, UserWarning)]
    return Results(
        spec=told(material.spec),
        data=describe_data(material),
        arrays=arrays,
        missing=missing,
        warnings=list(dict.fromkeys(said)),
        software=versions(),
        places={key: _place(material.session)},
    )


def answered(spec: Spec, key: str = "", progress: Progress | None = None) -> Outcome:
    """Return the results of a recording as the bytes of their JSON.

    Whoever goes on with the bytes has the same numbers, whether they were made here, by another process or last week.
    """
    began = time.monotonic()
    results = one_recording(spec, key, progress=progress)
    with tempfile.TemporaryDirectory() as folder:
        text = results.save(Path(folder) / "results.json").read_bytes()
    return Outcome(key, text, results.places[key], time.monotonic() - began)


def outcome(spec: Spec, key: str, progress: Progress | None = None) -> Outcome:
    """Return what comes of a recording: its results, or the error that it raised; the other recordings go on."""
    began = time.monotonic()
    try:
        return answered(spec, key, progress)
    except Exception as error:
        return Outcome(key, took=time.monotonic() - began, error=_plain(error))


def told(spec: Spec) -> dict[str, Any]:
    """Return the study as it is told: of files, networks among them, their names alone.

    So that the same question, asked in two folders, gives the same bytes; where files lay stands in the lock.
    """
    networks = spec.networks and tuple(Path(one).name if is_file_of_network(one) else one for one in spec.networks)
    return replace(spec, networks=networks).to_dict()


def places_of_networks(spec: Spec) -> dict[str, str]:
    """Return where the networks of a study that are files lie, as ``places`` of results have it."""
    named = enumerate(spec.networks or ())
    return {f"{NETWORKS}/{i}": str(Path(one).absolute()) for i, one in named if is_file_of_network(one)}


def placeless(text: str, spec: Spec) -> str:
    """Return a message without the folders of this machine: of the recording, of the cache, and the working folder."""
    if not is_address(spec.source):
        file = Path(spec.source).expanduser()
        for path in (str(file.absolute()), spec.source):
            text = text.replace(path, file.name or path)
    for folder in (cache_folder(), *shared_caches(), Path.cwd()):
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that make the numbers."""
    return {name: metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()}


def _place(session: xr.Dataset) -> str:
    source = str(session.attrs["source"])
    return source if is_address(source) else str(Path(source).absolute())


def _plain(error: Exception) -> Exception:
    """Return an error that another process can be told of; one that is not ours says of which kind it is."""
    if isinstance(error, NeuroDataError):
        return error
    return NeuroDataError(f"{type(error).__name__}: {error}")


def describe_data(material: Material) -> dict[str, Any]:
    """Return what the page says of the data: origin, licence, digest, and what was kept and dropped."""
    session = material.session
    known = {name: session.attrs[name] for name in PROVENANCE if session.attrs.get(name)}
    source = Path(str(session.attrs["source"]))
    n_trials, n_units = material.counts.sizes["trial"], material.counts.sizes["unit"]
    return {
        **known,
        **_entry_facts(session.attrs.get("dataset"), source),
        "sha256": known.get("sha256") or (sha256_of(source) if source.exists() else ""),  # of what no entry pins
        "size": session.attrs.get("whole") or (size_of(source) if source.exists() else 0),
        "not_in_excerpt": session.attrs.get("not_in_excerpt", ""),
        "source": source.name,
        "note": session.attrs.get("note", ""),
        "subject": "" if session.attrs.get("simulated") else str(session.attrs.get("subject", "")),
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
    from neurodata4ml.data.entries.bibtex import cite
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
        "bibtex": cite(dataset),
    }
