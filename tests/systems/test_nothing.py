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


def test_a_unit_of_a_drifting_recording_remembers_itself_and_labels_are_dealt_to_blocks() -> None:
    x = nothing.drift_in_blocks(n_blocks=40, n_units=80, seed=3)
    assert x.std() == pytest.approx(1, rel=0.05)
    assert np.corrcoef(x.values[1:].ravel(), x.values[:-1].ravel())[0, 1] == pytest.approx(0.95, abs=0.01)
    by_block = x.label.groupby("block")
    assert [len(set(labels.values)) for _, labels in by_block] == [1] * 40
    assert sorted(labels.values[0] for _, labels in by_block) == ["a"] * 20 + ["b"] * 20
    dealt = nothing.drift_in_blocks("alternating").label.values[::20]
    assert dealt.tolist() == ["a", "b"] * 6


def test_images_of_a_class_are_no_more_alike_than_others() -> None:
    x = nothing.images_without_classes(n_units=400, n_repeats=40)
    alike = np.corrcoef(x.groupby("stimulus").mean().values)
    same = np.equal.outer(np.arange(100) // 10, np.arange(100) // 10) & ~np.eye(100, dtype=bool)
    assert alike[same].mean() == pytest.approx(alike[~same & ~np.eye(100, dtype=bool)].mean(), abs=0.01)
    assert x.groupby("stimulus").mean().values.var() == pytest.approx(0.25 + 1 / 40, rel=0.05)
    assert np.array_equal(np.unique(x.stimulus, return_counts=True)[1], np.full(100, 40))


def test_answers_to_images_follow_the_images_and_not_their_features() -> None:
    features, x = nothing.unrelated_trials(200, 6, 50, 100)
    first, second = (x.groupby("stimulus").mean().values for x in (x[:600], x[600:]))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(1 / (1 + 1 / 3), abs=0.03)
    told = features.values @ np.linalg.lstsq(features.values[:100], first[:100], rcond=None)[0]
    assert np.corrcoef(told[100:].ravel(), first[100:].ravel())[0, 1] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_slow_signals_remember_themselves_and_not_each_other(memory: float) -> None:
    x = nothing.slow_signals(20_000, 4, memory=memory)
    every = np.column_stack([x.values, x.signal.values])
    assert np.corrcoef(every[1:].ravel(), every[:-1].ravel())[0, 1] == pytest.approx(memory, abs=0.02)
    assert np.abs(np.corrcoef(every.T) - np.eye(5)).max() < 0.1


def test_with_a_memory_of_one_they_are_random_walks() -> None:
    x = nothing.slow_signals(5000, 10, memory=1)
    steps = np.diff(x.values, axis=0)
    assert steps.var() == pytest.approx(1, rel=0.05)
    assert np.corrcoef(steps[1:].ravel(), steps[:-1].ravel())[0, 1] == pytest.approx(0, abs=0.02)


def test_a_label_has_its_share_of_the_trials() -> None:
    assert nothing.unequal_classes(20_000, 1, share=0.3).label.mean() == pytest.approx(0.3, abs=0.01)
    assert np.bincount(nothing.many_units(61, 5).label).tolist() == [31, 30]


WORLDS = {
    "equal_responses": lambda seed: nothing.equal_responses(6, 3, 2, seed=seed),
    "unrelated": lambda seed: nothing.unrelated(6, 3, 2, seed=seed),
    "drift_in_blocks": lambda seed: nothing.drift_in_blocks(seed=seed),
    "many_units": lambda seed: nothing.many_units(seed=seed),
    "images_without_classes": lambda seed: nothing.images_without_classes(seed=seed),
    "unrelated_trials": lambda seed: nothing.unrelated_trials(6, 3, seed=seed),
    "slow_signals": lambda seed: nothing.slow_signals(seed=seed),
    "unequal_classes": lambda seed: nothing.unequal_classes(seed=seed),
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_the_same_seed_gives_the_same_world_and_another_another(world: Callable[[int], Any]) -> None:
    one, again, other = (world(seed) for seed in (1, 1, 2))
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
        (lambda: nothing.drift_in_blocks("given"), "order takes random or alternating; got 'given'"),  # type: ignore[arg-type]
        (lambda: nothing.slow_signals(memory=1.1), "memory takes a number from 0 to 1; got 1.1"),
        (lambda: nothing.unequal_classes(share=float("nan")), "share takes a number from 0 to 1; got nan"),
    ],
)
def test_worlds_without_size_are_refused(call: Callable[[], object], said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()
