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
from neurodata4ml.data.cache.known import known
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Layout
from neurodata4ml.data.excerpts import excerpt
from neurodata4ml.data.mend import mender, sentence
from neurodata4ml.data.nwb.hdf5 import NwbFile
from neurodata4ml.data.series import add_series, raw_voltages, read_series
from neurodata4ml.data.simulated_file import NOTE, TRUTH
from neurodata4ml.data.trials import ChosenTrials, has, interval_tables, read_invalid, read_trials
from neurodata4ml.data.units import area_words, find_area, read_responses, read_units, roi_series
from neurodata4ml.data.windows import with_neighbours
from neurodata4ml.dims import add_step
from neurodata4ml.errors import LayoutError


def open_session(
    name_or_path: str | PathLike[str] | Any, session: str | int | None = None, *, trials: str | None = None
) -> xr.Dataset:
    """Open a session: units with their spikes, trials with their stimuli, continuous series; spikes stay unread.

    Parameters
    ----------
    name_or_path : str, path or binary file object
        A dataset of the catalog (its file is fetched where it is not in the cache), or an NWB 2 file. Where only an
        excerpt is in the cache (from ``fetch --what``), that is opened: only the units and trials that it holds are
        there, ``attrs["excerpt"]`` names them and ``attrs["not_in_excerpt"]`` what was left out; ``attrs["sha256"]`` is
        then the excerpt's own digest, ``attrs["source_sha256"]`` the whole file's, where the server's ETag was matched.
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
    NotCachedError
        In offline mode, when the file is not in the cache; or when only an excerpt is there, without these trials. It
        says the line that brings them.
    ArchiveError, ChecksumError, DiskError
        The file, or the right tables of a damaged one, could not be fetched, as with ``fetch``.
    LayoutError
        The file is not NWB 2, or lacks something that its layout names, or is damaged and could not be repaired.
        Nothing is guessed.

    Examples
    --------
    >>> session = open_session("demo")
    >>> counts = bin_spikes(session.isel(unit=session.area == "early"))
    """
    source = _locate(name_or_path, session, trials)
    file = NwbFile(source.path)
    with file.opening():
        opened = _read(file, source, trials)
    opened.set_close(file.close)
    return opened


@dataclass(frozen=True)
class _Source:
    """A file, how it is laid out (None: not in the catalog), and where it comes from."""

    path: Any
    layout: Layout | None
    attrs: dict[str, Any]


def _locate(name_or_path: str | PathLike[str] | Any, session: str | int | None, trials: str | None) -> _Source:
    """Return the file behind a name or a path; a name of the catalog comes before a file of the same name."""
    if not isinstance(name_or_path, str | PathLike):
        return _Source(name_or_path, None, {})
    name = str(name_or_path)
    is_entry = isinstance(name_or_path, str) and name in catalog.names()
    if not is_entry and (
        Path(name).expanduser().exists() or name.endswith(".nwb") or not isinstance(name_or_path, str)
    ):
        if session is not None:
            message = f"{name} is a file, which is one session; session={session!r} belongs to a dataset's name."
            raise LayoutError(message)
        return _Source(Path(name), None, {})
    entry = known(catalog.describe(name), session)
    part = excerpt.opened(entry, session, trials)
    path, layout, more = part or (store.fetch(name, session), entry.layout, {})
    asset = entry.asset(session)
    attrs = {
        "dataset": entry.name,
        "version": entry.version,
        "session": entry.session_id(session),
        "asset": asset.path,
        "sha256": asset.sha256 or str(store.receipt(path).get("sha256", "")),
        "license": entry.license,
        "citation": entry.citation,
        **more,
    }
    return _Source(path, layout, {key: value for key, value in attrs.items() if value})


def _read(file: NwbFile, source: _Source, trials: str | None) -> xr.Dataset:
    """Put the parts of a session together."""
    layout = source.layout or _plain_layout(file)
    invalid = read_invalid(file, layout.invalid_times)
    entry = catalog.describe(source.attrs["dataset"]) if "dataset" in source.attrs else None
    mend = mender(entry, source.attrs.get("session", ""), file, layout)
    shown = read_trials(file, layout, trials, np.empty((0, 2)) if invalid is None else invalid, mend)
    unit_coords, variables = read_units(file, layout, shown.coords)
    coords = {**unit_coords, **shown.coords}
    if invalid is not None:
        variables["invalid_interval"] = xr.Variable(("invalid", "bound"), invalid, {"units": "s"})
    responses = read_responses(file, layout, unit_coords["unit"].data)
    add_series(coords, variables, read_series(file, layout), last_dim="{}_axis")
    add_series(coords, variables, responses, last_dim="unit")
    opened = with_neighbours(xr.Dataset(variables, _indexed(coords), _attrs(file, source, layout, shown)))
    return add_step(opened, "repair", **shown.repaired) if shown.repaired else opened


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
    if shown.repaired:
        attrs["repaired"] = sentence(shown.repaired)
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
