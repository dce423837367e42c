"""Neurodata types: which of them are tables, series or images, and what an extension's type is based on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, Item, NwbFile
from neurodata4ml.data.storage.index import Hard
from neurodata4ml.errors import LayoutError

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


def type_of(item: Item) -> str:
    """Return the neurodata type of an object, "" where it has none."""
    return str(item.attrs.get("neurodata_type", ""))


def core_type_of(file: NwbFile, item: Item) -> str:
    """Return the type of the core schema that an object's own type is, or is based on; "" where nothing tells."""
    name = type_of(item)
    if not name or name in KNOWN or str(item.attrs.get("namespace", "core")) in CORE:
        return name
    bases = cached_bases(file)
    if name not in bases:
        return ""
    for _ in range(len(bases)):
        if name in KNOWN or not bases.get(name):
            break
        name = bases[name]
    return name


def kind_of(file: NwbFile, group: GroupAt) -> str:
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
        parts = list(_specifications(file))
        file.expect(parts)
        for part in parts:
            try:
                _collect(json.loads(str(file.value(part))), bases)
            except (LayoutError, ValueError, RecursionError) as error:
                file.notes.append(f"{part.path}: not a specification ({error}), so types defined there are not known")
        file.memory["bases"] = bases
    return dict(file.memory["bases"])


def _specifications(file: NwbFile) -> Iterator[DatasetAt]:
    """Yield the texts under /specifications but for NWB's own types, which are known, without following links."""
    waiting, seen = [file.find("specifications")[0]], set()
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, DatasetAt) and item.stored.shape == ():
            yield item
        if not isinstance(item, GroupAt) or item.stored.key in seen:
            continue
        seen.add(item.stored.key)
        own = [name for name, link in item.links.items() if isinstance(link, Hard)]
        waiting += [file.member(item, name) for name in own if item.path != "/specifications" or name not in CORE]


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
