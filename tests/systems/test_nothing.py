"""Where there is nothing to find, honest measures find nothing, and others find what the closed forms foretell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import neurodata4ml as nd
from neurodata4ml.errors import DesignError
from neurodata4ml.systems import nothing


@pytest.mark.parametrize("n_repeats", [2, 4, 16])
def test_distances_of_equal_responses_are_zero_by_crossnobis_and_two_over_the_repeats_by_means(n_repeats: int) -> None:
    trials = nothing.equal_responses(20, n_repeats, 1000)
    pairs = np.triu_indices(20, 1)
    means = nd.rdm(nd.average_by(trials), distance="euclidean").values[pairs].mean()
    honest = nd.rdm(trials, distance="crossnobis").values[pairs].mean()
    assert means == pytest.approx(2 / n_repeats, rel=0.04)
    assert abs(honest) < 0.1 / n_repeats


def test_every_stimulus_of_equal_responses_is_shown_once_in_each_block() -> None:
    trials = nothing.equal_responses(5, 3, 2)
    assert trials.dims == ("trial", "unit")
    assert sorted(zip(trials.block.values, trials.stimulus.values, strict=True)) == [
        (b, s) for b in range(3) for s in range(5)
    ]


@pytest.mark.parametrize(("n", "p", "q"), [(118, 4096, 60), (50, 1000, 1000), (118, 512, 200)])
def test_unrelated_data_are_alike_by_biased_cka_as_the_closed_form_says_and_not_by_the_unbiased(
    n: int, p: int, q: int
) -> None:
    layer, area = nothing.unrelated(n, p, q)
    assert nd.METRICS["cka"](layer, area) == pytest.approx(np.sqrt(p * q / ((p + n) * (q + n))), abs=0.01)
    assert nd.METRICS["cka_unbiased"](layer, area) == pytest.approx(0, abs=0.04)


@pytest.mark.parametrize("world", [nothing.equal_responses, nothing.unrelated], ids=lambda world: world.__name__)
def test_the_same_seed_gives_the_same_world_and_another_another(world: Callable[..., Any]) -> None:
    one, again, other = (world(6, 3, 2, seed=seed) for seed in (1, 1, 2))
    pairs = [(one, again, other)] if isinstance(one, xr.DataArray) else list(zip(one, again, other, strict=True))
    for first, second, third in pairs:
        assert first.identical(second)
        assert not np.allclose(first, third)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: nothing.equal_responses(0), "n_stimuli takes a whole number, 1 or more; got 0"),
        (lambda: nothing.equal_responses(n_repeats=2.5), "n_repeats takes a whole number"),  # type: ignore[arg-type]
        (lambda: nothing.unrelated(n_features=-1), "n_features takes a whole number, 1 or more; got -1"),
        (lambda: nothing.unrelated(seed=-1), "seed takes a whole number, 0 or more"),
    ],
)
def test_worlds_without_size_are_refused(call: Callable[[], object], said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()
