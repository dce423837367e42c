"""The interval of a similarity when stimuli and units could both have been others."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.two_factors import jackknife_variance
from neurodata4ml.errors import DesignError


def two_factor_interval(
    estimate: xr.DataArray,
    by_first: xr.DataArray,
    by_second: xr.DataArray,
    by_both: xr.DataArray,
    *,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Return the interval of ``estimate`` when both factors are drawn from more, by ``jackknife_variance``.

    Parameters
    ----------
    estimate : DataArray (...)
    by_first : DataArray (group, ...)
        Without one of the first factor, such as a stimulus.
    by_second : DataArray (group2, ...)
        Without one of the second, such as a unit or an animal.
    by_both : DataArray (group, group2, ...)
    confidence : float

    Returns
    -------
    Dataset with ``estimate``, ``se``, ``low``, ``high`` (t with the smaller factor's number less one)

    Raises
    ------
    DesignError
        Fewer than 2 of a factor.
    """
    n, m = by_both.sizes["group"], by_both.sizes["group2"]
    if min(n, m) < 2:
        message = f"An interval over two factors needs at least 2 of each; got {n} and {m}. Name one: over='stimulus'."
        raise DesignError(message)
    dims = estimate.dims
    variance = jackknife_variance(
        by_first.transpose("group", *dims).values,
        by_second.transpose("group2", *dims).values,
        by_both.transpose("group", "group2", *dims).values,
    )
    se = xr.DataArray(np.sqrt(variance), dims=dims, coords=estimate.coords)
    width = float(stats.t.ppf(0.5 + confidence / 2, min(n, m) - 1)) * se
    return xr.Dataset({"estimate": estimate, "se": se, "low": estimate - width, "high": estimate + width})
