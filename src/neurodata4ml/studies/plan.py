"""What a study would do, before it does it: what moves, what is analysed, how long that takes and how much it needs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.align.windows import choose_windows
from neurodata4ml.data.cache import store
from neurodata4ml.data.cache.known import is_known, known_here
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.excerpts import excerpt
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.data.truth import shows_scenes
from neurodata4ml.errors import DesignError, NeuroDataError
from neurodata4ml.networks.models import MODELS, load_model
from neurodata4ml.spec import Spec
from neurodata4ml.studies.estimates import DEMO, PER_RECORDING, PER_REPORT, Size, memory_of, seconds_of
from neurodata4ml.studies.material import choose, networks_of, require_layers
from neurodata4ml.studies.misfits import require_columns
from neurodata4ml.studies.notes import notes_on
from neurodata4ml.studies.options import check_options
from neurodata4ml.studies.planned import Part, Plan
from neurodata4ml.studies.recordings import recordings
from neurodata4ml.study_file import is_file_of_network, told
from neurodata4ml.study_keys import Problem, about

UNKNOWN = Size(2000, 10, 50, {"all units": 200}, 0)
"""What a recording is taken for that nobody has opened."""

LAYERS = 8
"""Layers that a network of another library is taken to have, which is not loaded to find out."""


def plan(spec: Spec) -> Plan:
    """Say what a study would do. Nothing is fetched, no spike is read, and the network is not used.

    Of recordings that are here, the metadata are opened: trials, units and areas are counted after the study's own
    filters. Others are taken for a recording of usual size, and ``notes`` says so.

    Parameters
    ----------
    spec : Spec
        Of one recording or of many.

    Raises
    ------
    DesignError
        An option that no function takes, or a recording that cannot be (``check_options``).
    """
    check_options(spec)
    _check_layers(spec)
    parts = tuple(_part(key, one) for key, one in _recordings(spec))
    if all(part.lacks for part in parts):  # of many, one may do without
        parts = tuple(replace(part, problem=part.lacks) for part in parts)
    seconds: dict[str, float] = {}
    for part in parts:
        for name, its in seconds_of(spec, part.size).items():
            seconds[name] = seconds.get(name, 0.0) + its
    if len(parts) > 1:  # no page of many shows it
        seconds.pop("truth", None)
    seconds["page"] = 8.0 + 0.5 * (len(parts) - 1)
    left = sum(part.n_bytes for part in parts) + PER_REPORT + PER_RECORDING * (len(parts) - 1)
    return Plan(spec, parts, seconds, max(memory_of(part.size) for part in parts), left, tuple(notes_on(spec, parts)))


def _check_layers(spec: Spec) -> None:
    """Refuse a layer that no network of the study has; networks of other libraries are not loaded to find out."""
    names = networks_of(spec, of_demo=_of_demo(spec))
    if not all(name in MODELS or is_file_of_network(name) for name in names):
        return
    try:
        require_layers(spec, [load_model(name) for name in names])
    except DesignError as error:
        raise DesignError(told(spec.origin, [Problem("layers", str(error))]) if spec.origin else str(error)) from error


def _of_demo(spec: Spec) -> bool:
    """Return whether the study is of the scenes of the demo, whose networks and truth are known."""
    entry = catalog.describe(spec.source) if spec.source in catalog.names() else None
    is_demo = entry is not None and entry.archive == "simulated" and not entry.system
    return is_demo and entry is not None and spec.trials in (None, entry.layout.default_trials)


def _recordings(spec: Spec) -> list[tuple[str, Spec]]:
    """Return the recordings that are known without asking an archive, each as a study of one, by key."""
    if not spec.sessions:
        return list(recordings(spec).items())
    wanted = list(catalog.describe(spec.source).sessions) if spec.sessions == ("all",) else spec.sessions
    return [(one, replace(spec, session=one, sessions=None)) for one in wanted]


def _part(key: str, spec: Spec) -> Part:
    entry = catalog.describe(spec.source) if spec.source in catalog.names() else None
    if entry is None:
        key = key or spec.name
        return Part(key, "on a server", 0, UNKNOWN) if is_address(spec.source) else _opened(key, "here", spec)
    entry, key = known_here(entry, spec.session), key or entry.session_id(spec.session)
    its = entry.sessions.get(key)
    if store.cached(entry, spec.session) is not None or entry.archive == "local":
        return _opened(key, "here", spec)
    if entry.archive == "simulated":
        return Part(key, "made here", 0, _beside(spec, DEMO) if _of_demo(spec) else _guessed(spec, entry))
    if is_known(entry, spec.session) and excerpt.cached(entry, spec.session) is not None:
        return _opened(key, "in parts", spec)
    usual = entry.size  # of a session that only the archive knows
    return Part(key, "to fetch", (its.size or its.about) if its else usual, _guessed(spec, entry))


def _opened(key: str, place: str, spec: Spec) -> Part:
    """Return a recording that is here, with what is analysed of it, or why nothing can be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the study itself warns, of what it then does
            chosen, session, _, _ = choose(spec)
            asked: dict[str, Any] = {"align": chosen.align, "window": chosen.window, "bin_width": chosen.bin_width}
            with about("window"):
                windows = choose_windows(session, **asked, step="bin_spikes")
    except NeuroDataError as error:
        return Part(key, place, 0, UNKNOWN, problem=str(error), key_of_problem=error.key)
    _, n_each = np.unique(session["stimulus"].values[windows.kept].astype(str), return_counts=True)
    areas, n_units = np.unique(session["area"].values.astype(str), return_counts=True)
    size = Size(
        n_trials=len(windows.kept),
        n_conditions=len(n_each),
        n_bins=windows.n_bins,
        areas=dict(zip(areas.tolist(), n_units.tolist(), strict=True)),
        n_candidates=_n_candidates(
            networks_of(spec, of_demo=shows_scenes(session)), spec, has_images=_has_images(session)
        ),
        is_simulated=shows_scenes(session),
    )
    lacks, key_of_it = _lacks(spec, session)
    more: dict[str, Any] = {"key_of_problem": key_of_it, "lacks": lacks}
    return Part(key, place, 0, size, is_opened=True, **more, fewest=int(n_each.min(initial=size.n_trials)))


