"""How many dimensions population responses fill: one question, asked in three ways."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import xarray as xr

from neurodata4ml.analysis.dimensions.parallel import parallel_analysis
from neurodata4ml.analysis.dimensions.participation import participation
from neurodata4ml.analysis.dimensions.spectrum import signal_spectrum
from neurodata4ml.dims import add_step, provenance, require_array
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import guess

DIMENSIONALITIES: dict[str, Callable[..., xr.Dataset]] = {
    "participation": participation,
    "cvpca": signal_spectrum,
    "parallel": parallel_analysis,
}
"""Ways to ask, by name: (x, seed=, options) -> Dataset."""


def dimensionality(x: xr.DataArray, *, method: str = "participation", seed: int = 0, **options: Any) -> xr.Dataset:
    """Estimate how many dimensions the responses fill.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit) with the coordinate ``stimulus``, or mean responses (stimulus, unit)
        Blank and invalid trials are dropped.
    method : str
        A key of ``DIMENSIONALITIES``. "participation": one number, as observed, without noise, and of the population
        behind these units and stimuli (``participation.participation``). "cvpca": the variance of the signal along
        each component, and its decay where that can be told (``spectrum.signal_spectrum``). "parallel": how many
        components exceed what unrelated units would show (``parallel.parallel_analysis``).
    seed : int
        Of splits and shuffles.
    **options
        Of the method.

    Returns
    -------
    Dataset
        See the method.

    Raises
    ------
    DimensionError
        Neither trials nor stimuli.
    DesignError
        Unknown method or option, fewer than two stimuli, trials without a label, or NaN.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = xr.DataArray(rng.normal(size=(200, 2)) @ rng.normal(size=(2, 30)), dims=("stimulus", "unit"))
    >>> float(dimensionality(x).participation_ratio_population) < 3
    True
    """
    require_array(x, step="dimensionality")
    require_whole(seed, "seed", least=0)
    if not isinstance(method, str) or method not in DIMENSIONALITIES:
        message = (
            f"dimensionality knows the methods {', '.join(DIMENSIONALITIES)}; got {method!r}."
            f"{guess(method, list(DIMENSIONALITIES))}"
        )
        raise DesignError(message)
    known = [name for name in signature(DIMENSIONALITIES[method]).parameters if name not in ("x", "seed")]
    for name in options:
        if name not in known:
            message = (
                f"dimensionality(method={method!r}) has no option {name!r}.{guess(name, known)} "
                f"It has: {', '.join(known) or 'none'}."
            )
            raise DesignError(message)
    result = DIMENSIONALITIES[method](x, seed=seed, **options)
    for variable in result.data_vars.values():
        variable.attrs.setdefault("units", "1")
    result.attrs = {**provenance(x), "method": method, **result.attrs}
    return add_step(result, "dimensionality", method=method, seed=seed, **options)
