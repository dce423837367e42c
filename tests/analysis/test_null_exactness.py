"""Nulls are exact: every arrangement that could have been is drawn, equally often, against enumeration by hand."""

import itertools
from collections import Counter

import numpy as np
import pytest
from designs import markov, trials
from scipy import stats

from neurodata4ml.analysis.design.arrangements import arrangements, count_arrangements, equal_relabellings
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.serial import markov_order, remaining_dependence, serial_dependence
from neurodata4ml.analysis.design.shuffles import shuffle_within
from neurodata4ml.analysis.design.surrogates import count_surrogates, markov_surrogates

SEQUENCES = {
    "two labels": ([0, 1, 1, 0, 0, 1, 0, 1, 1, 1], 1),
    "three labels": ([0, 1, 2, 0, 2, 1, 1, 2], 1),
    "ends elsewhere": ([2, 0, 0, 1, 0, 2, 2, 1], 1),
    "a label seen once, at the end": ([0, 1, 0, 1, 1, 0, 0, 2], 1),
    "order 2": ([0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0], 2),
    "order 3": ([0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0], 3),
}


def transitions(sequence, order):
    n = len(sequence)
    runs = Counter(tuple(sequence[i : i + order + 1]) for i in range(n - order))
    return tuple(sequence[:order]), tuple(sorted(runs.items()))


def assert_uniform(drawn, possible):
    """All that is possible is drawn, nothing else, and equally often (chi-square at 0.1 %, fixed seed)."""
    seen = Counter(map(tuple, drawn.tolist()))
    assert set(seen) == set(possible)
    assert stats.chisquare([seen[s] for s in possible]).pvalue > 0.001


@pytest.mark.parametrize("case", SEQUENCES)
def test_markov_surrogates_are_uniform_over_all_sequences_with_the_same_transitions(case):
    sequence, order = SEQUENCES[case]
    everything = itertools.product(range(max(sequence) + 1), repeat=len(sequence))
    possible = [s for s in everything if transitions(s, order) == transitions(sequence, order)]
    codes = np.array(sequence)
    assert len(possible) > 1
    assert count_surrogates(codes, order=order) == len(possible)
    drawn = markov_surrogates(codes, 200 * len(possible), np.random.default_rng(0), order=order)
    assert_uniform(drawn, possible)


def test_surrogates_in_blocks_are_sequences_of_their_own():
    codes, blocks = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 0]), np.repeat([7, 3], 5)
    drawn = markov_surrogates(codes, 500, np.random.default_rng(0), blocks=blocks)
    for b in (7, 3):
        assert {transitions(row[blocks == b].tolist(), 1) for row in drawn} == {
            transitions(codes[blocks == b].tolist(), 1)
        }
    halves = [count_surrogates(codes[blocks == b]) for b in (7, 3)]
    assert count_surrogates(codes, blocks=blocks) == np.prod(halves) == len(np.unique(drawn, axis=0))


@pytest.mark.parametrize("groups", [None, [1, 1, 1, 0, 0, 0, 0]])
def test_arrangements_are_counted_and_gone_through_and_drawn_uniformly(groups):
    codes = np.array([0, 0, 1, 2, 2, 1, 1])
    group = np.zeros(7) if groups is None else np.array(groups)
    possible = {
        tuple(codes[list(order)])
        for order in itertools.permutations(range(7))
        if np.array_equal(group[list(order)], group)
    }
    gone_through = [tuple(labels.tolist()) for labels in arrangements(codes, None if groups is None else group)]
    assert len(gone_through) == len(set(gone_through)) == len(possible)
    assert set(gone_through) == possible
    assert count_arrangements(codes, None if groups is None else group) == len(possible)
    drawn = shuffle_within(codes, None if groups is None else group, 4000, np.random.default_rng(0))
    assert_uniform(drawn, sorted(possible))


def test_twelve_blocks_of_two_labels_can_be_gone_through_924_ways():
    block = np.repeat(np.arange(12), 3)
    side = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1])[block]
    drawn = permutation_null(trials(36, side=side, block=block), "side")
    assert (drawn.n_arrangements, drawn.enumerated, drawn.n_shuffles) == (924, False, 99)
    null = permutation_null(trials(36, side=side, block=block), "side", n_shuffles=923)
    assert (null.n_arrangements, null.enumerated, null.n_shuffles) == (924, True, 923)
    assert len({tuple(row) for row in [*null.labels.tolist(), side.tolist()]}) == 924
    assert all(np.array_equal(row[::3], row[2::3]) and row.sum() == 18 for row in null.labels)
    assert null.smallest_p == 2 / 924, "a labelling and its opposite score the same"


def test_twelve_orders_of_blocks_are_gone_through_even_if_more_shuffles_are_asked_for():
    block = np.repeat(np.arange(4), 3)
    side = np.array([0, 1, 2, 1])[block]
    null = permutation_null(trials(12, side=side, block=block), "side", alpha=0.2, n_shuffles=999)
    assert (null.n_arrangements, null.n_shuffles, null.no_p) == (12, 11, "")