def _lacks(spec: Spec, session: xr.Dataset) -> tuple[str, str]:
    """Return what an option names and the recording does not have, and the key of that option."""
    try:
        require_columns(spec, session)
    except DesignError as error:
        return str(error), error.key
    return "", ""


def _has_images(session: xr.Dataset) -> bool:
    """Return whether networks can be shown what the animal saw; pictures that lie elsewhere are not fetched."""
    name = str(session.attrs.get("dataset", ""))
    if name in catalog.names() and catalog.describe(name).images_from is not None:
        return True
    try:
        stimulus_images(session)
    except NeuroDataError:
        return False
    return True


def _guessed(spec: Spec, entry: Entry) -> Size:
    """Return what a recording is taken for that is not here."""
    has_images = bool(entry.layout.images or entry.images_from)
    areas = spec.areas or entry.areas[:4] or ("all units",)
    n_units = sum(UNKNOWN.areas.values()) // len(areas)
    table = spec.trials or entry.layout.default_trials
    of_images = entry.images_from is not None and table in entry.images_from.trials
    n_conditions = entry.images_from.count if entry.images_from and of_images else UNKNOWN.n_conditions
    its = entry.layout.trials.get(table)
    window = spec.window or (its.window if its and its.window else (0.0, 0.5))
    n_bins = max(1, round((window[1] - window[0]) / spec.bin_width))
    of_areas = replace(UNKNOWN, areas=dict.fromkeys(areas, n_units), n_conditions=n_conditions, n_bins=n_bins)
    return replace(of_areas, n_candidates=_n_candidates(spec.networks or (), spec, has_images=has_images))


def _beside(spec: Spec, size: Size) -> Size:
    """Return the size of the demo with the areas, and beside the networks, of a study."""
    networks = networks_of(spec, of_demo=True)
    areas = {area: n for area, n in size.areas.items() if spec.areas is None or area in spec.areas}
    return replace(size, areas=areas, n_candidates=_n_candidates(networks, spec, has_images=True))


def _n_candidates(networks: tuple[str, ...], spec: Spec, *, has_images: bool) -> int:
    """Return how many layers, layers of twins and baselines there are; no network of another library is loaded."""
    layers = 0
    for name in networks:
        n_own = len(load_model(name).layers) if name in MODELS or name.endswith(".onnx") else LAYERS
        n_own = len(spec.layers) if spec.layers and spec.layers != ("all",) else n_own
        has_twin = not name.endswith("-untrained") and f"{name}-untrained" not in networks
        layers += n_own * (1 + has_twin)
    return layers + 2 if has_images else 0
