"""Smooth trajectories of single trials: Gaussian process factor analysis, by elephant."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.samples import need, numbered, require_variance, signs
from neurodata4ml.dims import feature_dim, require_dims
from neurodata4ml.errors import DesignError, DimensionError


@dataclass(frozen=True)
class Trajectories:
    """A fitted model: each source is a Gaussian process in time, each unit a mean, weights and noise of its own.

    ``parameters`` as elephant names them (C, d, R, gamma, eps); ``bin_width`` in s. The methods take square roots of
    counts (trial, time, unit), those of the fit or others.
    """

    parameters: dict[str, Any]
    bin_width: float
    history: np.ndarray

    @property
    def timescale(self) -> np.ndarray:
        """The timescale of each source in s: its correlation over dt is exp(-dt^2 / (2 timescale^2))."""
        return np.asarray(self.bin_width / np.sqrt(self.parameters["gamma"]))

    def infer(self, roots: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the expected sources (trial, time, component) and the log-likelihood of all trials, in nats."""
        core = need("elephant.gpfa.gpfa_core", method="gpfa", extra="latents")
        found, log_likelihood = core.exact_inference_with_ll(_sequences(roots), self.parameters, get_ll=True)
        return np.stack([one.T for one in found["latent_variable"]]), float(log_likelihood)

    def loglikelihood(self, roots: np.ndarray) -> float:
        """Return the log-likelihood of all trials together, in nats."""
        return self.infer(roots)[1]

    def transform(self, roots: np.ndarray) -> np.ndarray:
        """Return the expected sources (trial, time, component), each a process with a timescale of its own."""
        return self.infer(roots)[0]

    def predict(self, roots: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Return what the units ``given`` say of those ``wanted`` (trial, time, n_wanted): co-smoothing."""
        weights, mean = self.parameters["C"], self.parameters["d"]
        part = {
            **self.parameters,
            "C": weights[given],
            "d": mean[given],
            "R": self.parameters["R"][np.ix_(given, given)],
        }
        sources = Trajectories(part, self.bin_width, self.history).transform(roots[..., given])
        return np.asarray(sources @ weights[wanted].T + mean[wanted])


def fit_gpfa(
    roots: np.ndarray,
    n_components: int,
    *,
    bin_width: float,
    seed: int = 0,
    timescale: float = 0.1,
    max_iter: int = 500,
    tol: float = 1e-8,
    min_variance: float = 0.01,
) -> Trajectories:
    """Fit the model to square roots of counts (trial, time, unit) by expectation and maximisation (elephant).

    Trials longer than 20 bins are learnt from in pieces of 20 bins, which overlap by chance (``seed``). Options as in
    ``trajectories``.
    """
    core = need("elephant.gpfa.gpfa_core", method="gpfa", extra="latents")
    with _quiet(), _global_seed(seed):
        parameters, info = core.fit(
            _sequences(roots),
            x_dim=n_components,
            bin_width=bin_width * 1000,
            tau_init=timescale * 1000,
            em_max_iters=max_iter,
            em_tol=tol,
            min_var_frac=min_variance,
        )
    return Trajectories(parameters, bin_width, np.asarray(info["log_likelihoods"], dtype=np.float64))


def trajectories(
    x: xr.DataArray,
    n_components: int,
    seed: int,
    *,
    square_root: bool = True,
    timescale: float = 0.1,
    max_iter: int = 500,
    tol: float = 1e-8,
    min_variance: float = 0.01,
) -> xr.Dataset:
    """Keep what units share and what changes smoothly, trial by trial: GPFA (Yu et al. 2009, J Neurophysiol 102:614).

    ``x``: counts per bin (trial, time, unit) from ``bin_spikes``, bins of about 20 ms; their square roots are taken,
    which makes the variance of Poisson counts alike (``square_root=False``: taken as they are). Units silent in all
    trials are left out (``attrs["n_silent_units"]``).
    ``timescale`` (s) is where the search for timescales starts; ``max_iter`` and ``tol`` stop it; ``min_variance`` is
    the least private noise, as a share of a unit's variance.

    ``latents`` and ``loadings`` are orthonormalised (their eq. 5 and 6): ordered by shared variance, loadings of
    length 1. They mix the processes that were fitted: ``timescale`` (process) in s belongs to those, and
    latents = sources . mixing', with ``mixing`` (component, process). ``loglikelihood`` in nats.
    """
    counts, bin_width = square_roots(x, square_root=square_root)
    units = feature_dim(counts, step="latents")
    roots = np.asarray(counts.data, dtype=np.float64)
    matrix = roots.reshape(-1, roots.shape[-1])
    if roots.shape[-1] < 2:
        message = "latents(method='gpfa') needs at least 2 units: it keeps what units share. Take more units."
        raise DesignError(message)
    require_variance(matrix, n_components)
    _require_full_rank(matrix)
    options = {"timescale": timescale, "max_iter": max_iter, "tol": tol, "min_variance": min_variance}
    model = fit_gpfa(roots, n_components, bin_width=bin_width, seed=seed, **options)  # type: ignore[arg-type]
    sources, log_likelihood = model.infer(roots)
    left, strength, right = np.linalg.svd(model.parameters["C"], full_matrices=False)
    sign = signs(left.T)
    loadings, mixing = left.T * sign[:, None], strength[:, None] * right * sign[:, None]
    return xr.Dataset(
        {
            "latents": (("trial", "time", "component"), sources @ mixing.T, {"units": "1"}),
            "loadings": (("component", units), loadings, {"units": "1"}),
            "explained_variance": ("component", strength**2 / np.sum(matrix.var(axis=0)), {"units": "1"}),
            "mixing": (("component", "process"), mixing, {"units": "1"}),
            "timescale": ("process", model.timescale, {"units": "s"}),
            "loglikelihood": ((), log_likelihood, {"units": "1"}),
        },
        coords={**counts.coords, "component": numbered(n_components), "process": numbered(n_components)},
        attrs={
            "n_samples": len(matrix),
            "n_units": matrix.shape[1],
            "n_silent_units": x.sizes[units] - matrix.shape[1],
            "n_iterations": len(model.history),
        },
    )


def square_roots(x: xr.DataArray, *, square_root: bool = True) -> tuple[xr.DataArray, float]:
    """Return square roots of counts (trial, time, unit) without silent units, and the width of a bin in s.

    Raises
    ------
    DimensionError
        Other dims, or no ``attrs["bin_width"]``.
    DesignError
        Values that are no counts, or no spike at all.
    """
    units = feature_dim(x, step="latents")
    require_dims(x, "trial", "time", step="latents(method='gpfa')", hint="It takes counts as bin_spikes gives them.")
    if x.ndim != 3:
        message = f"latents(method='gpfa') takes (trial, time, {units}); got ({', '.join(map(str, x.dims))})."
        raise DimensionError(message)
    bin_width = x.attrs.get("bin_width")
    if bin_width is None:
        message = (
            "latents(method='gpfa') needs the length of a bin in attrs['bin_width'] (s), and there is none. Start from "
            "bin_spikes(session, bin_width=0.02), or type x.assign_attrs(bin_width=0.02)."
        )
        raise DimensionError(message)
    x = x.transpose("trial", "time", units).load()
    if square_root and (x.attrs.get("units") == "Hz" or bool((x < 0).any())):
        what = "values in Hz" if x.attrs.get("units") == "Hz" else f"{int((x < 0).sum())} values below zero"
        message = (
            f"latents(method='gpfa') takes square roots of spike counts per bin; got {what}. Give it the counts of "
            f"bin_spikes, or type square_root=False for values that are about Gaussian already."
        )
        raise DesignError(message)
    x = x.isel({units: np.flatnonzero((x != 0).any(("trial", "time")).values)})
    if x.sizes[units] == 0:
        message = "latents finds no variance: no unit fires in any trial."
        raise DesignError(message)
    values = x.values.astype(np.float64)
    return x.copy(data=np.sqrt(values) if square_root else values), float(bin_width)


def _require_full_rank(matrix: np.ndarray) -> None:
    rank = int(np.linalg.matrix_rank(np.cov(matrix.T)))
    if rank < matrix.shape[1]:
        message = (
            f"latents(method='gpfa') needs units that differ: {matrix.shape[1]} units span {rank} dimensions. Leave "
            f"out units that repeat others or never change, or give it more bins."
        )
        raise DesignError(message)


def _sequences(roots: np.ndarray) -> np.ndarray:
    """Return trials as elephant holds them: a record of length T and values y (unit, time) each."""
    sequences = np.empty(len(roots), dtype=[("T", int), ("y", "O")])
    for place, trial in enumerate(roots):
        sequences[place] = (len(trial), np.ascontiguousarray(trial.T))
    return sequences


@contextlib.contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global chance, which elephant draws from, and put it back."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user's screen what elephant prints, and its warnings of trials shorter than its pieces."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="trial corresponding to index|No segments extracted")
        yield
