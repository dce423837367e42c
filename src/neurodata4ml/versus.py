"""A brain beside a network in one call: areas by layers, and which layers cannot be told apart."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.comparison.sheets import bound
from neurodata4ml.analysis.responses import firing_rate, trial_labels
from neurodata4ml.candidates import Candidate, candidates_of
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.dims import add_step, presented, require_array, require_dims
from neurodata4ml.errors import DesignError
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import guess

MIN_UNITS = 10
"""An area with fewer units is left out unless it is named."""

_OPTIONS = ("confidence", "correction", "distance", "margin", "n_groups", "n_shuffles", "n_splits")
"""Options that are handed on to `compare`."""

Responses = xr.Dataset | xr.DataArray | Mapping[str, xr.DataArray]


def brain_vs_network(
    responses: Responses,
    model: Any,
    *,
    images: xr.DataArray | None = None,
    by: str = "stimulus",
    areas: Sequence[str] | None = None,
    layers: str | Sequence[str] | None = None,
    metrics: Sequence[str] = ("cka_unbiased", "rsa_spearman"),
    order: Sequence[str] | None = None,
    window: tuple[float, float] | None = None,
    over: str | Sequence[str] | None = None,
    baselines: bool = True,
    preprocessing: Preprocessing | None = None,
    project: float | None = None,
    n_resamples: int = 200,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Table of areas by layers: shared geometry, its interval, its ceiling, and what fits equally well.

    Similarity shows shared geometry for these stimuli, not shared computation. For each area the result names a set:
    all candidates that cannot be told from the one of highest similarity. Beside the layers stand what a trained
    network must beat: its untrained twin, the pixels, Gabor energies. Layers are not chosen and scored on the same
    images in ``encode``; here none is chosen.

    Parameters
    ----------
    responses : Dataset, DataArray or dict of area to DataArray
        A session from ``open_session``; spike counts or rates (trial, unit) or (trial, time, unit) with ``stimulus``
        and perhaps ``area``; or mean responses (stimulus, unit).
    model : str, Path, torch.nn.Module, Model, a list of these, or dict of layer to DataArray (stimulus, feature)
        What ``load_model`` takes. Of a dict, the layers go from the input to the output; it has no twin.
    images : DataArray (stimulus, y, x), optional
        What was shown; None: from the session. Labels are those of ``by``.
    by : str
        The coordinate of trials that says which image was shown.
    areas : sequence of str, optional
        None: all with 10 units or more.
    layers : "all", sequence of str, optional
        Of every model; None: the layers that each lists as its stages.
    metrics : sequence of str
        Keys of ``METRICS``; the first names the set of each area.
    order : sequence of str, optional
        Three or more areas from early to late; gives the hierarchy score (see ``hierarchy``) for every network, and
        for its twin.
    window : (float, float), optional
        Seconds from the onset, for a session or counts over time; None: the entry's, or all there is.
    over : str or pair of str, optional
        As in ``compare``: "trial" by default.
    baselines : bool
        Pixels, Gabor energies and untrained twins among the candidates.
    preprocessing : Preprocessing, optional
        How the animal saw the images (visual angle, gray, contrast, acuity), for networks and baselines alike.
    project : float, optional
        As in ``activations``: layers too huge to hold are projected, with a stated distortion.
    n_resamples, seed : int
        Of the hierarchy's bootstrap; and of twins and projections.
    **options
        For ``compare``: ``confidence``, ``n_shuffles``, ``correction``, ``distance``, ...

    Returns
    -------
    Dataset, dims (metric, area, candidate)
        What ``compare`` gives, by metric; ``matched`` with ``matched_low`` and ``matched_high``, from as many units of
        every area, where areas differ in size: only these may be compared across areas. Corrected p hold for all
        cells of one metric; ``distance``, ``assumed``, ``n_tests`` are coordinates of ``metric``. Coordinates ``kind``
        ("network", "untrained", "baseline"), ``network``, ``layer``, ``depth`` (0 to 1) of each candidate. With
        ``order``, dims (network): ``hierarchy``, ``hierarchy_low``, ``hierarchy_high``, ``hierarchy_p``.

    Raises
    ------
    DesignError, DimensionError, CatalogError
        No such area, model or metric; no images; labels that do not fit.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_resamples, "n_resamples", least=2)
    if not metrics:
        message = "brain_vs_network needs at least one metric. Type metrics=['cka_unbiased']."
        raise DesignError(message)
    for name in options:  # before anything is computed
        if name not in _OPTIONS:
            message = (
                f"brain_vs_network has no option {name!r}.{guess(name, _OPTIONS)} Of compare: {', '.join(_OPTIONS)}."
            )
            raise DesignError(message)
    brain = _by_area(_responses(responses, by, window), areas)
    shown = _images(responses, images, brain) if baselines or not isinstance(model, Mapping) else images
    found = candidates_of(
        model,
        shown,
        layers=layers,
        baselines=baselines,
        preprocessing=preprocessing,
        project=project,
        seed=seed,
    )
    ranked = _hierarchies(brain, found, order, n_resamples, seed) if order is not None else {}
    out = area_by_candidate(brain, found, metrics=metrics, over=over, seed=seed, **options).assign(ranked)
    return add_step(out, "brain_vs_network", by=by, metrics=list(metrics), order=list(order or ()), seed=seed)


def area_by_candidate(
    brain: Mapping[str, xr.DataArray],
    found: Sequence[Candidate],
    *,
    metrics: Sequence[str],
    over: str | Sequence[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Return the table of areas by candidates, dims (metric, area, candidate); see ``brain_vs_network``.

    Parameters
    ----------
    brain : dict of area to DataArray
        Trials (trial, unit) or means (stimulus, unit).
    found : sequence of Candidate
    metrics, over, seed, **options
        As in ``brain_vs_network``.
    """
    arrays = {candidate.name: candidate.values for candidate in found}
    tables = [compare(brain, arrays, metric=metric, over=over, seed=seed, **options) for metric in metrics]
    out = bound(tables, list(metrics))
    out = out.assign(_matched(brain, arrays, metrics, over, seed, options)).rename(x="area", y="candidate")
    return out.assign_coords(
        {name: ("candidate", [getattr(one, name) for one in found]) for name in ("kind", "network", "layer", "depth")}
    )


