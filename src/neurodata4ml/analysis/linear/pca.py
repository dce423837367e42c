"""Principal components of more samples than memory holds: one pass for the axes, another for the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.analysis.linear.streamed import as_floats, finite_mean, float_type, row_blocks, scatter
from neurodata4ml.errors import DesignError

_SMALL = 1000
"""Up to this side a whole eigen-decomposition takes a fraction of a second."""

_PART = 0.05
"""Above this part of all components, Lanczos' method takes longer than reducing the whole matrix."""


def streamed_pca(
    x: Any, n_components: int, *, block_rows: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Principal components of the rows of ``x``, read in blocks.

    With at least as many samples as units the units' scatter matrix is made in one pass over blocks of rows, and its
    eigenvectors are the loadings. With fewer samples, the samples' inner products are made from blocks of columns
    (the two have the same eigenvalues), and a second pass gives the loadings. Memory: the smaller of both matrices
    and a few blocks.

    Parameters
    ----------
    x : array-like (n_samples, n_units)
        numpy, h5py, dask: anything with ``shape``, ``dtype`` and slices. float32 is multiplied in float32, block by
        block, and added up in float64: variances agree with float64 to 1e-5 of the largest one, which is also the size
        below which components of float32 data are rounding. Everything else is float64.
    n_components : int
    block_rows : int, optional
        Samples at a time, by default 64 MB of them. It changes the result by rounding only.

    Returns
    -------
    mean : ndarray (n_units,)
    loadings : ndarray (n_components, n_units)
        Orthonormal rows, by falling variance; the largest loading of a component is positive.
    variances : ndarray (n_components,)
        Of the scores, divided by n_samples - 1.
    total_variance : float
        Of all units.

    Raises
    ------
    DesignError
        A value is not finite, or there are not that many components.

    Examples
    --------
    >>> mean, loadings, variances, total = streamed_pca(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), 1)
    >>> loadings.round(2).tolist(), variances.round(2).tolist()
    ([[0.6, 0.8]], [25.0])
    """
    n_samples, n_units = x.shape
    most = min(n_samples - 1, n_units)
    if not 1 <= n_components <= most:
        message = (
            f"{n_samples:,} samples of {n_units:,} units have at most {max(most, 0):,} components; "
            f"got n_components={n_components}."
        )
        raise DesignError(message)
    if n_samples < n_units:
        mean, loadings, variances, total = _by_samples(x, n_components)
    else:
        found = scatter(x, block_rows=block_rows)
        mean, total = found.mean, float(np.trace(found.matrix))
        variances, loadings = largest_eigenvectors(found.matrix, n_components)
    loadings *= np.where(loadings[np.arange(n_components), np.abs(loadings).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    return mean, loadings, np.maximum(variances, 0.0) / (n_samples - 1), total / (n_samples - 1)


def scores(x: Any, mean: np.ndarray, loadings: np.ndarray) -> Any:
    """Return the positions of samples along the components: ``(x - mean) loadings'``.

    Parameters
    ----------
    x : array-like (n_samples, n_units)
        A dask array gives a dask array, of which nothing is computed yet; others are read in blocks.
    mean : ndarray (n_units,)
    loadings : ndarray (n_components, n_units)

    Returns
    -------
    array (n_samples, n_components)
        float32 where ``x`` is float32, else float64.
    """
    dtype = float_type(x)
    centre, axes = mean.astype(dtype), np.ascontiguousarray(loadings.T, dtype=dtype)
    rounded = ((centre - mean) @ loadings.T).astype(dtype)  # a large mean loses digits in float32

    def project(block: Any) -> np.ndarray:
        return np.asarray((as_floats(block) - centre) @ axes + rounded)

    if hasattr(x, "dask"):
        whole = x.rechunk({1: -1})
        chunks = (whole.chunks[0], (axes.shape[1],))
        return whole.map_blocks(project, dtype=dtype, chunks=chunks, meta=np.empty((0, 0), dtype))
    result = np.empty((x.shape[0], axes.shape[1]), dtype=dtype)
    for rows in row_blocks(x):
        result[rows] = project(x[rows])
    return result


def largest_eigenvectors(matrix: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``n`` largest eigenvalues of a symmetric matrix, falling, and their eigenvectors as rows.

    A few of many come from Lanczos' method, begun with the same vector each time (the same matrix gives the same
    answer), all others from LAPACK.
    """
    from scipy import linalg
    from scipy.sparse.linalg import ArpackError, eigsh

    size = len(matrix)
    if size > _SMALL and n <= _PART * size:
        start = np.random.default_rng(0).standard_normal(size)
        try:
            values, vectors = eigsh(matrix, n, v0=start, ncv=min(size, 2 * n + 20))
            order = np.argsort(-values, kind="stable")
            return values[order], np.ascontiguousarray(vectors[:, order].T)
        except ArpackError:  # a matrix of fewer dimensions than asked for, or none
            pass
    values, vectors = linalg.eigh(matrix, subset_by_index=(size - n, size - 1))
    return values[::-1], np.ascontiguousarray(vectors[:, ::-1].T)


def _by_samples(x: Any, n_components: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return mean, loadings, eigenvalues and their sum from the inner products of samples."""
    n_samples, n_units = x.shape
    mean, products = np.empty(n_units), np.zeros((n_samples, n_samples))
    for columns in row_blocks(x, axis=1):
        block = as_floats(x[:, columns])
        mean[columns] = finite_mean(x, block)
        block = block - mean[columns].astype(block.dtype)
        products += block @ block.T
    values, vectors = largest_eigenvectors(products, n_components)
    loadings = np.empty((n_components, n_units))
    axes = vectors.astype(float_type(x))
    for columns in row_blocks(x, axis=1):
        block = as_floats(x[:, columns])
        loadings[:, columns] = axes @ (block - mean[columns].astype(block.dtype))
    # by QR, which gives right angles also to those that are nothing but rounding
    return mean, np.linalg.qr(loadings.T)[0].T, values, float(np.trace(products))
