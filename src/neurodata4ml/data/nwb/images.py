"""Images of a file as one lazy stack, whether each is a dataset of its own or all are one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.data.nwb.arrays import is_readable
from neurodata4ml.data.nwb.derived import Stack
from neurodata4ml.data.nwb.file import DatasetAt, Item
from neurodata4ml.data.nwb.objects import Node
from neurodata4ml.data.storage.index import REFERENCE

STACKS = "stacks"
"""Under which word a file's memory holds the stacks that were made of it."""


def read_images(node: Node) -> None:
    """Add the images of an ``Images`` container: one stack ``images`` where all have one shape.

    The stack follows ``order_of_images`` where the file has it (``attrs["ordered"]`` is then "yes"), else the names;
    ``image_name`` tells which is which.
    """
    names = [name for name, item in node.members.items() if name != "order_of_images" and _is_image(item)]
    order = _order(node, set(names))
    node.attrs["ordered"] = "no" if order is None else "yes"
    for name in node.members.keys() - {*names, "order_of_images"}:
        _add_other(node, name)
    names = names if order is None else order
    found = [item for name in names if (item := node.dataset_at(name)) is not None]
    if len({(item.shape, item.kind.dtype) for item in found}) > 1:
        for name in names:
            node.place(name, image_dims(f"{node.dim}_{name}", len(node.array(name).shape)))
    elif found:
        stack = Stack(node.file.stored, found)
        node.file.memory.setdefault(STACKS, {})[node.group.stored.key] = None if order is None else stack
        is_free = "images" in names or "images" not in node.members
        shown = "images" if is_free else node.other_name("images", "images", "stack")
        node.add(shown, (node.dim, *image_dims(node.dim, found[0].ndim)), stack)
        node.coords["image_name"] = xr.Variable((node.dim,), np.array(names, dtype=object))


def image_dims(stem: str, n_axes: int) -> tuple[str, ...]:
    """Return the dims of one image: y, x, then channels or planes."""
    axes = ("y", "x", "channel", "plane", *(f"axis{k}" for k in range(5, n_axes + 1)))
    return tuple(f"{stem}_{axis}" for axis in axes[:n_axes])


def _order(node: Node, names: set[str]) -> list[str] | None:
    """Return the names in their order; None where the file does not tell it."""
    order = node.dataset_at("order_of_images")
    if order is None or order.kind.kind != REFERENCE:
        return None
    n_named = order.size
    paths = node.value(order, most=n_named) if n_named <= len(names) else None
    if paths is None:
        if n_named > len(names):  # they are not read: a few bytes may claim to be very many
            why = f"it names images that are not there, {n_named:,} for {len(names):,}, so their order is not known"
            node.leave("order_of_images", why)
        return None
    wanted = [node.file.path_of(reference).rpartition("/")[2] for reference in np.ravel(paths)]
    if set(wanted) <= names:
        return wanted
    node.leave("order_of_images", "it names images that are not there, so their order is not known")
    return None


def _is_image(item: Item) -> bool:
    return isinstance(item, DatasetAt) and item.ndim >= 2 and is_readable(item.kind)


def _add_other(node: Node, name: str) -> None:
    if node.dataset_at(name) is None:
        node.place_link(name)
    else:
        node.place_other(name)
