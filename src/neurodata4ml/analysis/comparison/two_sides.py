"""Unbiased CKA of single trials with single trials: noise that both sides share is never multiplied with itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.surplus import of_pairs
from neurodata4ml.analysis.inference.two_factors import narrowed
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.reliability.noise_corrected import (
    corrected_cka,
    corrected_cka_of_two,
    grams_of_halves,
    root,
    self_similarity,
    with_halves,
)
from neurodata4ml.errors import DimensionError

QUANTITIES = ["similarity", "raw", "ceiling", "own", "own_y"]

_TESTED = 5
"""Random halves behind a p-value, which is exact of any number of them."""


@dataclass(frozen=True)
class Partner:
    """The second side of a comparison of trials with trials.

    Attributes
    ----------
    trials : DataArray (trial, unit)
    half : ndarray of bool (trial, split)
        Both from ``with_halves``; of one recording those of the first side, trial by trial.
    together : bool
        Both sides are of one recording: a trial of one is that of the other.
    """

    trials: xr.DataArray
    half: np.ndarray
    together: bool

    def beside(self, x: xr.DataArray, half: np.ndarray, n_stimuli: int) -> xr.DataArray:
        """Return the noise-corrected CKA (quantity,) of the trials ``x``, some perhaps left out, with these.

        One recording: ``corrected_cka_of_two``. Two: K and L of all trials share no noise, and each side's own term is
        taken between its own halves: ``HSIC_1(K, L) / sqrt(mean HSIC_1(K_A, K_B) * mean HSIC_1(L_A, L_B))``.
        """
        if self.together:
            return corrected_cka_of_two(x, [self.trials.values], half, n_stimuli).isel(y=0)
        own, observed, gram = self_similarity(self.trials, self.half, n_stimuli)
        found = corrected_cka(x, half, n_stimuli, gram[None] / (np.linalg.norm(gram) or np.nan)).isel(y=0)
        ceiling = root(own) / (root(observed) or np.nan)
        factor = {"similarity": 1 / ceiling, "raw": 1.0, "ceiling": ceiling, "own": 1.0}
        scaled = [float(found.sel(quantity=name)) * factor[name] for name in QUANTITIES[:-1]]
        return xr.DataArray([*scaled, own], dims="quantity", coords={"quantity": QUANTITIES})

    def without_stimuli(self, x: xr.DataArray, half: np.ndarray, n_stimuli: int) -> xr.DataArray:
        """Return ``beside`` without one stimulus at a time (group, quantity), of which the jackknife is right.

        Closed forms, and what pairs add counted once, as ``stimulus_replicates_of_halves``.
        """
        n = n_stimuli
        if n < 5 or min(len(np.unique(one["stimulus"].values)) for one in (x, self.trials)) < n:
            return _labelled(np.full((n, len(QUANTITIES)), np.nan))
        terms = _terms(grams_of_halves(x, half, n), grams_of_halves(self.trials, self.half, n), together=self.together)
        rows = terms.sum(axis=2)
        left = rows.sum(axis=1)[:, None] - 2.0 * (n - 2) / (n - 3) * rows
        scale = n * (n - 3) / ((n - 1) * (n - 4))
        return _labelled(narrowed(_quantities(scale * left).T, _surplus(terms)))


def partner_of(x: xr.DataArray, y: xr.DataArray, half: np.ndarray, *, n_splits: int, seed: int) -> Partner:
    """Return the trials ``y`` beside the trials ``x``, whose halves are ``half``: of the recording of ``x`` or another.

    Raises
    ------
    DimensionError
        Trials of one recording, some of which only one side has.
    """
    partner = of_one_recording(x, y)
    if partner is None:
        return Partner(*with_halves(y, n_splits=n_splits, seed=seed, step="compare"), together=False)
    trials = with_halves(partner, n_splits=1, seed=seed, step="compare")[0]
    return Partner(trials, half, together=True)


def of_one_recording(x: xr.DataArray, y: xr.DataArray) -> xr.DataArray | None:
    """Return ``y`` with its trials in the order of ``x`` if both are of one recording, else None.

    They are where both have equal trial labels with one stimulus each, or, without labels, equally many trials with
    the stimuli in one order. Of two recordings that happen to agree so nothing goes wrong: they share no noise.

    Raises
    ------
    DimensionError
        Some labels, with one stimulus each, are on both sides, and others on one: of these the shared noise would
        not be kept apart.
    """
    labelled = all("trial" in one.indexes and one.indexes["trial"].is_unique for one in (x, y))
    if not labelled:
        alike = x.sizes["trial"] == y.sizes["trial"] and bool((x["stimulus"].values == y["stimulus"].values).all())
        return y if alike else None
    shared = x.indexes["trial"].intersection(y.indexes["trial"])
    if not len(shared) or (x["stimulus"].sel(trial=shared).values != y["stimulus"].sel(trial=shared).values).any():
        return None
    if len(shared) < max(x.sizes["trial"], y.sizes["trial"]):
        message = (
            f"compare was given trials of what looks like one recording, but the sides share only {len(shared)} of "
            f"{x.sizes['trial']} and {y.sizes['trial']}: noise of a trial must be kept apart on both. Select the "
            f"shared ones: x.sel(trial=shared); of two recordings, give the trials other names: "
            f"y.assign_coords(trial=...)."
        )
        raise DimensionError(message)
    return y.sel(trial=x.indexes["trial"])


def permuted_halves(x: xr.DataArray, half: np.ndarray, partner: Partner, orders: np.ndarray) -> np.ndarray:
    """Return what the sides share, and what they share with the stimuli of ``x`` in other orders (1 + n_orders,).

    The numerator of ``beside``, on which alone the order of stimuli acts: of one recording between halves without a
    common trial, so that shared noise makes no p small.
    """
    n = orders.shape[1]
    few = [grams_of_halves(one, halves[:, :_TESTED], n) for one, halves in ((x, half), (partner.trials, partner.half))]
    (gram, a), (other, b) = few
    mine = np.concatenate([a[:, 0], a[:, 1]]) if partner.together else gram[None]
    theirs = np.concatenate([b[:, 1], b[:, 0]]) if partner.together else other[None]

    def shared(order: np.ndarray) -> float:
        return float(np.vdot(mine[:, order[:, None], order], theirs)) / len(mine)

    return np.array(in_threads(shared, [np.arange(n), *orders]))


def _terms(x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], *, together: bool) -> np.ndarray:
    """Return what each pair of stimuli adds (6, n, n): shared, own of x, own of y, and the three as observed."""
    (k, a), (other, b) = x, y
    shared = np.mean(a[:, 0] * b[:, 1] + a[:, 1] * b[:, 0], axis=0) / 2 if together else k * other
    own = [np.mean(halves[:, 0] * halves[:, 1], axis=0) for halves in (a, b)]
    return np.stack([shared, *own, k * other, k * k, other * other])


def _quantities(sums: np.ndarray) -> np.ndarray:
    """Return the quantities (5, ...) from the sums of terms (6, ...); NaN where a root is not to be had."""
    shared, own, own_y, seen, seen_x, seen_y = sums
    spread, observed = (
        np.sqrt(np.where((p > 0) & (q > 0), p * q, np.nan)) for p, q in ((own, own_y), (seen_x, seen_y))
    )
    return np.stack([shared / spread, seen / observed, spread / observed, own, own_y])


def _surplus(terms: np.ndarray) -> np.ndarray:
    """Return the variance of each quantity that the jackknife counts once too often; see ``pair_surplus``."""
    sums = terms.sum(axis=(1, 2))
    similarity, raw, ceiling = _quantities(sums)[:3]
    if not np.isfinite(similarity + raw):
        return np.full(len(QUANTITIES), np.nan)
    of_own, of_seen = terms[1] / sums[1] + terms[2] / sums[2], terms[4] / sums[4] + terms[5] / sums[5]
    moved = [
        terms[0] / np.sqrt(sums[1] * sums[2]) - similarity / 2 * of_own,
        terms[3] / np.sqrt(sums[4] * sums[5]) - raw / 2 * of_seen,
        ceiling / 2 * (of_own - of_seen),
        terms[1],
        terms[2],
    ]
    return np.array([of_pairs(each) for each in moved])


def _labelled(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=("group", "quantity"), coords={"quantity": QUANTITIES})
