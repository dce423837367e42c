"""How far two spike trains are apart, each spike a pulse that decays (van Rossum 2001)."""

from __future__ import annotations

import numpy as np

from neurodata4ml.errors import DesignError


def van_rossum_distance(one: np.ndarray, other: np.ndarray, *, tau: float = 0.01) -> float:
    """Squared van Rossum distance: the integral of the squared difference of both trains, over ``tau``.

    Every spike becomes ``exp(-t / tau)``. A spike that only one train has counts 1/2; two that are far apart count 1,
    and less the nearer they are. With weights +1 and -1 for the spikes of either train, it is
    ``1/2 sum over pairs of w_k w_l exp(-|t_k - t_l| / tau)``, here in one pass over the sorted spikes.

    Source: van Rossum 2001, Neural Computation 13:751; Houghton & Kreuz 2012, Network 23:48 for the pass.

    Parameters
    ----------
    one, other : ndarray of spike times, s
    tau : float, s
        Spikes nearer than this count as nearly the same.

    Returns
    -------
    float, unitless

    Raises
    ------
    DesignError
        Spike times that are not finite, or a ``tau`` that is not above 0.
    """
    times = np.concatenate([np.ravel(one), np.ravel(other)]).astype(float)
    if not (np.isfinite(times).all() and np.isfinite(tau) and tau > 0):
        message = f"van_rossum_distance takes finite spike times in s and tau above 0; got tau={tau!r}."
        raise DesignError(message)
    weights = np.repeat([1.0, -1.0], [np.size(one), np.size(other)])
    order = np.argsort(times, kind="stable")
    decay = np.exp(-np.diff(times[order]) / tau).tolist()
    signs = weights[order].tolist()
    trace = total = 0.0
    for place, sign in enumerate(signs[1:]):
        trace = (trace + signs[place]) * decay[place]
        total += sign * trace
    return max(len(times) / 2 + total, 0.0)
