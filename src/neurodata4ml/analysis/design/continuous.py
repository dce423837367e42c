"""Quantities that flow: is the target stationary, how long does it remember, and shifts of it in time."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.design.asked import Asked, Drawn
from neurodata4ml.errors import DesignError

ENOUGH = 50.0
"""Autocorrelation times that a recording must last for a circular shift. Of pairs of independent AR(1) signals (rho
.95) the correlation had p <= .05 in 9 % of recordings of 13 autocorrelation times, 7 % at 26, 6 % at 50 or more;
5 % there once the shifts left out are counted (see ``circular_shift``); of random walks in 26 %."""

ENOUGH_TO_TELL = 20.0
"""Autocorrelation times below which no test can tell a stationary series from a drifting one: of 1,000 steps of random
walks, 2 % look longer than this. A linear shift asks for no more, as it is valid however short the series."""

KPSS = 0.463
"""The statistic of Kwiatkowski, Phillips, Schmidt & Shin (1992, J. Econometrics 54:159) above which a series is not
stationary about a level: their table 1, 5 %. What is stationary and fails by chance still has the linear shift."""

WINDOW = 5.0
"""Lags are summed up to so many autocorrelation times (Sokal 1997, Monte Carlo methods, section 3)."""


def autocorrelation_time(y: np.ndarray) -> float:
    """Return ``1 + 2 sum_h rho(h)^2`` in samples: how far apart samples must be to count as new.

    Squared, since the product of two such series varies by the product of their autocorrelations (Bartlett 1935, J.
    R. Stat. Soc. 98:536), and since the lobes of an oscillation then do not cancel: (1 + rho^2) / (1 - rho^2) for
    AR(1). The sum stops at the first lag beyond 5 times itself. The number of samples where ``y`` is constant.
    """
    rho = _autocorrelation(y)
    if rho is None:
        return float(len(y))
    total = 1 + 2 * np.cumsum(rho[1:] ** 2)
    beyond = np.flatnonzero(np.arange(1, len(y)) >= WINDOW * total)
    return float(total[beyond[0]] if len(beyond) else total[-1])


def level_statistic(y: np.ndarray) -> float:
    """Return the KPSS statistic of stationarity about a level; its Bartlett window is 4 autocorrelation times."""
    rho = _autocorrelation(y)
    if rho is None:
        return 0.0
    n, width = len(y), min(int(np.ceil(4 * autocorrelation_time(y))), len(y) - 1)
    lags = np.arange(1, width + 1)
    variance = np.var(y) * max(1 + 2 * np.sum((1 - lags / (width + 1)) * rho[1 : width + 1]), 1 / n)
    return float(np.sum(np.cumsum(y - y.mean()) ** 2) / (n**2 * variance))


def not_stationary(y: np.ndarray, enough: float) -> str:
    """Return why ``y`` cannot be taken for stationary, or lasts too few autocorrelation times, or ""."""
    lasts = len(y) / autocorrelation_time(y)
    if lasts < enough:
        return f"it lasts {lasts:.0f} of its autocorrelation times, and {enough:.0f} are needed"
    found = level_statistic(y)
    return f"it drifts (KPSS statistic {found:.2f}, above {KPSS})" if found > KPSS else ""


def why_no_circular_shift(asked: Asked) -> str:
    """Return why the target is not stationary enough for a circular shift, or ""."""
    enough = max(ENOUGH, ENOUGH * 0.05 / asked.alpha)
    reasons = [not_stationary(asked.labels[inside].astype(np.float64), enough) for inside in _recordings(asked)]
    return next((reason for reason in reasons if reason), "")


def why_no_linear_shift(asked: Asked) -> str:
    """Return why neither the target nor its increments are stationary, or why the recording is too short, or ""."""
    if asked.session is not None:
        return "a linear shift knows one session only"
    n = len(asked.labels)
    if n // 4 < _each_way(asked.alpha):
        return f"a linear shift to p <= {asked.alpha:g} needs {4 * _each_way(asked.alpha)} {asked.unit}; there are {n}"
    y = asked.labels.astype(np.float64)
    if not not_stationary(y, ENOUGH_TO_TELL):
        return ""
    reason = not_stationary(np.diff(y), ENOUGH_TO_TELL)
    return f"nor can its steps be taken for stationary: of steps, {reason}" if reason else ""


def circular_shift(asked: Asked) -> Drawn:
    """Turn the target round in time by more than its autocorrelation time; each session by itself.

    The shifts nearer than that are no labellings of their own, yet leaving them out would make p too small: if the
    responses are slow, scores of neighbouring shifts rise together, and the observed one misses its neighbours. They
    count as if all did as well as the observed one: p becomes ``e + (1 - e) p`` with ``e`` their share of all shifts.
    """
    share, least = 0.0, 0
    labels = np.empty((asked.n_shuffles, len(asked.labels)), dtype=asked.labels.dtype)
    for inside in _recordings(asked):
        n = len(inside)
        tau = int(np.ceil(max(autocorrelation_time(part) for part in _numbers(asked.labels[inside]))))
        if n - 2 * tau < 1:
            message = (
                f"A circular shift must exceed the autocorrelation time of {asked.target!r} ({tau} {asked.unit}) both "
                f"ways, and there are {n}. Give sessions= or simulate=, or record for longer."
            )
            raise DesignError(message)
        shifts = asked.rng.integers(tau, n - tau + 1, asked.n_shuffles)
        labels[:, inside] = asked.labels[inside][(np.arange(n) - shifts[:, None]) % n]
        share, least = max(share, (2 * tau - 1) / n), max(least, tau)
    smallest, no_p = share + (1 - share) / (1 + asked.n_shuffles), ""
    if smallest > asked.alpha:
        no_p = (
            f"{asked.n_shuffles} shifts beyond the autocorrelation time of {asked.target!r} ({least} {asked.unit}, out "
            f"of {len(asked.labels)}) cannot give p below {smallest:.3g}, and alpha is {asked.alpha:g}. Record for "
            f"longer, or ask for more shuffles"
        )
    why = f"shifted by {least} {asked.unit} or more, {asked.n_shuffles} shifts drawn"
    return Drawn(labels, why, no_p=no_p, excluded=share)


def linear_shift(asked: Asked) -> Drawn:
    """Shift the target against the middle half of the responses, both ways, so that it always covers them.

    Of 2 N + 1 shifts, -N to N, that of a target with nothing to do with the responses is among the best m with
    probability m / (N + 1) at most, however short the recording (Harris 2020, arXiv:2012.06862): p = (1 + #{null >=
    observed}) / (N + 1).
    """
    if asked.session is not None:
        message = "A linear shift needs one continuous recording; x holds several sessions. Take one: x.isel(...)."
        raise DesignError(message)
    n, reach = len(asked.labels), len(asked.labels) // 4
    n_each = min(asked.n_shuffles // 2, reach)
    if reach < 1:
        message = f"A linear shift needs at least 4 {asked.unit}; got {n}."
        raise DesignError(message)
    step = reach // max(n_each, 1)
    kept = slice(reach, n - reach)
    middle = np.arange(n)[kept]
    shifts = np.concatenate([np.arange(-n_each, 0), np.arange(1, n_each + 1)]) * step
    needed = _each_way(asked.alpha)
    no_p = ""
    if n_each < needed:
        no_p = (
            f"{n_each} shifts each way cannot give p below {1 / (n_each + 1):.3g}, and alpha is {asked.alpha:g}: "
            f"ask for n_shuffles={2 * needed} or more, of at least {4 * needed} {asked.unit}"
        )
    why = f"the middle {len(middle)} of {n} {asked.unit}, {2 * n_each} shifts by multiples of {step}; p is conservative"
    factor = (2 * n_each + 1) / (n_each + 1)
    return Drawn(asked.labels[middle - shifts[:, None]], why, no_p=no_p, kept=kept, factor=factor)


def _each_way(alpha: float) -> int:
    return int(np.ceil(1 / alpha - 1e-9)) - 1


def _autocorrelation(y: np.ndarray) -> np.ndarray | None:
    """Return the autocorrelation at lags 0, 1, ..., n - 1 (biased, as usual), or None for a constant."""
    centred = np.asarray(y, dtype=np.float64) - np.mean(y)
    power = float(centred @ centred)
    if power <= 1e-20 * max(1.0, float(np.max(np.abs(y), initial=0.0)) ** 2) * len(y):
        return None
    spectrum = np.fft.rfft(centred, 2 * len(y))
    return np.asarray(np.fft.irfft(spectrum * spectrum.conj())[: len(y)] / power)


def _recordings(asked: Asked) -> list[np.ndarray]:
    if asked.session is None:
        return [np.arange(len(asked.labels))]
    return [np.flatnonzero(asked.session == name) for name in np.unique(asked.session)]


def _numbers(labels: np.ndarray) -> list[np.ndarray]:
    """Return the labels as a series, or one series per class where they are names."""
    if labels.dtype.kind == "f":
        return [labels]
    return [(labels == name).astype(np.float64) for name in np.unique(labels)]
