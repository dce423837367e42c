"""TimeSeries of every kind and stacks of images: data in its own unit, along a clock in seconds."""

from __future__ import annotations

import math

import h5py
import numpy as np
import xarray as xr

from neurodata4ml.data.nwb.arrays import Clock, LazyArray, NwbArray, Scaled, Stack, is_readable, variable
from neurodata4ml.data.nwb.kinds import IMAGE_SERIES, core_type_of, type_of
from neurodata4ml.data.nwb.objects import PROSE, Node, number

CLOCK = frozenset({"data", "timestamps", "starting_time"})


def read_series(node: Node) -> None:
    """Add ``data`` (``<series>_time``, ...) and the coordinate ``timestamps`` in s to ``node``.

    ``conversion``, ``channel_conversion`` and ``offset`` are applied when values are read. The axis of electrodes or
    ROIs is ``<series>_axis``, with the row of each in its table as a variable; images are (time, y, x).
    """
    data = node.member("data")
    time = f"{node.dim}_time"
    if isinstance(data, h5py.Dataset) and data.shape:
        _add_data(node, data, _series_dims(node, data.ndim))
        _add_clock(node, time, data.shape[0])
    elif isinstance(clock := node.member("timestamps"), h5py.Dataset) and clock.shape:
        _add_clock(node, time, clock.shape[0])  # events: times without values
    for name in node.group:
        if name in CLOCK or name in PROSE:
            continue
        item = node.member(name)
        if isinstance(item, h5py.Dataset):
            _add_other(node, name, item, time)
        else:
            node.place_link(name)


def read_images(node: Node) -> None:
    """Add the images of an ``Images`` container: one stack ``images`` where all have one shape.

    The stack follows ``order_of_images`` where the file has it (``attrs["ordered"]`` is then "yes"), else the names;
    ``image_name`` tells which is which.
    """
    names = [name for name in node.group if name != "order_of_images" and _is_image(node, name)]
    order = node.member("order_of_images")
    if isinstance(order, h5py.Dataset):
        wanted = [node.file.path_of(reference).rpartition("/")[2] for reference in order[...]]
        if set(wanted) <= set(names):
            names = wanted
        else:
            node.leave("order_of_images", "it names images that are not there, so their order is not known")
            order = None
    node.attrs["ordered"] = "yes" if isinstance(order, h5py.Dataset) else "no"
    shapes = {node.group[name].shape for name in names} | {node.group[name].dtype.str for name in names}
    if not names:
        return
    if len(shapes) > 2:
        for name in names:
            node.place(name, _image_dims(f"{node.dim}_{name}", node.group[name].ndim))
        return
    dims = (node.dim, *_image_dims(node.dim, node.group[names[0]].ndim))
    node.variables["images"] = variable(dims, Stack([node.array(name) for name in names]))
    node.coords["image_name"] = xr.Variable((node.dim,), np.array(names, dtype=object))


def _is_image(node: Node, name: str) -> bool:
    item = node.member(name)
    return isinstance(item, h5py.Dataset) and item.ndim >= 2 and is_readable(item.dtype)


def _image_dims(stem: str, n_axes: int) -> tuple[str, ...]:
    return tuple(f"{stem}_{axis}" for axis in ("y", "x", "channel", "plane")[:n_axes])


def _series_dims(node: Node, n_axes: int) -> tuple[str, ...]:
    if core_type_of(node.file, node.group) in IMAGE_SERIES and n_axes >= 3:
        return (f"{node.dim}_time", *_image_dims(node.dim, n_axes - 1))
    axes = [f"{node.dim}_axis" + (str(k) if k > 1 else "") for k in range(1, n_axes)]
    return (f"{node.dim}_time", *axes)


def _add_data(node: Node, data: h5py.Dataset, dims: tuple[str, ...]) -> None:
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
    if data.dtype.kind in "iuf" and (conversion != 1.0 or offset != 0.0 or channels is not None):
        per_channel = node.array("channel_conversion") if channels is not None else None
        scaled = Scaled(node.array("data"), conversion, offset, per_channel)
        node.variables["data"] = variable(dims, scaled, stored.attrs)


def _add_clock(node: Node, time: str, n_samples: int) -> None:
    """Add ``timestamps`` (s): stored, linked from another series, or counted from a start and a rate."""
    clock, start = node.member("timestamps"), node.member("starting_time")
    path = f"{node.path}/timestamps"
    if isinstance(clock, h5py.Dataset) and h5py.check_ref_dtype(clock.dtype):
        path = node.file.path_of(clock[()] if not clock.shape else clock[0])  # an object reference to the clock
        clock = node.file.find(path)[0]
    if isinstance(clock, h5py.Group):  # of another series: its own clock
        path, start = f"{clock.name}/timestamps", node.file.member(clock, "starting_time") or start
        clock = node.file.member(clock, "timestamps")
    if isinstance(clock, h5py.Dataset):
        times: LazyArray = NwbArray(node.file, path)
    elif isinstance(start, h5py.Dataset):
        rate, first = number(start.attrs.get("rate", math.nan)), number(start[()])
        node.attrs["rate"] = rate if rate is not None else math.nan
        if rate is None or first is None or not (math.isfinite(rate) and rate > 0):
            node.leave("starting_time", f"a start of {first} s and a rate of {rate} Hz give no times")
            return
        times = Clock(first, rate, n_samples)
    else:
        return
    if len(times.shape) != 1:
        node.leave("timestamps", f"left out: of shape {times.shape}, not one time for each of {n_samples:,} samples")
        return
    if times.shape != (n_samples,):
        node.leave("timestamps", f"{times.shape[0]:,} times for {n_samples:,} samples; kept along a dim of their own")
        time = f"{node.dim}_timestamps"
    node.coords["timestamps"] = variable((time,), times, {"units": "s"})


def _add_other(node: Node, name: str, item: h5py.Dataset, time: str) -> None:
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
