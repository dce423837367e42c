"""The images that were shown, numbered as the stimuli are."""

from __future__ import annotations

import re
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from neurodata4ml.data import supplements
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.nwb.arrays import NwbArray
from neurodata4ml.data.nwb.blocks import chunked, origin
from neurodata4ml.data.nwb.file import NwbFile, open_file
from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.data.nwb.types import groups, read_group
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.trials import has
from neurodata4ml.data.whereabouts import find_session
from neurodata4ml.errors import LayoutError

TEMPLATES = "stimulus/templates"
"""Where NWB keeps what was shown."""

KEPT = ("dataset", "version", "session", "source")
"""What images say of the session they were shown in."""


def stimulus_images(session: xr.Dataset) -> xr.DataArray:
    """Return the images that were shown: image ``k`` is stimulus ``k``.

    They come from the file of the session. Where the file has none and the catalog says where the archive keeps them
    (``images_from``), they are fetched into the cache, once for all sessions of the dataset.

    Parameters
    ----------
    session : Dataset
        From ``open_session``. Its stimuli, without blanks, must be numbers of images.

    Returns
    -------
    DataArray, dims (stimulus, y, x), and ``channel`` for colours; lazy, as stored
        ``stimulus`` holds 0 to n - 1, or the numbers of the archive's pictures. No file stays open: it is opened again
        for as long as images are computed.

    Raises
    ------
    LayoutError
        No images in the file, several sets of them, no order of them, or too few for the stimuli; or pictures that
        are not of one size.
    ArchiveError
        The archive did not deliver the pictures.
    NotCachedError
        In offline mode, when pictures are not in the cache.
    ChecksumError
        They are not the pictures that the lock of the present work pins.
    DiskError
        The disk is full, or the cache cannot be written to.
    """
    entry = _keeps_them_apart(session)

    def read(file: NwbFile) -> xr.DataArray:
        return _from_file(file, session) if entry is None or _sets(file) else _from_archive(entry, session)

    file, images = open_file(_place(session), read)
    file.close()  # whoever computes the images opens it for as long as that takes
    return images


def _place(session: xr.Dataset) -> Any:
    """Return the file of a session: what its own arrays are read from; where it is on a server, as its entry says.

    ``attrs["source"]`` names no signature or password, and a file object has no name at all.
    """
    place, name = session.attrs["source"], session.attrs.get("dataset")
    if is_address(place) and name in catalog.names():
        return find_session(str(name), session.attrs["session"], None).place
    lazily = (origin(column) for column in session.variables.values())
    arrays = (lazy.array for lazy in lazily if lazy is not None)
    sources = (array.file.source for array in arrays if isinstance(array, NwbArray))
    own = next((source for source in sources if not isinstance(source, LocalSource)), None)
    return place if own is None else own


def _keeps_them_apart(session: xr.Dataset) -> Entry | None:
    """Return the entry of the session's dataset, where it says that the images of these trials lie elsewhere."""
    name = session.attrs.get("dataset")
    if name not in catalog.names():
        return None
    entry = catalog.describe(str(name))
    if entry.images_from is None:
        return None
    tables = [entry.layout.trials[trials].table for trials in entry.images_from.trials]
    return entry if session.attrs.get("trials") in tables else None


def _from_archive(entry: Entry, session: xr.Dataset) -> xr.DataArray:
    """Return the pictures that the archive keeps beside the recordings, each read when it is asked for."""
    assert entry.images_from is not None
    url = entry.images_from.url
    _check_labels(url, session, supplements.numbers(entry.images_from))
    folder = supplements.fetch_images(entry)
    pictures = supplements.pictures(entry, folder)
    labels = {"stimulus": np.array(list(pictures))}
    attrs = {**_kept(session), "images": str(folder), "images_from": url, "units": "1"}
    return _labelled(da.stack(list(pictures.values())), labels, attrs)


def _from_file(file: NwbFile, session: xr.Dataset) -> xr.DataArray:
    path = session.attrs.get("images") or _template(file, str(session.attrs.get("trials", "")))
    stored = read_group(file, f"/{path.strip('/')}")
    name = next((name for name in ("images", "data") if name in stored.variables), None)
    if name is None or stored[name].ndim < 3:
        message = f"no images in this file: {file.name} holds no stack of images of one size at {path}."
        raise LayoutError(message)
    images = stored[name].variable
    if stored.attrs.get("ordered") == "no":
        images = images[_order(file, path, stored["image_name"].values.tolist())]
    _check_labels(f"{file.name}: {path}", session, range(images.shape[0]))
    labels = {"stimulus": np.arange(images.shape[0])}
    return _labelled(chunked(images).data, labels, {**_kept(session), "images": path, "units": "1"})


def _labelled(values: Any, labels: dict[str, np.ndarray], attrs: dict[str, Any]) -> xr.DataArray:
    dims = ("stimulus", "y", "x", "channel")[: values.ndim]
    return xr.DataArray(values, labels, dims, name="images", attrs=attrs)


def _kept(session: xr.Dataset) -> dict[str, Any]:
    return {key: session.attrs[key] for key in KEPT if key in session.attrs}


def _order(file: NwbFile, path: str, names: list[str]) -> list[int]:
    """Return where image 0, 1, ... stands among ``names``: an ``Images`` without an order can still number them."""
    parts = [re.fullmatch(r"(.*?)(0|[1-9]\d*)", name) for name in names]
    found = {int(part[2]): k for k, part in enumerate(parts) if part and part[1] == (parts[0] or part)[1]}
    if sorted(found) != list(range(len(names))):
        message = (
            f"{file.name}: {path} has no order_of_images, so which image is which stimulus is not known "
            f"({', '.join(names[:3])}, ...)."
        )
        raise LayoutError(message)
    return [found[k] for k in range(len(names))]


def _template(file: NwbFile, trials: str) -> str:
    """Return the one set of images that belongs to the trials, by its name, or that is there at all."""
    found = _sets(file)
    if not found:
        message = (
            f"no images in this file: {file.name} has nothing under {TEMPLATES}, so a network cannot be shown them."
        )
        raise LayoutError(message)
    stem = trials.rpartition("/")[2].removesuffix("_presentations").removesuffix("_stimulus")
    named = [path for path in found if stem and path.rpartition("/")[2].startswith(stem)]
    chosen = named if len(named) == 1 else found
    if len(chosen) > 1:
        message = f"{file.name} holds several sets of images ({', '.join(chosen)}), and none is named after {trials}."
        raise LayoutError(message)
    return chosen[0]


def _sets(file: NwbFile) -> list[str]:
    """Return the paths of the sets of images in a file."""
    inside = groups(file, under=TEMPLATES) if has(file, TEMPLATES) else ()
    return [group.path.strip("/") for group in inside if "neurodata_type" in group.attrs]


def _check_labels(where: str, session: xr.Dataset, numbers: range) -> None:
    """Raise unless every stimulus is the number of an image."""
    if "stimulus" not in session.coords:
        return
    labels = np.asarray(session["stimulus"].data)[~np.asarray(session["blank"].data)]
    strange = sorted(str(label) for label in set(labels.tolist()) if label not in numbers)[:5]
    if strange:
        message = (
            f"{where} has {len(numbers)} images, {numbers[0]} to {numbers[-1]}; "
            f"stimuli not among them: {', '.join(strange)}."
        )
        raise LayoutError(message)
