"""Coupling counts what follows a spike beyond chance, and an explanation must beat its shuffles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.spiketrains.coupling import best_explanation, coupling
from neurodata4ml.errors import DesignError, DimensionError


def session(*trains: np.ndarray) -> xr.Dataset:
    stops = np.cumsum([len(times) for times in trains])
    return xr.Dataset(
        {
            "spike_times": ("spike", np.concatenate(trains)),
            "spike_start": ("unit", np.r_[0, stops[:-1]]),
            "spike_stop": ("unit", stops),
        },
        coords={"unit": 10 + np.arange(len(trains))},
    )


def driven(seed: int, weight: float = 0.3) -> xr.Dataset:
    """Return a sender, a receiver that follows 5 ms later with a chance of ``weight``, and a stranger."""
    rng = np.random.default_rng(seed)
    sender, own, stranger = (np.sort(rng.uniform(0, 400, n)) for n in (4000, 2000, 4000))
    return session(sender, np.sort(np.r_[own, sender[rng.random(4000) < weight] + 0.005]), stranger)


def test_it_finds_the_share_of_spikes_that_are_followed_and_zero_elsewhere() -> None:
    found = coupling(driven(0))
    assert float(found.sel(unit=10, unit2=11)) == pytest.approx(0.3, abs=0.03)
    assert float(found.sel(unit=10, unit2=12)) == pytest.approx(0, abs=0.03)
    assert float(found.sel(unit=11, unit2=10)) == pytest.approx(0, abs=0.03)
    assert np.isnan(np.diag(found.values)).all()


def test_it_is_what_counting_pair_by_pair_gives() -> None:
    x = driven(1).isel(unit=[0, 1])
    times = [x.spike_times.values[a:b] for a, b in zip(x.spike_start.values, x.spike_stop.values, strict=True)]
    stretches = np.array([[10.0, 60.0], [100.0, 130.0]])
    sent = [t for t in times[0] if any(a <= t < b - 0.02 for a, b in stretches)]
    received = [t for t in times[1] if any(a <= t < b for a, b in stretches)]
    pairs = sum(0.001 <= r - s < 0.02 for s in sent for r in received)
    expected = pairs / len(sent) - len(received) / 80 * 0.019
    assert float(coupling(x, stretches=stretches)[0, 1]) == pytest.approx(expected)


def test_a_selection_of_units_keeps_their_coupling() -> None:
    whole, part = coupling(driven(2)), coupling(driven(2).isel(unit=[2, 0]))
    assert float(part.sel(unit=10, unit2=12)) == pytest.approx(float(whole.sel(unit=10, unit2=12)), abs=1e-3)
    assert part.unit.values.tolist() == [12, 10]


def test_a_silent_sender_has_no_coupling() -> None:
    assert np.isnan(coupling(session(np.empty(0), np.array([1.0, 2.0]))).values).sum() == 3


def test_the_explanation_that_is_true_is_found_and_none_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    names = {"unit": range(12), "unit2": range(5)}
    true, false = (xr.DataArray(rng.normal(size=(12, 5)), dims=("unit", "unit2"), coords=names) for _ in range(2))
    seen = true + 0.5 * rng.normal(size=(12, 5))
    found = best_explanation(seen, {"false": false, "true": true})
    assert found.best.item() == "true"
    assert found.correlation.sel(candidate="true") == pytest.approx(
        np.corrcoef(seen.values.ravel(), true.values.ravel())[0, 1]
    )
    assert (
        best_explanation(seen.copy(data=rng.normal(size=(12, 5))), {"false": false, "true": true}).best.item() == "none"
    )


def test_false_alarms_are_as_rare_as_promised_with_several_candidates() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        x = [xr.DataArray(rng.normal(size=(10, 4)), dims=("unit", "unit2")) for _ in range(4)]
        alarms += best_explanation(x[0], dict(zip("abc", x[1:], strict=True)), n_shuffles=39).best.item() != "none"
    assert alarms <= 19  # 10 expected at .05; P(more than 19) < .003


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: coupling(xr.Dataset()), DimensionError, "takes a session with spikes.*'spike_times' is not there"),
        (lambda: coupling(driven(0), window=(0.02, 0.01)), DesignError, r"from < to; got \(0.02, 0.01\)"),
        (lambda: coupling(driven(0), stretches=np.empty((0, 2))), DesignError, "stretches must be .*; got 0"),
        (lambda: coupling(driven(0), stretches=np.array([[0, 2], [1, 3]])), DesignError, "none into the next"),
        (lambda: best_explanation(one(), {}), DesignError, "needs one candidate or more; got none"),
        (lambda: best_explanation(one(), {"a": one()[:2]}), DimensionError, r"a must be \(unit, unit2\) of the units"),
        (lambda: best_explanation(one()[:2], {"a": one()[:2]}), DesignError, "three senders and six pairs or more"),
        (
            lambda: best_explanation(one(), {"a": one()}, n_shuffles=3),
            DesignError,
            "n_shuffles takes a whole number, 19",
        ),
    ],
)
def test_what_has_no_answer_is_refused(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def one() -> xr.DataArray:
    return xr.DataArray(np.arange(12.0).reshape(4, 3), dims=("unit", "unit2"))
