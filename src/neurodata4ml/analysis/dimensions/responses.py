"""What every estimate of dimensions starts from: trials without blanks, and the mean response to each stimulus."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import average_by, trial_labels
from neurodata4ml.dims import feature_dim, presented, to_matrix
from neurodata4ml.errors import DesignError, DimensionError


def stimulus_responses(x: xr.DataArray, *, step: str) -> tuple[xr.DataArray, np.ndarray, str]:
    """Return the trials (time averaged; as they came where x holds means), the means, and the name of the columns.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit) with the coordinate ``stimulus``, or mean responses (stimulus, unit)

    Returns
    -------
    trials : DataArray
    means : ndarray (n_stimuli, n_units)
    units : str

    Raises
    ------
    DimensionError
        Neither trials nor stimuli.
    DesignError
        Fewer than two stimuli, trials without a label, or NaN.
    """
    trials = presented(x, step=step)
    units = feature_dim(trials, step=step)
    strange = [str(dim) for dim in trials.dims if dim not in ("trial", "stimulus", "time", units)]
    if strange:
        message = f"{step} needs the dims trial, time and {units}; got {strange[0]!r} too: x.isel({strange[0]}=0)."
        raise DimensionError(message)
    if not trials.size:
        message = f"{step} finds no value in an array of {dict(trials.sizes)} (blanks do not count). Take more of it."
        raise DesignError(message)
    if "time" in trials.dims:
        trials = trials.mean("time", dtype=np.float64, skipna=False)
    if not {"trial", "stimulus"} & set(trials.dims):
        message = (
            f'{step} needs a "trial" dim with the coordinate \'stimulus\', or a "stimulus" dim; '
            f"got ({', '.join(map(str, x.dims))})."
        )
        raise DimensionError(message)
    if "trial" in trials.dims:
        trial_labels(trials, "stimulus", step=step)
    means = to_matrix(average_by(trials) if "trial" in trials.dims else trials, rows="stimulus", columns=units)
    if len(means) < 2 or not np.isfinite(means).all():
        message = (
            f"{step} needs at least 2 stimuli and no NaN; got {len(means)} stimuli and "
            f"{int((~np.isfinite(means)).sum())} NaN. Drop units with x.dropna('unit')."
        )
        raise DesignError(message)
    return trials, means, units
