"""Neurodata types: which of them are tables, series or images, and what an extension's type is based on."""

from __future__ import annotations

import json
from typing import Any

import h5py

from neurodata4ml.data.nwb.hdf5 import DAMAGE, NwbFile, text

TABLE, SERIES, IMAGES, CONTAINER, UNKNOWN = "table", "series", "images", "container", "unknown"

# Core schema 2.11.0: every type whose ancestors include DynamicTable, TimeSeries or Images.
_TABLES = """
AlignedDynamicTable DynamicTable ElectrodesTable EventsTable ExperimentalConditionsTable FrequencyBandsTable
IntracellularElectrodesTable IntracellularRecordingsTable IntracellularResponsesTable IntracellularStimuliTable
MeaningsTable PlaneSegmentation RepetitionsTable SequentialRecordingsTable SimultaneousRecordingsTable SweepTable
TimeIntervals Units"""
_SERIES = """
AbstractFeatureSeries AnnotationSeries CurrentClampSeries CurrentClampStimulusSeries DecompositionSeries
ElectricalSeries IZeroClampSeries IndexSeries IntervalSeries OptogeneticSeries PatchClampSeries RoiResponseSeries
SpatialSeries SpikeEventSeries TimeSeries VoltageClampSeries VoltageClampStimulusSeries"""
_IMAGE_SERIES = "ImageSeries ImageMaskSeries OnePhotonSeries OpticalSeries TwoPhotonSeries"

TABLES = frozenset(_TABLES.split())
IMAGE_SERIES = frozenset(_IMAGE_SERIES.split())
ALL_SERIES = frozenset(_SERIES.split()) | IMAGE_SERIES
KNOWN = TABLES | ALL_SERIES | {"Images"}
CORE = ("core", "hdmf-common", "hdmf-experimental")


def type_of(item: h5py.Group | h5py.Dataset) -> str:
    """Return the neurodata type of an object, "" where it has none."""
    return text(item.attrs["neurodata_type"]) if "neurodata_type" in item.attrs else ""


def core_type_of(file: NwbFile, item: h5py.Group | h5py.Dataset) -> str:
    """Return the type of the core schema that an object's own type is, or is based on; "" where nothing tells."""
    name = type_of(item)
    if not name or name in KNOWN or text(item.attrs.get("namespace", "core")) in CORE:
        return name
    bases = cached_bases(file)
    if name not in bases:
        return ""
    for _ in range(len(bases)):
        if name in KNOWN or not bases.get(name):
            break
        name = bases[name]
    return name


def kind_of(file: NwbFile, group: h5py.Group) -> str:
    """Return what a group is to a reader: a table, a series, images, a container, or unknown."""
    name = core_type_of(file, group)
    if name in TABLES:
        return TABLE
    if name in ALL_SERIES:
        return SERIES
    if name == "Images":
        return IMAGES
    return CONTAINER if name or not type_of(group) else UNKNOWN


def cached_bases(file: NwbFile) -> dict[str, str]:
    """Return {type: base type} from the specifications cached in the file; read when an extension is first met.

    A specification that cannot be read is left out, and ``file.notes`` names it.
    """
    if "bases" not in file.memory:
        bases: dict[str, str] = {}
        for part in _specifications(file):
            try:
                _collect(json.loads(text(part[()])), bases)
            except (*DAMAGE, ValueError, RecursionError) as error:
                file.notes.append(f"{part.name}: not a specification ({error}), so types defined there are not known")
        file.memory["bases"] = bases
    return dict(file.memory["bases"])


def _specifications(file: NwbFile) -> list[h5py.Dataset]:
    """Return the texts under /specifications, without following links."""
    parts: list[h5py.Dataset] = []
    top = file.find("specifications")[0]
    if isinstance(top, h5py.Group):
        top.visititems(lambda _, item: parts.append(item))
    return [part for part in parts if isinstance(part, h5py.Dataset) and part.shape == ()]


def _collect(spec: Any, bases: dict[str, str]) -> None:
    """Add every type definition in ``spec``, however deep it is nested."""
    if isinstance(spec, list):
        for part in spec:
            _collect(part, bases)
    elif isinstance(spec, dict):
        name = spec.get("neurodata_type_def") or spec.get("data_type_def")
        if name:
            bases[str(name)] = str(spec.get("neurodata_type_inc") or spec.get("data_type_inc") or "")
        for part in spec.values():
            _collect(part, bases)