@pytest.mark.parametrize(("n_blocks", "smallest"), [(4, 2 / 6), (6, 2 / 20), (8, 2 / 70)])
def test_the_smallest_p_counts_the_labellings_that_only_rename_the_classes(n_blocks, smallest):
    block = np.repeat(np.arange(n_blocks), 3)
    side = np.roll(np.repeat([0, 1], n_blocks // 2), 1)[block]
    null = permutation_null(trials(3 * n_blocks, side=side, block=block), "side", randomised=True)
    assert null.smallest_p == pytest.approx(smallest)
    assert bool(null.no_p) == (smallest > 0.05)


def test_many_arrangements_are_drawn():
    block = np.repeat(np.arange(16), 2)
    side = np.random.default_rng(0).permutation(16)[block] % 2
    null = permutation_null(trials(32, side=side, block=block), "side")
    assert (null.n_arrangements, null.enumerated, null.n_shuffles) == (12870, False, 99)
    assert permutation_null(trials(32, side=side, block=block), "side", n_shuffles=12869).enumerated


def test_p_over_all_arrangements_is_uniform_so_that_the_test_is_exact():
    # every labelling once the observed one: the rates of p <= a are a, as a permutation test promises
    block, rng = np.arange(8), np.random.default_rng(0)
    x = rng.normal(size=8)
    score = {tuple(y): x[list(map(bool, y))].sum() for y in arrangements(np.arange(8) // 4)}
    p = []
    for labels in score:
        x8 = trials(16, side=np.repeat(labels, 2), block=np.repeat(block, 2))
        null = permutation_null(x8, "side", randomised=True)
        p.append(null.p_value(score[labels], np.array([score[tuple(row[::2])] for row in null.labels.tolist()])))
    assert np.allclose(np.sort(p), np.arange(1, 71) / 70)


def test_classes_of_one_size_can_be_renamed():
    assert equal_relabellings(np.array(list("aabbc"))) == 2
    assert equal_relabellings(np.array([0, 1, 2])) == 6
    assert equal_relabellings(np.array([0, 0, 1])) == 1
    assert equal_relabellings(np.array([0, 1, 0, 1, 1]), np.array([0, 0, 1, 1, 1])) == 1


def rejected(p, draw, n=200):
    return np.mean([p(draw(np.random.default_rng(seed))) <= 0.05 for seed in range(n)])


@pytest.mark.slow
def test_serial_dependence_is_found_and_independence_is_not():
    limit = stats.binom.ppf(0.999, 200, 0.05) / 200
    assert rejected(serial_dependence, lambda rng: rng.integers(0, 2, 150)) <= limit
    assert rejected(serial_dependence, lambda rng: rng.integers(0, 5, 150)) <= limit
    assert rejected(serial_dependence, lambda rng: markov(rng, 150, 0.8)) > 0.99
    assert rejected(serial_dependence, lambda rng: markov(rng, 150, 0.25)) > 0.95
    # dealt independently, but 70 to 30 and 30 to 70 in turn: clumps that neighbours hardly show
    waves = np.where(np.arange(320) // 40 % 2, 0.75, 0.25)
    assert rejected(serial_dependence, lambda rng: (rng.random(320) < waves).astype(int), 60) > 0.95


def test_the_test_of_dependence_ignores_what_blocks_explain():
    block = np.repeat(np.arange(8), 40)
    waves = np.where(block % 2, 0.8, 0.2)
    labels = [(np.random.default_rng(seed).random(320) < waves).astype(int) for seed in range(60)]
    assert np.mean([serial_dependence(y, block) <= 0.05 for y in labels]) <= stats.binom.ppf(0.999, 60, 0.05) / 60
    assert np.mean([serial_dependence(y) <= 0.05 for y in labels]) > 0.95


def second_order(rng, n=300):
    """Labels like the one before last: neighbours look independent."""
    labels = rng.integers(0, 2, n)
    for i in range(2, n):
        labels[i] = labels[i - 2] if rng.random() < 0.85 else 1 - labels[i - 2]
    return labels


@pytest.mark.slow
def test_the_order_of_a_chain_is_found():
    limit = stats.binom.ppf(0.999, 200, 0.05) / 200
    assert rejected(lambda y: remaining_dependence(y, 1), lambda rng: markov(rng, 150)) <= limit
    orders = Counter(markov_order(second_order(np.random.default_rng(seed)))[0] for seed in range(40))
    assert orders[1] == 0
    assert orders[2] > 30


def test_labels_of_whole_blocks_move_together_and_the_original_stays():
    rng = np.random.default_rng(1)
    block = rng.permutation(np.repeat(np.arange(16), 5))
    side = (rng.permutation(16) % 2)[block]
    before = side.copy()
    null = permutation_null(trials(80, side=side, block=block), "side")
    for labels in null.labels:
        assert all(len(set(labels[block == b])) == 1 for b in range(16))
        assert labels.sum() == 40
    assert len(np.unique(null.labels, axis=0)) > 90
    assert np.array_equal(side, before)
