"""Open a recording as one flat, lazy Dataset, laid out as the catalog, or the file itself, says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from neurodata4ml.data.cache import store
from neurodata4ml.data.columns import chunked
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Layout
from neurodata4ml.data.nwb.hdf5 import NwbFile
from neurodata4ml.data.nwb.types import groups, read_group
from neurodata4ml.data.series import add_series, raw_voltages, read_series
from neurodata4ml.data.simulated_file import NOTE, TRUTH
from neurodata4ml.data.trials import ChosenTrials, has, interval_tables, read_invalid, read_trials
from neurodata4ml.data.units import area_words, find_area, read_responses, read_units, roi_series
from neurodata4ml.data.windows import with_neighbours
from neurodata4ml.errors import LayoutError


def open_session(
    name_or_path: str | PathLike[str] | Any, session: str | int | None = None, *, trials: str | None = None
) -> xr.Dataset:
    """Open a session: units with their spikes, trials with their stimuli, continuous series; spikes stay unread.

    Parameters
    ----------
    name_or_path : str, path or binary file object
        A dataset of the catalog (its file is fetched where it is not in the cache), or an NWB 2 file.
    session : str or int, optional
        Session of the dataset; its default one when left out.
    trials : str, optional
        Trials of the dataset, or any interval table of the file by name or path. Default: the dataset's own; for a
        file, the table ``trials``.

    Returns
    -------
    Dataset, dims ``unit``, ``spike``, ``trial``, ``<series>_time``
        ``spike_times`` (spike) in s is lazy; unit ``i`` owns ``spike_times[spike_start[i]:spike_stop[i]]``, also after
        a selection of units. On ``trial``: ``start_time``, ``stop_time`` in s, ``stimulus`` and ``block`` where the
        layout names them, ``blank``, ``valid`` and the table's other columns. On ``unit``: ``area`` ("" where the
        file does not tell), ``good`` where the dataset has quality rules, and the other columns. Columns above 64 kB
        in the file stay lazy. ``attrs`` say where everything comes from; raw voltages of a file without an entry are
        left to ``open_nwb`` and named in ``attrs["series_not_opened"]``.

    Raises
    ------
    CatalogError
        No dataset, or no session, of this name.
    LayoutError
        The file is not NWB 2, or lacks something that its layout names. Nothing is guessed.

    Examples
    --------
    >>> session = open_session("demo")
    >>> counts = bin_spikes(session.isel(unit=session.area == "early"))
    """
    source = _locate(name_or_path, session)
    file = NwbFile(source.path)
    with file.opening():
        opened = _read(file, source, trials)
    opened.set_close(file.close)
    return opened


def stimulus_images(session: xr.Dataset) -> xr.DataArray:
    """Return the images that were shown, from the file of the session: image ``k`` is stimulus ``k``.

    Parameters
    ----------
    session : Dataset
        From ``open_session``. Its stimuli, without blanks, must be numbers of images.

    Returns
    -------
    DataArray, dims (stimulus, y, x), and ``channel`` for colours; lazy, as stored
        ``stimulus`` holds 0 to n - 1. No file stays open: it is opened again for as long as images are computed.

    Raises
    ------
    LayoutError
        No images in the file, several sets of them, no order of them, or too few for the stimuli.
    """
    file = NwbFile(session.attrs["source"])
    with file.opening():
        images = _read_images(file, session)
    file.close()  # whoever computes the images opens it for as long as that takes
    return images


@dataclass(frozen=True)
class _Source:
    """A file, how it is laid out (None: not in the catalog), and where it comes from."""

    path: Any
    layout: Layout | None
    attrs: dict[str, str]


def _locate(name_or_path: str | PathLike[str] | Any, session: str | int | None) -> _Source:
    """Return the file behind a name or a path; a name of the catalog comes before a file of the same name."""
    if not isinstance(name_or_path, str | PathLike):
        return _Source(name_or_path, None, {})
    name = str(name_or_path)
    known = isinstance(name_or_path, str) and name in catalog.names()
    if not known and (Path(name).expanduser().exists() or name.endswith(".nwb") or not isinstance(name_or_path, str)):
        if session is not None:
            message = f"{name} is a file, which is one session; session={session!r} belongs to a dataset's name."
            raise LayoutError(message)
        return _Source(Path(name), None, {})
    entry = catalog.describe(name)
    path = store.fetch(name, session)
    asset = entry.asset(session)
    attrs = {
        "dataset": entry.name,
        "version": entry.version,
        "session": entry.session_id(session),
        "asset": asset.path,
        "sha256": asset.sha256 or str(store.receipt(path).get("sha256", "")),
        "license": entry.license,
        "citation": entry.citation,
    }
    return _Source(path, entry.layout, {key: value for key, value in attrs.items() if value})


def _read(file: NwbFile, source: _Source, trials: str | None) -> xr.Dataset:
    """Put the parts of a session together."""
    layout = source.layout or _plain_layout(file)
    invalid = read_invalid(file, layout.invalid_times)
    shown = read_trials(file, layout, trials, np.empty((0, 2)) if invalid is None else invalid)
    unit_coords, variables = read_units(file, layout, shown.coords)
    coords = {**unit_coords, **shown.coords}
    if invalid is not None:
        variables["invalid_interval"] = xr.Variable(("invalid", "bound"), invalid, {"units": "s"})
    responses = read_responses(file, layout, unit_coords["unit"].data)
    add_series(coords, variables, read_series(file, layout), last_dim="{}_axis")
    add_series(coords, variables, responses, last_dim="unit")
    return with_neighbours(xr.Dataset(variables, _indexed(coords), _attrs(file, source, layout, shown)))


def _plain_layout(file: NwbFile) -> Layout:
    """Return the layout of a file that is not in the catalog: what it plainly has, where NWB puts it."""
    layout = Layout.default()
    is_there = "intervals/trials" in interval_tables(file) or file.find("intervals/trials")[1]
    default = "trials" if is_there else ""
    if has(file, layout.units, or_refused=True):
        return replace(layout, area=find_area(file, layout.units), default_trials=default)
    responses = {path.rpartition("/")[2]: path for path in roi_series(file)}
    return replace(layout, units="" if responses else layout.units, responses=responses, default_trials=default)


def _indexed(coords: dict[str, xr.Variable]) -> xr.Coordinates:
    """Return the coordinates with labels on ``unit`` and ``trial`` and no index elsewhere."""
    labels = xr.Coordinates({name: coords[name] for name in ("unit", "trial")})
    return xr.Coordinates({**coords, **labels.variables}, indexes=dict(labels.xindexes))


def _attrs(file: NwbFile, source: _Source, layout: Layout, shown: ChosenTrials) -> dict[str, Any]:
    named = [words[0] for path in ("general/session_id", "identifier") if (words := _words(file, path))]
    attrs: dict[str, Any] = {
        "session": next(iter(named), ""),
        **({"citation": cited} if (cited := _stated_origin(file)) else {}),
        **source.attrs,
        "source": file.name,
        "trials": shown.path,
    }
    attrs["nwb_version"] = file.version
    if has(file, TRUTH):
        attrs |= {"simulated": "yes", "note": NOTE}
    if shown.layout.window:
        attrs["window"] = [float(edge) for edge in shown.layout.window]
    if layout.area is not None:
        attrs["area_from"] = area_words(layout.area)
    if layout.images:
        attrs["images"] = layout.images
    if not layout.trials and (raw := raw_voltages(file)):
        attrs["series_not_opened"] = f"{', '.join(raw)} (raw voltages; read them with open_nwb)"
    absent = [f"{name} ({path})" for name, path in layout.series.items() if not has(file, path)]
    return {**attrs, **({"series_not_in_file": ", ".join(absent)} if absent else {})}


def _stated_origin(file: NwbFile) -> str:
    """Who made the file, where and for which paper, in the file's own words: what to cite where no entry says it."""
    names = ("experimenter", "lab", "institution", "related_publications")
    return ", ".join(word for name in names for word in _words(file, f"general/{name}"))


