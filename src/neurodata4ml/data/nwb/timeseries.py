"""TimeSeries of every kind: data in its own unit, along a clock in seconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodata4ml.data.nwb.arrays import LazyArray, NwbArray
from neurodata4ml.data.nwb.blocks import origin, variable
from neurodata4ml.data.nwb.derived import Clock, Indexed, Scaled
from neurodata4ml.data.nwb.file import DatasetAt, GroupAt
from neurodata4ml.data.nwb.images import STACKS, image_dims, read_images
from neurodata4ml.data.nwb.kinds import IMAGE_SERIES, IMAGES, SERIES, core_type_of, kind_of, type_of
from neurodata4ml.data.nwb.objects import PROSE, Node, number
from neurodata4ml.data.storage.index import NUMBER, REFERENCE
from neurodata4ml.errors import LayoutError

CLOCK = frozenset({"data", "timestamps", "starting_time"})


def read_series(node: Node) -> None:
    """Add ``data`` (``<series>_time``, ...) and the coordinate ``timestamps`` in s to ``node``.

    ``conversion``, ``channel_conversion`` and ``offset`` are applied when values are read. The axis of electrodes or
    ROIs is ``<series>_axis``, with the row of each in its table as a variable; images are (time, y, x).
    """
    data = node.member("data")
    time = f"{node.dim}_time"
    if isinstance(data, DatasetAt) and data.shape:
        _add_data(node, data, _series_dims(node, data.ndim))
        _add_clock(node, time, data.shape[0])
    elif isinstance(clock := node.member("timestamps"), DatasetAt) and clock.shape:
        _add_clock(node, time, clock.shape[0])  # events: times without values
    if data is not None and not getattr(data, "shape", ()):
        node.leave("data", "left out: not one value for each time")
    if core_type_of(node.file, node.group) == "IndexSeries":
        _add_shown(node)
    for name in node.group.links:
        if name in CLOCK or name in PROSE:
            continue
        item = node.member(name)
        if isinstance(item, DatasetAt):
            _add_other(node, name, item, time)
        else:
            node.place_link(name)


def _series_dims(node: Node, n_axes: int) -> tuple[str, ...]:
    if core_type_of(node.file, node.group) in IMAGE_SERIES and n_axes >= 3:
        return (f"{node.dim}_time", *image_dims(node.dim, n_axes - 1))
    axes = [f"{node.dim}_axis" + (str(k) if k > 1 else "") for k in range(1, n_axes)]
    return (f"{node.dim}_time", *axes)


def _add_data(node: Node, data: DatasetAt, dims: tuple[str, ...]) -> None:
    """Add the values, scaled to the unit of their attributes; none where it is not known how."""
    conversion, offset = (number(data.attrs.get(name, at)) for name, at in (("conversion", 1.0), ("offset", 0.0)))
    channels = node.member("channel_conversion")
    if conversion is None or offset is None:
        word = "conversion" if conversion is None else "offset"
        node.leave("data", f"left out: its {word} is {data.attrs[word]!r}, which is not a number")
        return
    if channels is not None and (data.ndim < 2 or getattr(channels, "shape", None) != data.shape[1:2]):
        node.leave("data", f"left out: it has shape {data.shape}, and channel_conversion is not one number per channel")
        return
    node.place("data", dims)
    stored = node.variables.get("data")
    if stored is None:
        return
    for name in ("conversion", "offset", "resolution"):
        stored.attrs.pop(name, None)
    is_number = data.kind.kind == NUMBER and data.kind.dtype.kind in "iuf"
    if is_number and (conversion != 1.0 or offset != 0.0 or channels is not None):
        per_channel = node.array("channel_conversion") if channels is not None else None
        scaled = Scaled(node.array("data"), conversion, offset, per_channel)
        node.variables["data"] = variable(dims, scaled, stored.attrs)


def _add_clock(node: Node, time: str, n_samples: int) -> None:
    """Add ``timestamps`` (s): stored, linked from another series, or counted from a start and a rate."""
    times = _times(node, n_samples)
    if times is None:
        return
    if len(times.shape) != 1:
        node.leave("timestamps", f"left out: of shape {times.shape}, not one time for each of {n_samples:,} samples")
        return
    if times.shape != (n_samples,):
        node.leave("timestamps", f"{times.shape[0]:,} times for {n_samples:,} samples; kept along a dim of their own")
        time = f"{node.dim}_timestamps"
    node.coords["timestamps"] = variable((time,), times, {"units": "s"})


def _times(node: Node, n_samples: int) -> LazyArray | None:
    """Return the times of the samples; None where the file does not tell them."""
    clock, start = node.member("timestamps"), node.member("starting_time")
    if isinstance(clock, DatasetAt) and clock.kind.kind == REFERENCE and clock.size:
        path = _first_path(node, clock)  # an object reference to the clock
        clock = node.file.find(path)[0] if path else None
    if isinstance(clock, GroupAt):  # of another series: its own clock
        start = node.file.member(clock, "starting_time") or start
        clock = node.file.member(clock, "timestamps")
    if isinstance(clock, DatasetAt):
        return NwbArray(node.file.stored, clock)
    if not isinstance(start, DatasetAt):
        return None
    rate, first = number(start.attrs.get("rate", math.nan)), number(node.value(start))
    node.attrs["rate"] = rate if rate is not None else math.nan
    if rate is None or first is None or not (math.isfinite(rate) and rate > 0):
        node.leave("starting_time", f"a start of {first} s and a rate of {rate} Hz give no times")
        return None
    return Clock(first, rate, n_samples)


def _first_path(node: Node, references: DatasetAt) -> str:
    """Return the path that the first of some references points to, and read no more of them."""
    try:
        first = node.file.stored.values(references.stored, (slice(0, 1),) * references.ndim)
    except LayoutError as error:
        node.leave(references.path.rpartition("/")[2], str(error))
        return ""
    return node.file.path_of(np.ravel(first)[0])


def _add_shown(node: Node) -> None:
    """Add the images that a series of indices counts in, as they were shown: a lazy stack over its times."""
    data, target = node.dataset_at("data"), node.member("indexed_images") or node.member("indexed_timeseries")
    if data is None or not isinstance(target, GroupAt):
        return
    stack = _stack(node, target)
    if stack is None or data.ndim != 1 or data.kind.kind != NUMBER or data.kind.dtype.kind not in "iu":
        node.leave(
            "images", f"which image of {target.path} was shown when is not known: they have no order, or no stack"
        )
        return
    dims = (f"{node.dim}_time", *image_dims(node.dim, len(stack.shape) - 1))
    node.add(node.other_name("data", "images", "shown"), dims, Indexed(node.array("data"), stack))


def _stack(node: Node, target: GroupAt) -> LazyArray | None:
    """Return the images of a container in their order, or of an ``ImageSeries``; None where there are none."""
    stacks: dict[Any, LazyArray | None] = node.file.memory.setdefault(STACKS, {})
    if target.stored.key not in stacks:
        kind, its = kind_of(node.file, target), Node(node.file, target, [])
        if kind == IMAGES:
            read_images(its)
        elif kind == SERIES and core_type_of(node.file, target) in IMAGE_SERIES:
            stacks[target.stored.key] = _pictures(its)
    return stacks.get(target.stored.key)


def _pictures(node: Node) -> LazyArray | None:
    """Return the data of an ``ImageSeries``, scaled; None where they are no stack of images."""
    data = node.dataset_at("data")
    if data is None or data.ndim < 3:
        return None
    _add_data(node, data, _series_dims(node, data.ndim))
    lazy = origin(node.variables["data"]) if "data" in node.variables else None
    return None if lazy is None else lazy.array


def _add_other(node: Node, name: str, item: DatasetAt, time: str) -> None:
    """Add what a kind of series has besides: the rows of its electrodes or ROIs, control codes, gains, ..."""
    if name == "channel_conversion":
        return  # applied to the data already
    if name == "external_file":
        node.leave(name, "the pixels lie in other files")
    if not item.shape:
        node.place_other(name)
    elif type_of(item) == "DynamicTableRegion":
        node.place(name, (f"{node.dim}_axis",))
    elif name == "control":
        node.place(name, (time,))
    else:
        node.place_other(name)