def _responses(
    responses: Responses, by: str, window: tuple[float, float] | None
) -> dict[str, xr.DataArray] | xr.DataArray:
    if isinstance(responses, Mapping) and not isinstance(responses, xr.Dataset):
        return {str(area): _labelled(x, by) for area, x in responses.items()}
    if not isinstance(responses, xr.Dataset):
        require_array(responses, step="brain_vs_network")
    if isinstance(responses, xr.Dataset):
        responses = bin_spikes(responses, window=window)
    elif window is not None and "time" in responses.dims:
        responses = responses.sel(time=slice(*window))
    return _labelled(responses, by)


def _labelled(x: xr.DataArray, by: str) -> xr.DataArray:
    """Return rates or means without time, with what was shown as ``stimulus``."""
    require_array(x, step="brain_vs_network")
    require_dims(x, "unit", step="brain_vs_network", hint="Name what holds the units: x.rename({'...': 'unit'}).")
    if "time" in x.dims:
        x = (
            firing_rate(x)
            if "bin_width" in x.attrs and x.attrs.get("units") != "Hz"
            else x.mean("time", keep_attrs=True)
        )
    if "trial" not in x.dims:
        require_dims(
            x, "stimulus", step="brain_vs_network", hint="It takes trials (trial, unit) or means (stimulus, unit)."
        )
        return x
    labels = (
        trial_labels(presented(x, step="brain_vs_network"), by, step="brain_vs_network") if by != "stimulus" else None
    )
    return x if labels is None else presented(x, step="brain_vs_network").assign_coords(stimulus=("trial", labels))


