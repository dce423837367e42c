"""Gaussian models of shared variance: principal components, factor analysis, and what they say of held-out data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.samples import Samples, labelled, no_variance, require_room, samples_of
from neurodata4ml.analysis.linear.pca import scores, streamed_pca
from neurodata4ml.dims import feature_dim


@dataclass(frozen=True)
class Gaussian:
    """Units as few shared sources plus private noise: y = mean + z weights + e, z ~ N(0, I), e ~ N(0, noise).

    ``mean`` (unit,), ``weights`` (component, unit), ``noise`` (unit,) are fitted on one part of the samples; the
    methods apply them to any other.
    """

    mean: np.ndarray
    weights: np.ndarray
    noise: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """The covariance of units that the model states, shape (unit, unit)."""
        return np.asarray(self.weights.T @ self.weights + np.diag(self.noise))

    def loglikelihood(self, matrix: np.ndarray) -> np.ndarray:
        """Return the log density of each sample, shape (n_samples,), in nats."""
        from scipy.linalg import cho_factor, cho_solve

        residual = matrix - self.mean
        factor = cho_factor(self.covariance, lower=True)
        distance = np.einsum("ij,ji->i", residual, cho_solve(factor, residual.T))
        log_determinant = 2 * np.sum(np.log(np.diag(factor[0])))
        return np.asarray(-0.5 * (distance + log_determinant + residual.shape[1] * np.log(2 * np.pi)))

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        """Return the expected sources of each sample, shape (n_samples, n_components)."""
        scaled = self.weights / self.noise
        inner = np.eye(len(self.weights)) + scaled @ self.weights.T
        return np.asarray(np.linalg.solve(inner, scaled @ (matrix - self.mean).T).T)

    def predict(self, matrix: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Return what the units at positions ``given`` say of those at ``wanted``, shape (n_samples, n_wanted).

        Every sample is predicted from its own ``given`` columns; the others are not read (co-smoothing).
        """
        part = Gaussian(self.mean[given], self.weights[:, given], self.noise[given])
        return np.asarray(part.transform(matrix[:, given]) @ self.weights[:, wanted] + self.mean[wanted])


def fit_pca(matrix: np.ndarray, n_components: int) -> Gaussian:
    """Return probabilistic principal components of ``matrix`` (samples, units): equal noise in every unit.

    Maximum likelihood in closed form (Tipping & Bishop 1999, J R Stat Soc B 61:611, eq. 7 and 8): the noise is the
    mean of the variances left out.
    """
    n_samples, n_units = matrix.shape
    positions, axes, _ = principal(matrix, n_components)
    variance = np.sum(positions**2, axis=0) / n_samples
    total = np.sum(matrix.var(axis=0))
    left = max(total - variance.sum(), 0.0) / max(n_units - n_components, 1)
    noise = max(left, 1e-12 * total)
    return Gaussian(
        matrix.mean(axis=0), axes * np.sqrt(np.maximum(variance - noise, 0))[:, None], np.full(n_units, noise)
    )


def fit_fa(matrix: np.ndarray, n_components: int, seed: int = 0) -> Gaussian:
    """Return the factor analysis of ``matrix`` (samples, units): each unit has noise of its own.

    Fitted by expectation and maximisation (scikit-learn), units scaled to equal variance first: the likelihood does
    not care about the scale of a unit, but its climb, which starts at equal noise, does.
    """
    from sklearn.decomposition import FactorAnalysis

    spread = matrix.std(axis=0)
    spread[spread == 0] = 1.0
    mean, few = matrix.mean(axis=0), matrix / spread
    if len(matrix) > 2 * matrix.shape[1]:
        # the climb reads covariances only: R and -R, with R'R that of the data, have them in 2 n_units rows
        root = np.linalg.qr((matrix - mean) / spread, mode="r") * np.sqrt(len(matrix[0]) / len(matrix))
        few = np.concatenate([root, -root])
    tol = 1e-4 * len(few) / len(matrix)
    model = FactorAnalysis(n_components, svd_method="lapack", tol=tol, max_iter=5000, random_state=seed)
    model.fit(few)
    return Gaussian(mean, model.components_ * spread, model.noise_variance_ * spread**2)


def pca(x: xr.DataArray, n_components: int, seed: int) -> xr.Dataset:
    """Keep most variance: orthogonal directions of largest variance; no chance in it.

    A lazy array (dask) is read in blocks, never whole, and its ``latents`` are lazy too.
    """
    if x.chunks is None:
        samples = samples_of(x, n_components)
        return labelled(samples, *principal(samples.matrix, n_components))
    units = feature_dim(x, step="latents")
    dims = tuple(str(dim) for dim in x.dims if dim != units)
    rows = x.transpose(*dims, units).data.reshape(-1, x.sizes[units])
    n_samples, n_units = rows.shape
    require_room(n_samples, n_units, n_components)
    mean, loadings, variances, total = streamed_pca(rows, n_components)
    if total == 0:
        no_variance(n_samples, n_units)
    return labelled(Samples(x, dims, units, rows), scores(rows, mean, loadings), loadings, variances / total)


def factor_analysis(x: xr.DataArray, n_components: int, seed: int) -> xr.Dataset:
    """Keep what units share: each unit is left its private noise. Sources have variance 1."""
    samples = samples_of(x, n_components)
    model = fit_fa(samples.matrix, n_components, seed)
    strength = np.sum(model.weights**2, axis=1)
    order = np.argsort(-strength, kind="stable")
    positions, total = model.transform(samples.matrix), np.sum(samples.matrix.var(axis=0))
    return labelled(samples, positions[:, order], model.weights[order], strength[order] / total, units="1")


def principal(matrix: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, orthonormal loadings and fractions of variance of the largest principal axes."""
    if len(matrix) > 4 * matrix.shape[1]:
        # many samples: the small covariance has the same axes and needs no copy of the data
        mean, loadings, variances, total = streamed_pca(matrix, n_components)
        return scores(matrix, mean, loadings), loadings, variances / total
    centred = matrix - matrix.mean(axis=0)
    singular, loadings = np.linalg.svd(centred, full_matrices=False)[1:]
    loadings = loadings[:n_components]
    return centred @ loadings.T, loadings, singular[:n_components] ** 2 / np.sum(centred**2)
