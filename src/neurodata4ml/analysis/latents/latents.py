"""Few components that stand for many units: a position in a low-dimensional space for each sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.contrastive import contrastive
from neurodata4ml.analysis.latents.demixed import demixed
from neurodata4ml.analysis.latents.gaussian import factor_analysis, pca
from neurodata4ml.analysis.latents.parts import independent, nonnegative
from neurodata4ml.analysis.latents.tensors import tensor_components
from neurodata4ml.analysis.latents.trajectories import trajectories
from neurodata4ml.dims import add_step, presented, provenance, require_array
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import did_you_mean


def latents(
    x: xr.DataArray, *, method: str = "pca", n_components: int | str = 3, seed: int = 0, **options: Any
) -> xr.Dataset:
    """Summarise many units by a few components: each sample gets a position in a low-dimensional space.

    Parameters
    ----------
    x : DataArray with one dim of units (or features); all other dims are samples
        Single trials, or mean responses over time such as ``average_by(firing_rate(counts, over=None))``, whose
        components are trajectories. Blank and invalid trials are dropped.
    method : str
        A key of ``REDUCERS``. "pca" keeps most variance; "fa" (factor analysis) keeps what units share, and leaves
        each unit its private noise; "ica" keeps independent sources; "nmf" keeps parts that only add; "dpca" keeps
        task factors apart (trials with labels); "gpfa" keeps smooth trajectories of single trials (counts in bins);
        "tca" keeps change within and across trials; "cebra" learns an embedding from time or behaviour.
    n_components : int or "auto"
        Three can be drawn. "auto" ("pca", "fa", "gpfa"): as many as foretell held-out data
        (``choice.choose_components``, whose options it takes). For "dpca": of each marginal.
    seed : int
        For methods with chance in them.
    **options
        Of the method; its function says what each does, and docs/latents.md lists them.

    Returns
    -------
    Dataset
        ``latents`` (samples, component), in the units of x where the method keeps them; ``loadings`` (component,
        unit); ``explained_variance`` (component), as a fraction of the total variance, in falling order. The largest
        loading of a component is positive. Further variables by method: docs/latents.md.

    Raises
    ------
    DesignError
        Unknown method or option, more components than the data allow, NaN, no variance at all, or an extra that is
        not installed.
    DimensionError
        ``x`` lacks a dim or a coordinate that the method needs.

    Examples
    --------
    >>> x = xr.DataArray([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dims=("stimulus", "unit"))
    >>> latents(x, n_components=1).latents.values.ravel()
    array([-5.,  0.,  5.])
    """
    require_array(x, step="latents")
    require_whole(seed, "seed", least=0, most=2**32 - 1)  # what scikit-learn takes
    if not isinstance(method, str) or method not in REDUCERS:
        message = f"latents knows the methods {', '.join(REDUCERS)}; got {method!r}."
        raise DesignError(message)
    x = presented(x, step="latents")
    asked, found = dict(options), None
    if n_components == "auto":
        from neurodata4ml.analysis.latents.choice import choose_components

        choosing = {name: asked.pop(name) for name in _options_of(choose_components) if name in asked}
        _require_known(method, asked, also=_options_of(choose_components))
        n_components, found = choose_components(x, method=method, seed=seed, **choosing)
    _require_known(method, asked)
    whole = isinstance(n_components, int | float | np.number) and not isinstance(n_components, bool)
    if not whole or n_components != np.floor(n_components):
        message = f"latents takes a whole number as n_components, or 'auto'; got {n_components!r}."
        raise DesignError(message)
    result = REDUCERS[method](x, int(n_components), seed, **asked)
    if found is not None:
        result = result.assign(found.data_vars).assign_attrs(found.attrs)
    result.attrs = {**provenance(x), "method": method, **result.attrs}
    return add_step(result, "latents", method=method, n_components=int(n_components), seed=seed, **options)


REDUCERS: dict[str, Callable[..., xr.Dataset]] = {
    "pca": pca,
    "fa": factor_analysis,
    "ica": independent,
    "nmf": nonnegative,
    "dpca": demixed,
    "gpfa": trajectories,
    "tca": tensor_components,
    "cebra": contrastive,
}
"""Methods by name: (x, n_components, seed, *, options) -> Dataset with ``latents``; keywords are the options."""


def _options_of(function: Callable[..., Any]) -> list[str]:
    parameters = signature(function).parameters.values()
    return [one.name for one in parameters if one.kind is Parameter.KEYWORD_ONLY and one.name not in ("method", "seed")]


def _require_known(method: str, options: dict[str, Any], also: Sequence[str] = ()) -> None:
    known = [*_options_of(REDUCERS[method]), *also]
    for name in options:
        if name not in known:
            message = (
                f"latents(method={method!r}) has no option {name!r}{did_you_mean(name, known)} "
                f"Its options: {', '.join(known) or 'none'}."
            )
            raise DesignError(message)