def _by_area(x: dict[str, xr.DataArray] | xr.DataArray, areas: Sequence[str] | None) -> dict[str, xr.DataArray]:
    """Return the responses of every area, by name."""
    if not isinstance(x, dict):
        names = (
            x.coords["area"].values.astype(str) if "area" in x.coords else np.full(x.sizes.get("unit", 0), "all units")
        )
        x = {str(area): x.isel(unit=np.flatnonzero(names == area)) for area in dict.fromkeys(names)}
    if areas is not None:
        for area in areas:
            if area not in x:
                message = f"There is no area {area!r}.{guess(area, x)} Areas: {', '.join(x)}."
                raise DesignError(message)
        return {area: x[area] for area in areas}
    large = {area: one for area, one in x.items() if one.sizes.get("unit", 0) >= MIN_UNITS}
    small = [f"{area} ({one.sizes.get('unit', 0)})" for area, one in x.items() if area not in large]
    if not large:
        message = (
            f"No area has {MIN_UNITS} units: {', '.join(small) or 'there are none'}. Name those to use: areas=[...]."
        )
        raise DesignError(message)
    if small:
        warnings.warn(f"Areas of fewer than {MIN_UNITS} units are left out: {', '.join(small)}.", stacklevel=3)
    return large


def _images(responses: Responses, images: xr.DataArray | None, brain: dict[str, xr.DataArray]) -> xr.DataArray:
    if images is None:
        if not isinstance(responses, xr.Dataset):
            message = (
                "brain_vs_network needs the images that were shown: images= (stimulus, y, x) with the labels of the "
                "trials, e.g. images=stimulus_images(session)."
            )
            raise DesignError(message)
        images = stimulus_images(responses)
    first = next(iter(brain.values()))
    first = presented(first, step="brain_vs_network")
    labels = np.unique(first.coords["stimulus"].values)
    lacking = [str(v) for v in labels if v not in images.indexes["stimulus"]]
    if lacking:
        message = (
            f"There are no images of {len(lacking)} of {len(labels)} stimuli: {', '.join(lacking[:5])}. "
            f"Name the column that says which image was shown: by=..."
        )
        raise DesignError(message)
    return images.sel(stimulus=labels)


def _matched(
    brain: Mapping[str, xr.DataArray],
    arrays: Mapping[str, xr.DataArray],
    metrics: Sequence[str],
    over: str | Sequence[str] | None,
    seed: int,
    options: dict[str, Any],
) -> dict[str, xr.DataArray]:
    """Return the similarities of as many units of every area; nothing where all have as many."""
    if len({x.sizes["unit"] for x in brain.values()}) < 2:
        return {}
    settings = {**options, "n_shuffles": 0, "over": over, "seed": seed, "match_units": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the unmatched table has said it
        tables = [compare(brain, arrays, metric=metric, **settings) for metric in metrics]
    names = [name for name in ("similarity", "low", "high") if name in tables[0]]
    joined = xr.concat([table[names] for table in tables], dim="metric", combine_attrs="drop")
    called = {"similarity": "matched", "low": "matched_low", "high": "matched_high"}
    return {called[name]: joined[name] for name in names}


def _hierarchies(
    brain: dict[str, xr.DataArray], found: list[Candidate], order: Sequence[str], n_resamples: int, seed: int
) -> dict[str, xr.DataArray]:
    """Return the hierarchy score of every network and of its twin."""
    names = list(dict.fromkeys(one.network for one in found if one.kind != "baseline"))
    scores = []
    for name in names:
        layers = {one.name: one.values for one in found if one.network == name}
        scores.append(hierarchy(brain, layers, order=order, n_resamples=n_resamples, seed=seed))
    joined = xr.concat(
        [score[["correlation", "low", "high", "p_value"]] for score in scores], dim="network_name", combine_attrs="drop"
    ).assign_coords(network_name=names)
    called = {"correlation": "hierarchy", "low": "hierarchy_low", "high": "hierarchy_high", "p_value": "hierarchy_p"}
    return {called[str(name)]: value for name, value in joined.items()}
