"""A brain beside a network in one call: areas by layers, and which layers cannot be told apart."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.sheets import bound
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.areas import Responses, by_area, images_of, require_repeats, require_values, responses_of
from neurodata4ml.candidates import Candidate, candidates_of
from neurodata4ml.dims import add_step
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.hierarchies import network_hierarchies
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.require import require_names, require_whole
from neurodata4ml.suggest import guess

_OPTIONS = ("confidence", "correction", "distance", "margin", "n_groups", "n_shuffles", "n_splits")
"""Options that are handed on to `compare`."""

_COMPARE = re.compile(r"\bcompare(?= (?:needs|takes|matches|gives|cannot))")


def brain_vs_network(
    responses: Responses,
    model: Any,
    *,
    images: xr.DataArray | None = None,
    by: str = "stimulus",
    areas: str | Sequence[str] | None = None,
    layers: str | Sequence[str] | None = None,
    metrics: str | Sequence[str] = ("cka_unbiased", "rsa_rho_a"),
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
    areas : str or sequence of str, optional
        None: all with 10 units or more.
    layers : "all", sequence of str, optional
        Of every model; None: the layers that each lists as its stages.
    metrics : str or sequence of str
        Keys of ``METRICS``; the first names the set of each area. RSA by rho-a, not Spearman's correlation, which
        overrates candidates that predict ties (Nili et al. 2014, PLoS Comput Biol 10:e1003553).
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
        ``order``, dims (network_name): ``hierarchy``, ``hierarchy_low``, ``hierarchy_high``, ``hierarchy_p``, and with
        ``area`` what is ranked, ``hierarchy_depth``. Where something is NaN, ``attrs["undefined"]`` says why.

    Raises
    ------
    DesignError, DimensionError, CatalogError
        No such area, model or metric; no images; labels that do not fit. The area and the candidate are named.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_resamples, "n_resamples", least=2)
    metrics = require_names(metrics, "metrics", example="['cka_unbiased', 'rsa_rho_a']")
    ranked = None if order is None else require_names(order, "order", example="['VISp', 'VISl', 'VISal']")
    _check(metrics, options)
    brain = by_area(responses_of(responses, by, window), areas)
    shown = images_of(responses, images, brain) if baselines or not isinstance(model, Mapping) else images
    found = candidates_of(
        model,
        shown,
        layers=layers,
        baselines=baselines,
        preprocessing=preprocessing,
        project=project,
        seed=seed,
    )
    settings: dict[str, Any] = {"order": ranked, "n_resamples": n_resamples, "over": over, "seed": seed}
    out = area_by_candidate(brain, found, metrics=metrics, **settings, **options)
    return add_step(out, "brain_vs_network", by=by, metrics=metrics, order=ranked or [], seed=seed)


def _check(metrics: list[str], options: dict[str, Any]) -> None:
    """Say what cannot be answered before anything is computed."""
    if not metrics:
        message = "brain_vs_network needs at least one metric. Type metrics=['cka_unbiased']."
        raise DesignError(message)
    for name in metrics:
        if name not in METRICS:
            message = f"Unknown metric {name!r}.{guess(name, METRICS)} Type one of {', '.join(METRICS)}."
            raise DesignError(message)
    for name in options:
        if name not in _OPTIONS:
            message = (
                f"brain_vs_network has no option {name!r}.{guess(name, _OPTIONS)} Of compare: {', '.join(_OPTIONS)}."
            )
            raise DesignError(message)


def area_by_candidate(
    brain: Mapping[str, xr.DataArray],
    found: Sequence[Candidate],
    *,
    metrics: Sequence[str],
    order: Sequence[str] | None = None,
    n_resamples: int = 200,
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
    metrics, order, n_resamples, over, seed, **options
        As in ``brain_vs_network``.
    """
    arrays = {candidate.name: candidate.values for candidate in found}
    _require_answerable(brain, arrays, metrics, options.get("distance"))
    ranked = xr.Dataset()
    if order is not None:
        settings: dict[str, Any] = {"n_resamples": n_resamples, "confidence": options.get("confidence", 0.95)}
        ranked = network_hierarchies(brain, found, order, seed=seed, **settings)

    def sheet(metric: str, **more: Any) -> xr.Dataset:
        try:
            return compare(brain, arrays, metric=metric, over=over, seed=seed, **{**options, **more})
        except (DesignError, DimensionError) as error:
            message = _place(brain, arrays, metric, options, str(error)) + _in_our_words(str(error))
            raise type(error)(message) from error

    tables = [sheet(metric) for metric in metrics]
    out = bound(tables, list(metrics)).assign(_matched(brain, metrics, sheet)).rename(x="area", y="candidate")
    out = out.assign(ranked.data_vars).assign_attrs(_told(tables, metrics, order))
    return out.assign_coords(
        {name: ("candidate", [getattr(one, name) for one in found]) for name in ("kind", "network", "layer", "depth")}
    )


