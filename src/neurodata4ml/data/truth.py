"""What the analysis of a simulated session should find, in closed form.

Truth is conditional on the session at hand: these units, these scenes, the trials that are valid, and the running and
drift that happened. With the expected count ``E`` of a trial, and log-normal noise whose log has covariance ``S``,

    variance    E + E^2 (exp(S_uu) - 1)            (law of total variance)
    covariance  E_u E_v (exp(S_uv) - 1)            (units u and v, same trial)

and every quantity below is the expectation of its estimator, or the function of expectations that it estimates.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.data.demo.simulate import DURATION, KERNEL_STEP, Responses, evoked_share, expected_counts, time_course
from neurodata4ml.data.demo.simulated_file import FIRST_UNIT, SCENES, read_truth
from neurodata4ml.data.made import made_truth
from neurodata4ml.data.made_parts import NOTE
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError


def truth(session: xr.Dataset) -> xr.Dataset:
    """Return what is true of a simulated session: what a perfect analysis would find.

    Parameters
    ----------
    session : Dataset
        From ``open_session("demo")``, or of a system; a selection of its units or trials is honoured.

    Returns
    -------
    Dataset
        Of a system, what its ``record`` says. Of the demo's movie, ``mean_response`` (stimulus, unit) in Hz while each
        frame is shown, ``still_response`` (stimulus, unit) if it stood still, and the ``kernel`` (area, lag) between
        them. Of its choices, on ``trial`` the ``drift`` in bounds per second, the ``start`` and whether it was a
        ``lapse``; the ``decision`` (trial, time) in s from the stimulus, 1 for right; and on ``unit`` the
        ``weight_left``, ``weight_right``, ``weight_decision``, ``weight_movement``, ``weight_feedback``. Of its scenes,
        ``mean_response`` (stimulus, unit) in Hz; ``trial_variance`` (unit) in spikes^2 and ``noise_correlation``
        (area); ``reliability`` (unit) of the trial mean; ``rdm`` (area, stimulus, stimulus2), the crossnobis estimand
        in (spikes/trial)^2 per unit; ``dimensionality`` (area), the participation ratio of the signal;
        ``time_course`` (area, time), the share of the response in each 10 ms; ``running_gain`` (area), the relative
        rise of the response per cm/s; ``expected_count`` (trial, unit), and ``noise_covariance`` (unit, unit2) of
        the log of the noise.

    Raises
    ------
    DesignError
        If the session was not simulated: for a real brain nobody knows.
    """
    made = made_truth(session)
    if made is not None:
        made.attrs |= {**provenance(session), "note": NOTE}
        return add_step(made, "truth")
    fields = _fields(session)
    trials = session["trial"].values[session["valid"].values & ~session["blank"].values]
    found = closed_form(
        fields, trials=trials, units=_unit_rows(session, fields), area=session["area"].values.astype(str)
    )
    found = found.assign_coords(unit=session["unit"].values, unit2=session["unit"].values)
    found.attrs = {**provenance(session), "note": NOTE}
    return add_step(found, "truth")


def shows_scenes(session: xr.Dataset) -> bool:
    """Return whether it is the demo while scenes are shown: then the truth of what a report estimates is known."""
    return bool(session.attrs.get("simulated")) and str(session.attrs.get("trials", "")).endswith(f"/{SCENES}")


def closed_form(
    fields: dict[str, np.ndarray], *, trials: np.ndarray, units: np.ndarray, area: np.ndarray
) -> xr.Dataset:
    """Return the truth of chosen trials and units of a simulation; see :func:`truth`.

    Parameters
    ----------
    fields : dict of str to ndarray
        The fields of a ``Recording`` and ``mean_rate`` (stimulus, unit) in Hz.
    trials, units : ndarray of int
        Positions in the simulation.
    area : ndarray (unit,) of str
    """
    labels = fields["frame"][trials]
    expected = _expected(fields, area, units, trials)
    covariance = (fields["loading"] @ fields["loading"].T)[np.ix_(units, units)]
    arrays = {
        "expected_count": (("trial", "unit"), expected, {"units": "1"}),
        "noise_covariance": (("unit", "unit2"), covariance, {"units": "1"}),
        **_responses(expected, labels, fields["block"][trials], covariance),
        **_by_area(expected, labels, fields, covariance, area, trials, units),
    }
    return xr.Dataset(
        {name: (dims, values, attrs) for name, (dims, values, attrs) in arrays.items()},
        coords={
            "trial": trials,
            "stimulus": np.unique(labels),
            "stimulus2": np.unique(labels),
            "area": list(dict.fromkeys(area)),
            "time": (np.arange(25) + 0.5) * 0.01,
        },
    )


def noise_loadings(session: xr.Dataset) -> np.ndarray:
    """Return the loadings of the noise (unit, factor) of the session's units.

    With ``truth(session)["expected_count"]``, ``draw_counts`` (data/demo/simulate.py) makes fresh sessions of them:
    same trials, gain and drift, new noise.
    """
    fields = _fields(session)
    return np.asarray(fields["loading"][_unit_rows(session, fields)])


def _fields(session: xr.Dataset) -> dict[str, np.ndarray]:
    fields = read_truth(session.attrs["source"]) if session.attrs.get("simulated") else None
    if fields is None:
        name = session.attrs.get("dataset", session.attrs.get("source", "this session"))
        message = f'{name} was not simulated, so its truth is unknown. truth() answers for open_session("demo").'
        raise DesignError(message)
    return fields


def _unit_rows(session: xr.Dataset, fields: dict[str, np.ndarray]) -> np.ndarray:
    rows = session["unit"].values - FIRST_UNIT
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= len(fields["gain"]):
        message = f"units {list(session['unit'].values[:3])} are not those of the simulation; open_session it anew."
        raise DesignError(message)
    return np.asarray(rows)


def _expected(fields: dict[str, np.ndarray], area: np.ndarray, units: np.ndarray, trials: np.ndarray) -> np.ndarray:
    responses = Responses(fields["mean_rate"][:, units], area, np.empty(0))
    return expected_counts(
        responses,
        fields["frame"][trials],
        fields["trial_speed"][trials],
        fields["gain"][units],
        fields["drift"][np.ix_(trials, units)],
    )


Arrays = dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]


def _responses(expected: np.ndarray, labels: np.ndarray, block: np.ndarray, covariance: np.ndarray) -> Arrays:
    """Per unit: mean response, trial variance, reliability of the trial mean."""
    mean, _ = _stimulus_means(expected, labels)
    variance = np.diag(_trial_covariance(expected, labels, covariance))
    return {
        "mean_response": (("stimulus", "unit"), mean / DURATION, {"units": "Hz"}),
        "trial_variance": (("unit",), variance, {"units": "1"}),
        "reliability": (("unit",), _reliability(expected, labels, block, covariance), {"units": "1"}),
    }


def _reliability(expected: np.ndarray, labels: np.ndarray, block: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """1 - noise / variance of the stimulus effects, both in expectation, of least squares on stimulus and block."""
    stimuli, n = np.unique(labels, return_counts=True)
    design = np.column_stack([labels[:, None] == stimuli, block[:, None] == np.unique(block)[1:]]).astype(float)
    solve = np.linalg.pinv(design)
    variance = expected + expected**2 * np.expm1(np.diag(covariance))
    leverage = np.einsum("tk,kt->t", design, solve)
    residual = expected - design @ (solve @ expected)
    noise = ((residual**2).sum(axis=0) + (1 - leverage) @ variance) / (len(labels) - np.linalg.matrix_rank(design))
    effect = solve[: len(stimuli)] - solve[: len(stimuli)].mean(axis=0)
    observed = (((effect @ expected) ** 2).sum(axis=0) + (effect**2).sum(axis=0) @ variance) / (len(stimuli) - 1)
    return np.asarray(1 - noise * np.mean(1 / n) / observed)


def _by_area(
    expected: np.ndarray,
    labels: np.ndarray,
    fields: dict[str, np.ndarray],
    covariance: np.ndarray,
    area: np.ndarray,
    trials: np.ndarray,
    units: np.ndarray,
) -> Arrays:
    rows: dict[str, list[np.ndarray | float]] = {
        name: [] for name in ("noise_correlation", "rdm", "dimensionality", "time_course", "running_gain")
    }
    block, speed = fields["block"][trials], fields["trial_speed"][trials]
    share = evoked_share(fields["mean_rate"], labels)[:, units]
    for name in dict.fromkeys(area):
        here = area == name
        mean, _ = _stimulus_means(expected[:, here], labels)
        trial_covariance = _trial_covariance(expected[:, here], labels, covariance[np.ix_(here, here)])
        rows["noise_correlation"].append(_mean_correlation(trial_covariance))
        rows["rdm"].append(_crossnobis(expected[:, here], labels, block))
        rows["dimensionality"].append(_participation_ratio(mean))
        evoked = (expected * share)[:, here].sum() / expected[:, here].sum()
        rows["time_course"].append(_time_course(name, evoked))
        rows["running_gain"].append(_running_slope(expected[:, here].sum(axis=1), speed, labels, block))
    dims = {"rdm": ("area", "stimulus", "stimulus2"), "time_course": ("area", "time")}
    return {name: (dims.get(name, ("area",)), np.array(values), {"units": "1"}) for name, values in rows.items()}


def _stimulus_means(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    stimuli = np.unique(labels)
    return np.stack([x[labels == s].mean(axis=0) for s in stimuli]), np.array([(labels == s).sum() for s in stimuli])


def _trial_covariance(expected: np.ndarray, labels: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Expectation of the pooled within-stimulus sample covariance, trials minus stimuli degrees of freedom."""
    total, freedom = np.zeros_like(covariance), 0
    for s in np.unique(labels):
        e = expected[labels == s]
        within = np.expm1(covariance) * (e.T @ e) + np.diag(e.sum(axis=0))
        deviation = e - e.mean(axis=0)
        total += (1 - 1 / len(e)) * within + deviation.T @ deviation
        freedom += len(e) - 1
    return np.asarray(total / freedom)


