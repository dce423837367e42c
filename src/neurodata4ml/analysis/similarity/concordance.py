"""Loops that count concordant pairs of pairs, compiled: imported only where many are counted, for numba takes its time.

Entries are taken in the order of one vector and entered into a table of the other's places: how many of those entered
lie below a place is read from one word of bits and two running counts, in a few steps however many there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.compiled import compiled


@compiled
def _ones(word: Any) -> Any:
    """Return how many bits of 64 are set."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def _below(place: Any, bits: Any, near: Any, far: Any) -> Any:
    """Return how many entered places lie below ``place``."""
    word = place >> np.uint64(6)
    inside = bits[word] & ((np.uint64(1) << (place & np.uint64(63))) - np.uint64(1))
    return np.int64(far[word >> np.uint64(2)]) + np.int64(near[word]) + _ones(inside)


@compiled
def _enter(place: Any, bits: Any, near: Any, far: Any) -> None:
    """Enter a place: a bit, and counts of what lies before in its four words of bits, and before the four."""
    word = place >> np.uint64(6)
    bits[word] |= np.uint64(1) << (place & np.uint64(63))
    four = word >> np.uint64(2)
    within, before = np.int32(word & np.uint64(3)), np.int32(four)
    # loops of a fixed length without a branch, which become a few wide additions
    for k in range(np.uint64(4)):
        near[(four << np.uint64(2)) + k] += np.int32(np.int32(k) > within)
    for k in range(np.uint64(len(far))):
        far[k] += np.int32(np.int32(k) > before)


@compiled
def balance(order: Any, ends: Any, place: Any, lower: Any, upper: Any) -> Any:
    """Return concordant minus discordant pairs of entries of two vectors a and b.

    Parameters
    ----------
    order, ends : ndarray of int32 (n,)
        Entries by rising a; for each entry, how many are not above it in a.
    place, lower, upper : ndarray of int32 (n,)
        For each entry, its place by rising b; how many are below it in b, and how many are not above it.
    """
    n_far = (len(order) >> 8) + 1
    bits, near = np.zeros(4 * n_far, dtype=np.uint64), np.zeros(4 * n_far, dtype=np.int32)
    far = np.zeros(n_far, dtype=np.int32)
    total, start = np.int64(0), 0
    while start < len(order):
        # entries of equal a are neither concordant nor discordant: all are asked before any is entered
        end = ends[np.uint64(order[start])]
        for k in range(start, end):
            entry = np.uint64(order[k])
            below = _below(np.uint64(lower[entry]), bits, near, far)
            total += 2 * below - start
            if upper[entry] != lower[entry] + 1:
                total += _below(np.uint64(upper[entry]), bits, near, far) - below
        for k in range(start, end):
            _enter(np.uint64(place[np.uint64(order[k])]), bits, near, far)
        start = end
    return total


@compiled
def balances(a: Any, b: Any, out: Any) -> None:
    """Fill ``out`` (n_a, n_b) with the balance of every vector of ``a`` with every one of ``b``, each (n, 5, m)."""
    for i in range(len(a)):
        for j in range(len(b)):
            out[i, j] = balance(a[i, 0], a[i, 4], b[j, 2], b[j, 3], b[j, 4])
