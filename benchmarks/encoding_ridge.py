"""The questions that `benchmarks/encoding.py` asks, and how we, himalaya and scikit-learn answer them."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.linear.ridge_left_out import ridge_left_out
from neurodata4ml.analysis.linear.ridge_targets import Problem, ridge_targets

N_FOLDS = 5


@dataclass(frozen=True)
class Images:
    """Features x and responses y of images, penalties, and folds of whole stretches of rows."""

    x: np.ndarray
    y: np.ndarray
    alphas: np.ndarray

    @property
    def fold(self) -> np.ndarray:
        """The fold of each image."""
        return np.arange(len(self.x)) * N_FOLDS // len(self.x)

    @property
    def folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions of training and test images."""
        return [(np.flatnonzero(self.fold != k), np.flatnonzero(self.fold == k)) for k in range(N_FOLDS)]

    @property
    def everything(self) -> np.ndarray:
        """All images."""
        return np.arange(len(self.x))


def images(n: int, n_features: int, n_units: int, *, seed: int = 0) -> Images:
    """Return responses that follow the features linearly, units from nearly without noise to nearly noise alone."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n_features))
    x -= x.mean(axis=0)
    y = x @ (rng.standard_normal((n_features, n_units)) / np.sqrt(n_features))
    y += rng.standard_normal((n, n_units)) * np.linspace(0.2, 3.0, n_units)
    return Images(x, y, np.logspace(0.0, 6.0 if n_features > n else 5.0, 10))


Answer = tuple[np.ndarray, np.ndarray]
"""Penalties (n_units,) and predictions (n, n_units)."""


def our_fit(data: Images) -> Answer:
    """Choose in five folds, fit all images, predict them."""
    everything = data.everything
    found = ridge_targets(
        Problem((data.x,), data.y, None, False), [(everything, everything)], data.alphas, [data.folds]
    )
    return found.alpha[0], found.values


def himalayas_kernel_fit(data: Images) -> Answer:
    """Do the same with KernelRidgeCV, centred inside every fold (fit_intercept)."""
    from himalaya.kernel_ridge import KernelRidgeCV

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KernelRidgeCV(alphas=data.alphas, cv=data.folds, fit_intercept=True).fit(data.x, data.y)
        return np.asarray(model.best_alphas_), np.asarray(model.predict(data.x))


def himalayas_fit(data: Images) -> Answer:
    """Do the same with RidgeCV of himalaya."""
    from himalaya.ridge import RidgeCV as TheirRidgeCV

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = TheirRidgeCV(alphas=data.alphas, cv=data.folds, fit_intercept=True).fit(data.x, data.y)
        return np.asarray(model.best_alphas_), np.asarray(model.predict(data.x))


def sklearns_fit(data: Images, rows: np.ndarray | None = None, *, standardise: bool = False) -> Answer:
    """Do the same with Ridge: every fold, every penalty, all units at once; then every penalty that a unit chose."""
    folds = data.folds if rows is None else [(train[np.isin(train, rows)], test) for train, test in data.folds]
    folds = [(train, test) for train, test in folds if rows is None or np.isin(test, rows).all()]
    errors = np.zeros((len(data.alphas), data.y.shape[1]))
    for train, test in folds:
        scaler = StandardScaler(with_mean=standardise, with_std=standardise).fit(data.x[train])
        learnt, tested = scaler.transform(data.x[train]), scaler.transform(data.x[test])
        for error, alpha in zip(errors, data.alphas, strict=True):
            error += np.mean((Ridge(alpha).fit(learnt, data.y[train]).predict(tested) - data.y[test]) ** 2, axis=0)
    chosen = data.alphas[errors.argmin(axis=0)]
    rows = data.everything if rows is None else rows
    scaler = StandardScaler(with_mean=standardise, with_std=standardise).fit(data.x[rows])
    learnt, tested = scaler.transform(data.x[rows]), scaler.transform(data.x)
    values = np.empty_like(data.y)
    for alpha in np.unique(chosen):
        mine = chosen == alpha
        found = Ridge(alpha).fit(learnt, data.y[rows][:, mine]).predict(tested)
        values[:, mine] = found.reshape(len(tested), -1)
    return chosen, values


def our_left_out(data: Images) -> Answer:
    """Choose by leaving out one image at a time, fit all images, predict them."""
    everything = data.everything
    found = ridge_left_out(Problem((data.x,), data.y, None, False), [(everything, everything)], data.alphas)
    return found.alpha[0], found.values


def sklearns_left_out(data: Images) -> Answer:
    """Do the same with RidgeCV(alpha_per_target=True)."""
    model = RidgeCV(data.alphas, alpha_per_target=True).fit(data.x, data.y)
    return np.asarray(model.alpha_), np.asarray(model.predict(data.x))


def our_encode(data: Images) -> Answer:
    """Score held-out images with encode: penalties from the other folds, z-scores from the training images."""
    labels = {"stimulus": data.everything}
    features = xr.DataArray(data.x, dims=("stimulus", "feature"), coords=labels)
    responses = xr.DataArray(data.y, dims=("stimulus", "unit"), coords=labels)
    found = encode(responses, features, alphas=data.alphas, folds=Folds(data.fold, "given"), prediction=True)
    return found.alpha.values.T.ravel(), found.prediction.values


def himalayas_nested(data: Images) -> Answer:
    """Do nearly the same with StandardScaler and KernelRidgeCV: inner folds keep the scale of the outer one."""
    from himalaya.kernel_ridge import KernelRidgeCV

    values, chosen = np.empty_like(data.y), []
    for k, (train, test) in enumerate(data.folds):
        place = np.full(len(data.x), -1)
        place[train] = np.arange(len(train))
        others = [fold for j, fold in enumerate(data.folds) if j != k]
        inside = [(place[fit[np.isin(fit, train)]], place[left]) for fit, left in others]
        scaler = StandardScaler().fit(data.x[train])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = KernelRidgeCV(alphas=data.alphas, cv=inside, fit_intercept=True)
            model.fit(scaler.transform(data.x[train]), data.y[train])
            values[test] = model.predict(scaler.transform(data.x[test]))
        chosen.append(np.asarray(model.best_alphas_))
    return np.concatenate(chosen), values


def sklearns_first(data: Images) -> Answer:
    """Do exactly the same as encode for the first of its folds, with StandardScaler and Ridge."""
    train, test = data.folds[0]
    alpha, values = sklearns_fit(data, train, standardise=True)
    return alpha, values[test]


def memory(n: int, n_features: int, n_units: int) -> tuple[float, float]:
    """Return the peak of a new process that runs encode, and inputs plus outputs, in MB.

    Arrays of 1 MB and more get pages of their own, which go back when they are freed: without that, glibc keeps what
    threads freed, and the peak says how it does so.
    """
    command = [sys.executable, __file__, str(n), str(n_features), str(n_units)]
    fresh = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    peak, both = subprocess.run(command, check=True, capture_output=True, text=True, env=fresh).stdout.split()[-2:]
    return float(peak), float(both)


def _held(name: str) -> float:
    """Return what this process holds (VmRSS), or held at most (VmHWM), in MB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name))


def child(n: int, n_features: int, n_units: int) -> None:
    """Print the peak above what the imports take, and inputs plus outputs, in MB."""
    our_encode(images(20, 30, 4))
    before = _held("VmRSS")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n, n_features)), rng.standard_normal((n, n_units))
    found = our_encode(Images(x, y, np.logspace(0.0, 6.0, 10)))
    both = sum(array.nbytes for array in (x, y, *found)) / 2**20
    print(_held("VmHWM") - before, both)


if __name__ == "__main__":
    child(*map(int, sys.argv[1:4]))
