"""Labels dealt anew to what was randomised: trials, blocks or stimuli; few arrangements are all gone through."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from neurodata4ml.analysis.design.asked import Asked, Drawn
from neurodata4ml.analysis.design.shuffles import shuffle_within
from neurodata4ml.errors import DesignError

FEW = 200
"""Up to so many labellings are all gone through, even where fewer shuffles were asked for: that costs no more than
twice the default, and p is then exact."""


def all_trials(asked: Asked) -> Drawn:
    """Permute the labels over all trials."""
    return _deal(asked, np.arange(len(asked.labels)), None, asked.unit)


def within_blocks(asked: Asked) -> Drawn:
    """Permute the labels within each block (within each session, where only sessions are known)."""
    if asked.groups is None:
        message = 'The scheme "within blocks" needs a coordinate "block" with at least two blocks. Use "all trials".'
        raise DesignError(message)
    return _deal(asked, np.arange(len(asked.labels)), asked.groups, f"{asked.unit} within blocks")


def whole_blocks(asked: Asked) -> Drawn:
    """Permute the labels of whole blocks, within a session; no p where their order was not left to chance."""
    if asked.groups is None or not _constant(asked.labels, asked.groups):
        message = (
            f'The scheme "whole blocks" needs blocks of one {asked.target!r} each; here '
            f"{'there are no blocks' if asked.groups is None else 'it varies within blocks'}. Leave scheme= out."
        )
        raise DesignError(message)
    drawn = _deal(asked, asked.groups, None if asked.blocks is None else asked.session, "blocks")
    reason = _order_not_random(asked)
    return drawn if not reason else Drawn(drawn.labels, drawn.why, drawn.n_arrangements, drawn.enumerated, reason)


def whole_stimuli(asked: Asked) -> Drawn:
    """Permute the labels of whole stimuli."""
    if asked.stimuli is None:
        message = (
            f'The scheme "whole stimuli" needs a coordinate "stimulus" of which {asked.target!r} is a property (the '
            f"same in all {asked.unit} of a stimulus, and shared by several stimuli). Leave scheme= out."
        )
        raise DesignError(message)
    return _deal(asked, asked.stimuli, None, "stimuli")


def count_arrangements(labels: np.ndarray, groups: np.ndarray | None = None) -> int:
    """Count the distinct ways to deal the labels within each group: a product of multinomial coefficients."""
    group = np.zeros(len(labels), dtype=np.int64) if groups is None else groups
    count = 1
    for name in np.unique(group):
        sizes = np.unique(labels[group == name], return_counts=True)[1].tolist()
        count *= math.factorial(sum(sizes)) // math.prod(math.factorial(size) for size in sizes)
    return count


def arrangements(codes: np.ndarray, groups: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Yield every distinct way to deal the labels within each group, the observed one among them."""
    group = np.zeros(len(codes), dtype=np.int64) if groups is None else groups
    inside = [np.flatnonzero(group == name) for name in np.unique(group)]
    for dealt in itertools.product(*(list(_orders(codes[members])) for members in inside)):
        labels = np.empty_like(codes)
        for members, order in zip(inside, dealt, strict=True):
            labels[members] = order
        yield labels


def equal_relabellings(labels: np.ndarray, groups: np.ndarray | None = None) -> int:
    """Count the ways to rename classes that give a labelling of the same kind, and so the same score of a decoder.

    With 6 blocks of each of 2 labels, every labelling and its reverse tell the same two sets of blocks apart: the
    smallest p is 2 of 924.
    """
    names, code = np.unique(labels, return_inverse=True)
    group = np.zeros(len(code), dtype=np.int64) if groups is None else np.unique(groups, return_inverse=True)[1]
    table = np.zeros((len(names), int(group.max()) + 1), dtype=np.int64)
    np.add.at(table, (code.reshape(-1), group), 1)
    return math.prod(math.factorial(n) for n in np.unique(table, axis=0, return_counts=True)[1].tolist())


