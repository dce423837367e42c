"""Continuous series of a session: which of a file's series it shows, with their clocks, unread."""

from __future__ import annotations

import xarray as xr

from neurodata4ml.data.columns import free_name
from neurodata4ml.data.entries.records import Layout
from neurodata4ml.data.nwb.blocks import chunked
from neurodata4ml.data.nwb.file import GroupAt, NwbFile
from neurodata4ml.data.nwb.kinds import SERIES, core_type_of, type_of
from neurodata4ml.data.nwb.types import groups, read_group
from neurodata4ml.data.trials import has
from neurodata4ml.errors import LayoutError

PROCESSED = frozenset({"LFP", "FilteredEphys"})
"""Containers whose voltages are no raw ones, also where they stand in /acquisition."""


def read_series(file: NwbFile, layout: Layout) -> dict[str, xr.Dataset]:
    """Return the continuous series that the layout names, else all that have numbers and a clock, unread.

    Raw voltages in /acquisition are left to ``open_nwb`` where no layout names them: see ``raw_voltages``.

    Raises
    ------
    LayoutError
        A series that the layout names is in the file and cannot be read, or has no numbers or no clock.
    """
    if layout.trials:
        named = {name: path for name, path in layout.series.items() if has(file, path, or_refused=True)}
        return {name: _read_named(file, name, path) for name, path in named.items()}
    raw = raw_voltages(file)
    found = [g.path for g in groups(file, SERIES) if g.path.startswith(("/processing", "/acquisition"))]
    found = [path for path in found if path.strip("/") not in (*layout.responses.values(), *raw)]
    last = [path.rpartition("/")[2] for path in found]
    names = [n if last.count(n) == 1 else p.strip("/").replace("/", "_") for n, p in zip(last, found, strict=True)]
    read = {name: read_group(file, path) for name, path in zip(names, found, strict=True)}
    return {name: series for name, series in read.items() if _is_continuous(series)}


def raw_voltages(file: NwbFile) -> list[str]:
    """Return the paths of the raw voltages: they take most of a file, and no analysis of trials asks for them."""
    series = groups(file, SERIES, under="/acquisition") if has(file, "/acquisition") else ()
    raw = [g for g in series if core_type_of(file, g) == "ElectricalSeries" and _above(file, g) not in PROCESSED]
    return [g.path.strip("/") for g in raw]


def _above(file: NwbFile, group: GroupAt) -> str:
    """Return the type of the container that a group stands in."""
    container = file.find(group.path.rpartition("/")[0])[0]
    return "" if container is None else type_of(container)


def add_series(
    coords: dict[str, xr.Variable],
    variables: dict[str, xr.Variable],
    found: dict[str, xr.Dataset],
    *,
    last_dim: str,
) -> None:
    """Add each series as ``<name>``(``<name>_time``, ...) with its clock, without an index: that would read it."""
    for wanted, series in found.items():
        name = free_name(wanted, {*coords, *variables}, "series")
        data, clock = chunked(series["data"].variable), series.coords["timestamps"].variable
        axes = [last_dim.format(name) + (str(k) if k > 1 else "") for k in range(1, data.ndim)]
        variables[name] = xr.Variable((f"{name}_time", *axes), data.data, data.attrs)
        coords[f"{name}_time"] = xr.Variable((f"{name}_time",), chunked(clock).data, {"units": "s"})


def _read_named(file: NwbFile, name: str, path: str) -> xr.Dataset:
    unmapped: list[str] = []
    series = read_group(file, f"/{path.strip('/')}", unmapped)
    if not _is_continuous(series):
        message = (
            f"{file.name}: the series {name!r} at {path} has no numbers, or no time for each of them. "
            f"{'; '.join(unmapped) or 'Ask who made the file'}."
        )
        raise LayoutError(message)
    return series


def _is_continuous(series: xr.Dataset) -> bool:
    data, clock = series.variables.get("data"), series.variables.get("timestamps")
    if data is None or clock is None:
        return False
    return data.dtype.kind in "biuf" and clock.dtype.kind in "iuf" and clock.dims == data.dims[:1]
