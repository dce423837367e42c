"""Which trials were held out, as one digest: two reports with equal digests learnt from, and tested on, the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import digest_of
from neurodata4ml.analysis.design.halves import split_halves
from neurodata4ml.analysis.dimensions.parts import choose_halves
from neurodata4ml.analysis.dissimilarity.crossing import folds_of
from neurodata4ml.analysis.linear.stimuli import fold_labels


def of_all(digests: Iterable[str]) -> str:
    """Return the one digest that all share; of several, the SHA-256 of them in their order; "" of none."""
    known = [digest for digest in digests if digest]
    if len(set(known)) < 2:
        return known[0] if known else ""
    return hashlib.sha256("".join(known).encode("ascii")).hexdigest()


def of_crossed_folds(x: xr.DataArray, folds: str | None) -> str:
    """Return the digest of the folds that a cross-validated distance multiplies: each fold with all others."""
    labels, _ = folds_of(x, folds, step="rdm")
    return digest_of(_one_against_rest(labels))


def of_halves_of_folds(x: xr.DataArray, seed: int, *, least: int) -> str:
    """Return the digest of the halves behind ``dimensionality``; "" where a stimulus has too few trials.

    Parameters
    ----------
    x : DataArray (trial, unit)
    seed : int
    least : int
        Folds of every stimulus in either half.
    """
    halves = choose_halves(x, seed, least=least, step="dimensionality")
    if halves is None:
        return ""
    fold = np.unique(halves.folds, return_inverse=True)[1]
    return digest_of(_in_and_out(in_a[fold] > 0) for in_a in halves.in_a)


def of_random_halves(x: xr.DataArray, n_splits: int, seed: int) -> str:
    """Return the digest of the halves behind ``compare`` and ``reliability``."""
    folds, kind = fold_labels(x)
    half = split_halves(x["stimulus"].values, folds, kind, n_splits=n_splits, seed=seed)
    return digest_of(_in_and_out(one) for one in half.T)


def _one_against_rest(labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for label in np.unique(labels):
        yield np.flatnonzero(labels != label), np.flatnonzero(labels == label)


def _in_and_out(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.flatnonzero(inside), np.flatnonzero(~inside)
