"""Worlds of known dimensions have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodata4ml.analysis.dimensions.spectrum import decay_exponent
from neurodata4ml.errors import DesignError
from neurodata4ml.systems.known_shapes import power_law, white_noise


def test_white_noise_has_as_many_dimensions_as_units() -> None:
    eigenvalues = np.linalg.eigvalsh(np.cov(white_noise(20_000, 10).values.T))
    assert eigenvalues == pytest.approx(1, abs=0.1)


def test_without_noise_the_variance_falls_as_the_power_law_says() -> None:
    x = power_law(4000, 100, exponent=1.5, noise=0.0, seed=1)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.values[:4000].T))[::-1]
    assert decay_exponent(eigenvalues, (1, 60)) == pytest.approx(1.5, abs=0.1)


def test_repeats_share_their_signal_and_differ_by_the_noise() -> None:
    x = power_law(500, 40, noise=0.2, n_repeats=3, seed=2)
    first, second = (x.values[x.block == k] for k in (0, 1))
    assert (first - second).std() == pytest.approx(0.2 * np.sqrt(2), rel=0.03)
    assert x.stimulus.values[:500].tolist() == x.stimulus.values[500:1000].tolist()


def test_the_same_seed_is_the_same_world() -> None:
    assert (power_law(10, 5, seed=3).values == power_law(10, 5, seed=3).values).all()
    assert (white_noise(10, 5, seed=3).values != white_noise(10, 5, seed=4).values).any()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: white_noise(1), "n_stimuli takes a whole number, 2 or more; got 1"),
        (lambda: power_law(n_repeats=1), "n_repeats takes a whole number, 2 or more; got 1"),
        (lambda: power_law(noise=-1.0), "finite exponent and noise of 0 or more; got 1.0 and -1.0"),
    ],
)
def test_a_world_that_cannot_be_is_refused(call: Any, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()
