"""Open a recording as one flat, lazy Dataset, laid out as the catalog, or the file itself, says."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import Any, Literal

import numpy as np
import xarray as xr

from neurodata4ml.data.align.windows import with_neighbours
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Layout
from neurodata4ml.data.made_parts import NOTE, TRUTH
from neurodata4ml.data.mend import mender, sentence
from neurodata4ml.data.nwb.file import DatasetAt, NwbFile, open_file
from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.data.nwb.objects import FEW
from neurodata4ml.data.series import add_series, raw_voltages, read_series
from neurodata4ml.data.trials import ChosenTrials, has, interval_tables, read_invalid, read_trials
from neurodata4ml.data.units import area_words, find_area, read_responses, read_units, roi_series
from neurodata4ml.data.whereabouts import Place, find_session, proof
from neurodata4ml.dims import add_step
from neurodata4ml.errors import DesignError
from neurodata4ml.names import without_secrets


def open_session(
    name_or_path: str | PathLike[str] | Any,
    session: str | int | None = None,
    *,
    trials: str | None = None,
    units: Literal["good", "all"] = "good",
) -> xr.Dataset:
    """Open a session: units with their spikes, trials with their stimuli, continuous series; spikes stay unread.

    Parameters
    ----------
    name_or_path : str, path or binary file object
        A dataset of the catalog, or an NWB 2 file: its path, its address, ``dandi:<dandiset>[@<version>]/<path>``. Of
        a dataset, the file in the cache is opened; where it is not there, an excerpt (from ``fetch --what``); where
        there is none, the file on its server: only what is looked at is moved. ``attrs["read_from"]`` says which it
        was. Of an excerpt only the units and trials that it holds are there, ``attrs["excerpt"]`` names them and
        ``attrs["not_in_excerpt"]`` what was left out; ``attrs["sha256"]`` is then the excerpt's own digest,
        ``attrs["source_sha256"]`` the whole file's, where the server's ETag was matched. Parts of a file on a server
        have no digest: ``attrs["proven"]`` says what tells that they are of the right file.
    session : str or int, optional
        Session of the dataset; its default one when left out.
    trials : str, optional
        Trials of the dataset, or any interval table of the file by name or path. Default: the dataset's own; for a
        file, the table ``trials``.
    units : {"good", "all"}
        "good" leaves out the units that do not meet the dataset's quality rules; ``attrs["units_kept"]`` says how many
        did, by which rules. "all" keeps them, and tells them by the coordinate ``good``. Where nobody has rules, as
        of a file outside the catalog, all are kept in either case.

    Returns
    -------
    Dataset, dims ``unit``, ``spike``, ``trial``, ``<series>_time``
        ``spike_times`` (spike) in s is lazy; unit ``i`` owns ``spike_times[spike_start[i]:spike_stop[i]]``, also after
        a selection of units. On ``trial``: ``start_time``, ``stop_time`` in s, ``stimulus`` and ``block`` where the
        layout names them, ``blank``, ``valid`` and the table's other columns. On ``unit``: ``area`` ("" where the
        file does not tell), ``good`` where the dataset has quality rules, and the other columns. Columns above 64 kB
        in the file stay lazy. ``attrs`` say where everything comes from, ``attrs["subject"]`` of which animal where the
        file tells; raw voltages of a file without an entry are left to ``open_nwb`` and named in
        ``attrs["series_not_opened"]``.

    Raises
    ------
    CatalogError
        No dataset, or no session, of this name.
    NotCachedError
        In offline mode, when the file is not in the cache; or when only an excerpt is there, without these trials. It
        says the line that brings them.
    ArchiveError, ChecksumError, DiskError
        The file, or the right tables of a damaged one, could not be had, as with ``fetch``.
    LayoutError
        The file is not NWB 2, or lacks something that its layout names, or is damaged and could not be repaired.
        Nothing is guessed.

    Examples
    --------
    >>> session = open_session("demo")
    >>> counts = bin_spikes(session.isel(unit=session.area == "early"))
    """
    if units not in ("good", "all"):
        message = f"units={units!r} is neither 'good' (those that meet the dataset's quality rules) nor 'all'."
        raise DesignError(message)
    return open_place(find_session(name_or_path, session, trials), trials=trials, units=units)


def open_place(source: Place, *, trials: str | None = None, units: str = "good") -> xr.Dataset:
    """Open the file of a place that is known; see ``open_session``."""
    file, whole = open_file(source.place, lambda file: _read(file, source, trials))
    opened = _chosen(whole, source.layout, units)
    opened.set_close(file.close)
    return opened


def _read(file: NwbFile, source: Place, trials: str | None) -> xr.Dataset:
    """Put the parts of a session together."""
    layout = source.layout or _plain_layout(file)
    invalid = read_invalid(file, layout.invalid_times)
    entry = catalog.describe(name) if (name := source.attrs.get("dataset")) in catalog.names() else None
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


def _chosen(session: xr.Dataset, layout: Layout | None, units: str) -> xr.Dataset:
    """Leave out the units that do not meet the quality rules, unless all are wanted; the attributes say it."""
    n_units, rules = session.sizes["unit"], layout.quality if layout is not None else ()
    if "good" not in session.coords:
        whose = "no entry of the catalog has quality rules for this file" if layout is None else "no quality rules"
        return session.assign_attrs(units_kept=f"all {n_units:,}: {whose}")
    words = ", ".join(f"{rule.column} {rule.op} {rule.value}" for rule in rules)
    if units == "all":
        return session.assign_attrs(units_kept=f"all {n_units:,}; `good` tells those with {words}")
    good = np.flatnonzero(np.asarray(session["good"].data))
    kept = session if len(good) == n_units else session.isel(unit=good)
    return kept.assign_attrs(units_kept=f"{len(good):,} of {n_units:,}: {words}")


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


def _attrs(file: NwbFile, source: Place, layout: Layout, shown: ChosenTrials) -> dict[str, Any]:
    named = [words[0] for path in ("general/session_id", "identifier") if (words := _words(file, path))]
    attrs: dict[str, Any] = {
        "session": next(iter(named), ""),
        **({"citation": cited} if (cited := _stated_origin(file)) else {}),
        **({"subject": animal[0]} if (animal := _words(file, "general/subject/subject_id")) else {}),
        "source": without_secrets(source.place) if is_address(source.place) else file.name,
        **({"whole": file.n_bytes} if file.is_remote else {}),
        **({"proven": proof(file.published_etag)} if is_address(source.place) else {}),
        **source.attrs,
        "trials": shown.path,
    }
    attrs["nwb_version"] = file.version
    if has(file, TRUTH):
        attrs |= {"simulated": "yes", "note": NOTE}
    if shown.layout.window:
        attrs["window"] = [float(edge) for edge in shown.layout.window]
    if layout.area is not None:
        attrs["area_from"] = area_words(layout.area)
    default = layout.trials.get(layout.default_trials)
    if layout.images and (default is None or shown.path == default.table):
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
    if not isinstance(found, DatasetAt) or not found.is_text or found.is_empty or found.size > FEW:
        return []
    return [str(word) for word in np.atleast_1d(file.value(found))]