def _told(tables: list[xr.Dataset], metrics: Sequence[str], order: Sequence[str] | None) -> dict[str, Any]:
    """Return what a table of several metrics says of itself: what is NaN and why, and the order of areas."""
    reasons = {metric: table.attrs.get("undefined") for metric, table in zip(metrics, tables, strict=True)}
    undefined = " ".join(f"{metric}: {reason}" for metric, reason in reasons.items() if reason)
    return ({"undefined": undefined} if undefined else {}) | ({} if order is None else {"order": list(order)})


def _require_answerable(
    brain: Mapping[str, xr.DataArray], arrays: Mapping[str, xr.DataArray], metrics: Sequence[str], distance: str | None
) -> None:
    """Name the area or the layer whose values are missing, or that no repeats tell from noise."""
    for kind, side in (("Area", brain), ("Candidate", arrays)):
        for name, x in side.items():
            if x.ndim == 2:
                require_values(x, f"{kind} {name}")
    from_halves = [m for m in metrics if m == "cka_unbiased" or METRICS[m].on == "rdm"]
    if from_halves and distance in (None, "crossnobis"):
        for name, x in brain.items():
            require_repeats(x, f"Area {name}")


def _place(
    brain: Mapping[str, xr.DataArray],
    arrays: Mapping[str, xr.DataArray],
    metric: str,
    options: dict[str, Any],
    said: str,
) -> str:
    """Return where a comparison failed: the first area, and the candidate unless it fails beside all of them."""
    asked: dict[str, Any] = {**options, "n_shuffles": 0, "over": (), "metric": metric}

    def fault(x: xr.DataArray, y: xr.DataArray) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                compare({"x": x}, {"y": y}, **asked)
            except (DesignError, DimensionError) as error:
                return str(error)
        return ""

    if said == fault(*_without_fault()):
        return ""  # what was asked for is at fault, whatever the responses
    for area, x in brain.items():
        for name, y in arrays.items():
            if fault(x, y):
                everywhere = len(arrays) > 1 and all(fault(x, other) for other in arrays.values())
                return f"Area {area}: " if everywhere else f"Area {area} beside {name}: "
    return ""


def _matched(
    brain: Mapping[str, xr.DataArray], metrics: Sequence[str], sheet: Callable[..., xr.Dataset]
) -> dict[str, xr.DataArray]:
    """Return the similarities of as many units of every area; nothing where all have as many."""
    if len({x.sizes["unit"] for x in brain.values()}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the unmatched table has said it
        tables = [sheet(metric, n_shuffles=0, match_units=True) for metric in metrics]
    names = [name for name in ("similarity", "low", "high") if name in tables[0]]
    joined = xr.concat([table[names] for table in tables], dim="metric", combine_attrs="drop")
    called = {"similarity": "matched", "low": "matched_low", "high": "matched_high"}
    return {called[name]: joined[name] for name in names}


def _without_fault() -> tuple[xr.DataArray, xr.DataArray]:
    """Return trials and a layer that can be compared."""
    rng, stimuli = np.random.default_rng(0), np.arange(12)
    trials = xr.DataArray(rng.normal(size=(24, 6)), dims=("trial", "unit"))
    layer = xr.DataArray(rng.normal(size=(12, 5)), dims=("stimulus", "feature"), coords={"stimulus": stimuli})
    return trials.assign_coords(stimulus=("trial", np.tile(stimuli, 2))), layer


def _in_our_words(said: str) -> str:
    """Return what `compare` says of its two sides, as whoever named a brain and a model understands it."""
    said = _COMPARE.sub("brain_vs_network", said).replace("the second array", "the layer")
    return said.replace("only in the first", "only in the responses").replace("only in the second", "only in the layer")