def fixed_order(labels: np.ndarray) -> str:
    """Return how a sequence of block labels repeats itself ("a, b, a, b"), or "" where it looks left to chance.

    Fixed are at least four blocks that go through the same cycle (two full cycles, three if the cycle is longer than
    the number of labels), and labels that come each in one run, the first label's blocks before the second's.
    """
    n, n_classes = len(labels), len(np.unique(labels))
    if n < 4 or n_classes < 2:
        return ""
    shown = ", ".join(str(label) for label in labels[:6]) + (", ..." if n > 6 else "")
    for period in range(2, n // 2 + 1):
        cycles = 2 if period == n_classes else 3
        if period * cycles <= n and np.array_equal(labels[period:], labels[:-period]):
            return shown
    n_runs = 1 + int(np.count_nonzero(labels[1:] != labels[:-1]))
    return shown if n_runs == n_classes < n else ""


def _constant(labels: np.ndarray, units: np.ndarray) -> bool:
    first, code = np.unique(units, return_index=True, return_inverse=True)[1:]
    return bool(np.all(labels == labels[first][code]))


def _deal(asked: Asked, units: np.ndarray, within: np.ndarray | None, what: str) -> Drawn:
    """Deal the labels of the units anew; ``units`` says of each sample to which unit it belongs."""
    first, code = np.unique(units, return_index=True, return_inverse=True)[1:]
    in_time = np.argsort(np.argsort(first))  # units by the time of their first sample
    first, code = np.sort(first), in_time[code]
    names, labels = np.unique(asked.labels[first], return_inverse=True)
    groups = None if within is None else within[first]
    count = count_arrangements(labels, groups)
    n_equal = equal_relabellings(labels, groups)
    smallest = n_equal / count
    no_p = ""
    if smallest > asked.alpha:
        no_p = (
            f"the {len(first)} {what} allow {count} labellings of {asked.target!r}, of which those that rename the "
            f"classes score the same: p cannot be below {smallest:.3g}, and alpha is {asked.alpha:g}. More {what} "
            f"are needed"
        )
    enumerated = asked.n_shuffles > 0 and count - 1 <= max(asked.n_shuffles, FEW)
    if enumerated:
        dealt = np.array([other for other in arrangements(labels, groups) if not np.array_equal(other, labels)])
        dealt = dealt.reshape(-1, len(labels)).astype(np.int64)
    else:
        dealt = shuffle_within(labels, groups, asked.n_shuffles, asked.rng)
    number = f"{count:,}" if count < 1_000_000 else f"1e{math.log10(count):.0f}" if count < 10**300 else "countless"
    how = "all gone through" if enumerated else f"{asked.n_shuffles} drawn"
    n_arrangements = float(count) if count < 10**300 else float("inf")
    return Drawn(
        names[dealt[:, code]],
        f"{number} labellings, {how}",
        n_arrangements,
        enumerated,
        no_p,
        n_equal if enumerated else 1,
    )


def _orders(codes: np.ndarray) -> Iterator[list[int]]:
    """Yield the distinct orders of a multiset, in lexicographic order (Knuth, TAOCP 7.2.1.2, algorithm L)."""
    order = sorted(codes.tolist())
    while True:
        yield list(order)
        j = len(order) - 2
        while j >= 0 and order[j] >= order[j + 1]:
            j -= 1
        if j < 0:
            return
        k = len(order) - 1
        while order[j] >= order[k]:
            k -= 1
        order[j], order[k] = order[k], order[j]
        order[j + 1 :] = reversed(order[j + 1 :])


def _order_not_random(asked: Asked) -> str:
    if asked.randomised:
        return ""
    if asked.groups is None:
        return ""
    first = np.sort(np.unique(asked.groups, return_index=True)[1])
    remedy = "Type randomised=True if the order was drawn by chance; else give sessions= or simulate="
    if asked.randomised is False:
        return f"the order of the {len(first)} blocks was not randomised, and slow drift could follow it too. {remedy}"
    order = fixed_order(asked.labels[first])
    if not order:
        return ""
    return (
        f"the {len(first)} blocks come in a fixed order ({order}), which slow drift could follow too: the order was "
        f"not randomised. {remedy}"
    )