def _mean_correlation(covariance: np.ndarray) -> float:
    scale = np.sqrt(np.diag(covariance))
    pairs = (covariance / np.outer(scale, scale))[np.triu_indices(len(scale), 1)]
    return float(pairs.mean()) if len(pairs) else float("nan")


def _crossnobis(expected: np.ndarray, labels: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Expectation of the crossnobis distance, identity noise: mean over pairs of trials in different blocks."""
    stimuli = np.unique(labels)
    moment = np.empty((len(stimuli), len(stimuli)))
    for i, s in enumerate(stimuli):
        for j, t in enumerate(stimuli[: i + 1]):
            products = expected[labels == s] @ expected[labels == t].T
            apart = block[labels == s][:, None] != block[labels == t]
            moment[i, j] = moment[j, i] = products[apart].mean()
    own = np.diag(moment)
    return np.asarray((own[:, None] + own - 2 * moment) / expected.shape[1])


def _participation_ratio(mean: np.ndarray) -> float:
    eigenvalues = np.linalg.svd(mean - mean.mean(axis=0), compute_uv=False) ** 2
    return float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def _time_course(area: str, evoked: float, bin_width: float = 0.01) -> np.ndarray:
    """Share of all spikes in each bin: what scenes evoke follows the time course, the rest is even."""
    course = time_course(area).reshape(-1, round(bin_width / KERNEL_STEP)).sum(axis=1)
    return np.asarray(evoked * course + (1 - evoked) / len(course))


def _running_slope(expected: np.ndarray, speed: np.ndarray, labels: np.ndarray, block: np.ndarray) -> float:
    """Least-squares slope of the population count on speed, given stimulus and block, relative to the mean count."""
    design = np.column_stack([labels[:, None] == np.unique(labels), block[:, None] == np.unique(block)[1:]])
    rest = np.column_stack([speed, expected])
    rest = rest - design @ np.linalg.lstsq(design.astype(float), rest, rcond=None)[0]
    return float(rest[:, 0] @ rest[:, 1] / (rest[:, 0] @ rest[:, 0]) / expected.mean())
