"""What a study would do, before it does it: what moves, what is analysed, how long that takes and how much it needs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
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
from neurodata4ml.data.supplements import images_cached
from neurodata4ml.errors import NeuroDataError
from neurodata4ml.networks.models import MODELS, load_model
from neurodata4ml.spec import Spec
from neurodata4ml.studies.estimates import DEMO, FACTOR, PER_RECORDING, PER_REPORT, Size, memory_of, seconds_of
from neurodata4ml.studies.material import choose, networks_of
from neurodata4ml.studies.options import check_options
from neurodata4ml.studies.recordings import recordings
from neurodata4ml.study_keys import ANALYSES

UNKNOWN = Size(2000, 10, 50, {"all units": 200}, 0)
"""What a recording is taken for that nobody has opened."""

LAYERS = 8
"""Layers that a network of another library is taken to have, which is not loaded to find out."""


@dataclass(frozen=True)
class Part:
    """One recording of a study.

    Attributes
    ----------
    key : str
        Session, or name of the file.
    place : str
        Where it is: ``"here"``, ``"in parts"`` (an excerpt), ``"made here"`` (simulated), ``"to fetch"``.
    n_bytes : int
        Still to be moved; 0 too where nobody knows.
    size : Size
        What is analysed of it; taken for granted where it is not here.
    is_opened : bool
        Whether ``size`` is that of the recording.
    problem : str
        Why it cannot be analysed; "" where it can.
    """

    key: str
    place: str
    n_bytes: int
    size: Size
    is_opened: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """What a study would do.

    Attributes
    ----------
    spec : Spec
    parts : tuple of Part
    seconds : dict of str to float
        Processor time by step, of all recordings together.
    memory, disk : float
        Bytes: of one process at most; that the study leaves behind, what it fetches among them.
    notes : tuple of str
        What else is worth knowing before.
    """

    spec: Spec
    parts: tuple[Part, ...]
    seconds: dict[str, float]
    memory: float
    disk: float
    notes: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Bytes to move; 0 too where nobody knows."""
        return sum(part.n_bytes for part in self.parts)

    @property
    def total(self) -> float:
        """Seconds from start to page, about."""
        return sum(self.seconds.values())

    @property
    def interval(self) -> tuple[float, float]:
        """Seconds that are to be expected: between half and twice as many as estimated."""
        return self.total / FACTOR, self.total * FACTOR

    @property
    def n_tests(self) -> int:
        """Tests against shuffles: areas that are decoded, and their comparisons with every candidate."""
        asked = self.spec.analyses or tuple(ANALYSES)
        per_area = [("decode" in asked) + ("compare" in asked) * part.size.n_candidates for part in self.parts]
        return sum(n * len(part.size.areas) for n, part in zip(per_area, self.parts, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        parts = [{**asdict(part), "size": asdict(part.size)} for part in self.parts]
        low, high = self.interval
        return {
            "study": self.spec.to_dict(),
            "recordings": parts,
            "bytes_to_move": self.n_bytes,
            "tests": self.n_tests,
            "seconds": {**{k: round(v, 1) for k, v in self.seconds.items()}, "total": round(self.total, 1)},
            "seconds_low": round(low, 1),
            "seconds_high": round(high, 1),
            "memory": round(self.memory),
            "disk": round(self.disk),
            "changed": changed(self.spec),
            "notes": list(self.notes),
        }


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
    parts = tuple(_part(key, one) for key, one in _recordings(spec))
    seconds: dict[str, float] = {}
    for part in parts:
        for name, its in seconds_of(spec, part.size).items():
            seconds[name] = seconds.get(name, 0.0) + its
    if len(parts) > 1:  # no page of many shows it
        seconds.pop("truth", None)
    seconds["page"] = 8.0 + 0.5 * (len(parts) - 1)
    left = sum(part.n_bytes for part in parts) + PER_REPORT + PER_RECORDING * (len(parts) - 1)
    return Plan(spec, parts, seconds, max(memory_of(part.size) for part in parts), left, tuple(_notes(spec, parts)))


def changed(spec: Spec) -> dict[str, Any]:
    """Return the keys of a study that are not at their default, with its options as ``decode.decoder``."""
    usual = Spec(spec.source)
    names = [one.name for one in fields(Spec) if one.compare and one.name not in ("source", "options", "files")]
    found = {name: getattr(spec, name) for name in names if getattr(spec, name) != getattr(usual, name)}
    return found | {f"{table}.{name}": v for table, options in spec.options.items() for name, v in options.items()}


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
        return Part(key, "made here", 0, _beside(spec, DEMO))
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
            windows = choose_windows(session, **asked, step="bin_spikes")
    except NeuroDataError as error:
        return Part(key, place, 0, UNKNOWN, problem=str(error))
    labels = session["stimulus"].values[windows.kept].astype(str)
    areas, n_units = np.unique(session["area"].values.astype(str), return_counts=True)
    size = Size(
        n_trials=len(windows.kept),
        n_conditions=len(np.unique(labels)),
        n_bins=windows.n_bins,
        areas=dict(zip(areas.tolist(), n_units.tolist(), strict=True)),
        n_candidates=_n_candidates(networks_of(spec, session), spec, has_images=_has_images(session)),
        is_simulated=bool(session.attrs.get("simulated")),
    )
    return Part(key, place, 0, size, is_opened=True)


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
    networks = networks_of(spec, xr.Dataset(attrs={"simulated": True}))
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


def _notes(spec: Spec, parts: tuple[Part, ...]) -> Iterator[str]:
    """Yield what else is worth knowing before a study is begun."""
    for part in parts:
        if part.problem:
            yield f"{part.key}: {part.problem}"
    unseen = [part for part in parts if not part.is_opened and not part.problem and part.place != "made here"]
    if unseen:
        size = unseen[0].size
        yield (
            f"{len(unseen)} of {len(parts)} recordings are not here and were not looked into: each is taken for "
            f"{size.n_trials:,} trials of {size.n_conditions} conditions and {size.n_units} units. "
            "Check again when they are fetched."
        )
    asked = spec.analyses or tuple(ANALYSES)
    for table in spec.options:
        if table in ANALYSES and table not in asked:
            yield f"[{table}] changes nothing: {table} is not among the analyses."
    if spec.source in catalog.names():
        yield from _notes_of(catalog.describe(spec.source), spec)


def _notes_of(entry: Entry, spec: Spec) -> Iterator[str]:
    if not entry.layout.units:
        yield f"{entry.name} holds no spikes, which a report counts: see align_series in docs/align.md."
    if entry.images_from and not images_cached(entry):
        yield f"{entry.images_from.count} pictures are fetched besides, one by one; their sizes are not published."
    unlisted = entry.n_sessions - len(entry.sessions)
    if spec.sessions == ("all",) and unlisted:
        yield f"{unlisted} more sessions are in the archive's own list, which was not asked; a report asks for it."
