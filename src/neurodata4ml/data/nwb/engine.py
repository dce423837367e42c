"""The xarray engine "nwb": any NWB 2 file, wherever it is, as a lazy tree of labelled arrays."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from neurodata4ml.data.nwb import objects
from neurodata4ml.data.nwb.blocks import chunked
from neurodata4ml.data.nwb.file import NwbFile, open_file
from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.data.nwb.types import read_all, read_group


def open_nwb(path: str | PathLike[str] | Any, *, chunks: Any = {}) -> xr.DataTree:  # noqa: B006
    """Open any NWB 2 file as a lazy tree, wherever it is; nothing but metadata is read.

    A group of the file is a node at the same path: tables (units, electrodes, trials, every interval table) have a
    row dim of their own name, series have ``data`` (``<series>_time``, ...) and ``timestamps`` in s, image containers
    a stack ``images``, and a series of image numbers the ``images`` that were shown. A ragged column ``x`` comes with
    ``x_start`` and ``x_stop`` for each row. Series are in the unit of their attributes: conversion and offset are
    applied when values are read. Columns of texts that all hold numbers are numbers once they are read.

    Parameters
    ----------
    path : path, address or binary file object
        A file in HDF5, or a Zarr store (a folder; an address that ends in ``.zarr``). Addresses are ``https://``,
        ``http://``, ``s3://bucket/key`` and ``dandi:<dandiset>[@<version>]/<path>``: of such a file only what is
        looked at is moved, and kept in the cache for the next time. ``cost`` tells how much that is.
    chunks
        As for xarray: ``{}``, or "auto", gives dask arrays in blocks that suit the file, None plain lazy arrays.
        Whatever is selected of either, only what is selected is read.

    Returns
    -------
    DataTree
        ``attrs["unmapped"]`` lists what found no place. It is the same as
        ``xr.open_datatree(path, engine="nwb", chunks={})``; close it with ``.close()``.

    Raises
    ------
    LayoutError
        When the file is missing, empty, damaged, neither HDF5 nor Zarr, or not NWB 2. What single objects keep in
        other files, or nowhere, is refused by itself: ``attrs["unmapped"]`` names it.
    CatalogError, ArchiveError, ChecksumError, NotCachedError
        When a server does not deliver, delivers another file than is published, or may not be asked.

    Examples
    --------
    >>> tree = open_nwb("session.nwb")
    >>> tree["units"]["spike_times"].dims
    ('units_spike_times',)
    """
    if chunks not in ({}, "auto"):  # dask has no blocks of its own for texts
        return xr.open_datatree(path, engine="nwb", chunks=chunks)
    file, tree = open_file(path, _tree)
    tree.set_close(file.close)
    return tree


def descriptions(path: str | PathLike[str] | Any, group: str) -> dict[str, str]:
    """Return what the file says about an object and its columns, read only now.

    The key "" is the object itself: ``descriptions("session.nwb", "units")["spike_times"]``.

    Raises
    ------
    LayoutError
        When nothing is at ``group``.
    """
    file, found = open_file(path, lambda file: objects.descriptions(file, group))
    file.close()
    return found


class NwbBackend(BackendEntrypoint):
    """What ``engine="nwb"`` means to xarray."""

    description = (
        "Neurodata Without Borders 2 (.nwb in HDF5, .nwb.zarr), here or on a server, lazily, by neurodata type"
    )
    url = "https://www.nwb.org"
    supports_groups = True
    open_dataset_parameters: ClassVar[tuple[str, ...]] = ("filename_or_obj", "drop_variables", "group")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Return whether the name ends in ``.nwb`` or ``.nwb.zarr``, or is a place on DANDI."""
        if not isinstance(filename_or_obj, str | PathLike):
            return False
        name = str(filename_or_obj).lower()
        place = name.partition("?")[0].rstrip("/") if is_address(filename_or_obj) else name.rstrip("/")
        return name.startswith("dandi:") or place.endswith((".nwb", ".nwb.zarr"))

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str = "/"
    ) -> xr.Dataset:
        """Return one object of the file: ``xr.open_dataset(path, engine="nwb", group="units")``."""
        file, dataset = open_file(filename_or_obj, lambda file: read_group(file, f"/{group.strip('/')}"))
        dataset = dataset.drop_vars(_names(drop_variables), errors="ignore")
        dataset.set_close(file.close)
        return dataset

    def open_groups_as_dict(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str | None = None
    ) -> dict[str, xr.Dataset]:
        """Return every object of the file, or of a ``group`` of it, by its path from there."""
        file, found = open_file(filename_or_obj, lambda file: read_all(file, f"/{(group or '').strip('/')}"))
        found = {path: node.drop_vars(_names(drop_variables), errors="ignore") for path, node in found.items()}
        found["/"].set_close(file.close)
        return found

    def open_datatree(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, group: str | None = None
    ) -> xr.DataTree:
        """Return the whole file, or a ``group`` of it, as a tree."""
        found = self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables, group=group)
        tree = xr.DataTree.from_dict(found)
        tree.set_close(found["/"]._close)
        return tree


def _names(drop_variables: str | Iterable[str] | None) -> list[str]:
    return [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())


def _tree(file: NwbFile) -> xr.DataTree:
    return xr.DataTree.from_dict({place: _in_blocks(node) for place, node in read_all(file).items()})


def _in_blocks(node: xr.Dataset) -> xr.Dataset:
    """Return a Dataset whose unread variables are dask arrays, without any index: it would read its labels."""
    columns = {name: chunked(column) for name, column in node.variables.items()}
    labels = {name: columns.pop(name) for name in node.coords}
    return xr.Dataset(columns, xr.Coordinates(labels, indexes={}), node.attrs)