def _words(file: NwbFile, path: str) -> list[str]:
    """Return the texts of a small dataset, none where there is none."""
    found = file.find(path)[0]
    if not isinstance(found, h5py.Dataset) or h5py.check_string_dtype(found.dtype) is None:
        return []
    return [str(word) for word in np.atleast_1d(found.asstr(errors="replace")[()])]


def _read_images(file: NwbFile, session: xr.Dataset) -> xr.DataArray:
    path = session.attrs.get("images") or _template(file, str(session.attrs.get("trials", "")))
    stored = read_group(file, f"/{path.strip('/')}")
    if stored.attrs.get("ordered") == "no":
        message = f"{file.name}: {path} has no order_of_images, so which image is which stimulus is not known."
        raise LayoutError(message)
    name = next((name for name in ("images", "data") if name in stored.variables), None)
    if name is None or stored[name].ndim < 3:
        message = f"no images in this file: {file.name} holds no stack of images of one size at {path}."
        raise LayoutError(message)
    _check_labels(file, path, session, stored[name].shape[0])
    images = chunked(stored[name].variable)
    dims = ("stimulus", "y", "x", "channel")[: images.ndim]
    kept = {key: session.attrs[key] for key in ("dataset", "version", "session", "source") if key in session.attrs}
    labels = {"stimulus": np.arange(images.shape[0])}
    return xr.DataArray(images.data, labels, dims, name="images", attrs={**kept, "images": path, "units": "1"})


def _template(file: NwbFile, trials: str) -> str:
    """Return the one set of images that belongs to the trials, by its name, or that is there at all."""
    folder = "stimulus/templates"
    inside = groups(file, under=folder) if has(file, folder) else ()
    found = [str(g.name).strip("/") for g in inside if "neurodata_type" in g.attrs]
    if not found:
        message = f"no images in this file: {file.name} has nothing under {folder}, so a network cannot be shown them."
        raise LayoutError(message)
    stem = trials.rpartition("/")[2].removesuffix("_presentations").removesuffix("_stimulus")
    named = [path for path in found if stem and path.rpartition("/")[2].startswith(stem)]
    chosen = named if len(named) == 1 else found
    if len(chosen) > 1:
        message = f"{file.name} holds several sets of images ({', '.join(chosen)}), and none is named after {trials}."
        raise LayoutError(message)
    return chosen[0]


def _check_labels(file: NwbFile, path: str, session: xr.Dataset, n_images: int) -> None:
    """Raise unless every stimulus is the number of an image."""
    if "stimulus" not in session.coords:
        return
    labels = np.asarray(session["stimulus"].data)[~np.asarray(session["blank"].data)]
    whole = labels.dtype.kind in "iuf" and np.all(labels % 1 == 0)
    if not whole or (len(labels) and (labels.min() < 0 or labels.max() >= n_images)):
        strange = sorted({str(v) for v in labels.tolist() if not (whole and 0 <= v < n_images)})[:5]
        message = (
            f"{file.name}: {path} has {n_images} images, 0 to {n_images - 1}; "
            f"stimuli not among them: {', '.join(strange)}."
        )
        raise LayoutError(message)
