"""PCA in blocks equals numpy's singular value decomposition, whatever holds the samples and however they are cut."""

import tracemalloc

import dask.array as da
import h5py
import numpy as np
import pytest

from neurodata4ml.analysis.linear import pca, streamed
from neurodata4ml.analysis.linear.pca import scores, streamed_pca
from neurodata4ml.errors import DesignError

MB = 1 << 20


def samples(n_samples=300, n_units=40, *, mean=10.0, dtype=np.float64, seed=0):
    """Samples with falling variances in random directions, around a mean far from zero."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.standard_normal((n_units, n_units)))[0]
    spread = np.linspace(3.0, 0.1, n_units)
    x = rng.standard_normal((n_samples, n_units)) * spread @ directions + mean * rng.standard_normal(n_units)
    return x.astype(dtype)


def by_numpy(x, k):
    x = np.asarray(x, dtype=np.float64)
    centred = x - x.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    variances = singular**2 / (len(x) - 1)
    return x.mean(axis=0), axes[:k], variances[:k], variances.sum()


def assert_same(found, expected, *, error):
    mean, loadings, variances, total = found
    np.testing.assert_allclose(mean, expected[0], rtol=0, atol=1e-9 * np.abs(expected[0]).max())
    np.testing.assert_allclose(variances, expected[2], rtol=0, atol=error * expected[2][0])
    assert total == pytest.approx(expected[3], rel=error)
    # the axes up to their sign; neighbouring variances differ by some per cent, which magnifies errors
    np.testing.assert_allclose(
        np.abs(np.sum(loadings * expected[1], axis=1)), 1.0, rtol=0, atol=(1e3 * error) ** 2 + 1e-9
    )
    np.testing.assert_allclose(loadings @ loadings.T, np.eye(len(loadings)), rtol=0, atol=1e-12)


SHAPES = [(300, 40), (41, 40), (40, 40), (40, 41), (30, 200)]


@pytest.mark.parametrize("held", ["numpy", "dask", "uneven dask", "h5py", "chunked h5py"])
@pytest.mark.parametrize("shape", SHAPES)
def test_components_are_those_of_numpy(shape, held, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "BLOCK", 8192)
    x = samples(*shape)
    expected = by_numpy(x, 5)
    uneven = tuple(np.diff([0, *sorted({3, 10, 11, 29, shape[0]})]).tolist())
    with h5py.File(tmp_path / "x.h5", "w") as file:
        source = {
            "numpy": lambda: x,
            "dask": lambda: da.from_array(x, chunks=(7, 17)),
            "uneven dask": lambda: da.from_array(x, chunks=(uneven, -1)),
            "h5py": lambda: file.create_dataset("x", data=x),
            "chunked h5py": lambda: file.create_dataset("x", data=x, chunks=(9, 13), compression="gzip"),
        }[held]()
        found = streamed_pca(source, 5)
        assert_same(found, expected, error=1e-12)
        projected = scores(source, found[0], found[1])
        assert isinstance(projected, da.Array) == ("dask" in held)
        np.testing.assert_allclose(projected, (x - expected[0]) @ found[1].T, rtol=0, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_variances_and_axes_are_those_of_scikit_learn(shape):
    from sklearn.decomposition import PCA

    x = samples(*shape)
    model = PCA(5, svd_solver="full").fit(x)
    mean, loadings, variances, total = streamed_pca(x, 5)
    np.testing.assert_allclose(variances, model.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(variances / total, model.explained_variance_ratio_, rtol=1e-10)
    np.testing.assert_allclose(np.abs(scores(x, mean, loadings)), np.abs(model.transform(x)), rtol=0, atol=1e-8)


@pytest.mark.parametrize("block_rows", [1, 2, 7, 64, 299, 1000])
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_how_samples_are_cut_changes_rounding_alone(block_rows, dtype, error):
    x = samples(dtype=dtype, mean=1000.0)
    assert_same(streamed_pca(x, 5, block_rows=block_rows), by_numpy(x, 5), error=error)


def test_a_mean_a_thousand_times_the_spread_costs_no_digits():
    x = samples(2000, 20, mean=3000.0, dtype=np.float32)
    found, expected = streamed_pca(x, 3), by_numpy(x, 3)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-5)
    # the same in one product of float32, as it would be done without centring the blocks
    n, mean = len(x), x.mean(axis=0)
    naive = np.linalg.eigvalsh((x.T @ x - n * np.outer(mean, mean)) / (n - 1))[::-1]
    assert np.abs(naive[:3] / expected[2] - 1).max() > 1e-2
    projected = scores(x, found[0], found[1])
    assert projected.dtype == np.float32
    np.testing.assert_allclose(projected, (x.astype(float) - expected[0]) @ found[1].T, rtol=0, atol=3e-3)


def test_drift_between_blocks_is_variance_as_any_other():
    x = samples(600, 10) + np.linspace(0, 500, 600)[:, None] * np.arange(10)
    assert_same(streamed_pca(x, 4, block_rows=5), by_numpy(x, 4), error=1e-12)


def test_few_of_many_components_come_from_lanczos_and_are_the_same(monkeypatch):
    x = samples(700, 120)
    whole = streamed_pca(x, 4)
    monkeypatch.setattr(pca, "_SMALL", 50)
    assert_same(streamed_pca(x, 4), by_numpy(x, 4), error=1e-12)
    again = streamed_pca(x, 4)
    for first, second, lapack in zip(streamed_pca(x, 4), again, whole, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, lapack, rtol=0, atol=1e-9)


@pytest.mark.parametrize("small", [1000, 20])
@pytest.mark.parametrize("shape", [(80, 200), (300, 60)])
def test_fewer_dimensions_than_components_give_variances_of_zero_and_right_angles(shape, small, monkeypatch):
    monkeypatch.setattr(pca, "_SMALL", small)
    monkeypatch.setattr(pca, "_PART", 0.2)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    _, loadings, variances, total = streamed_pca(x, 6)
    assert variances[:2].sum() == pytest.approx(total)
    np.testing.assert_allclose(variances[2:], 0, atol=1e-12 * total)
    np.testing.assert_allclose(loadings @ loadings.T, np.eye(6), rtol=0, atol=1e-9)


def test_constant_samples_have_no_variance():
    _, loadings, variances, total = streamed_pca(np.full((50, 8), 3.0), 2)
    assert (variances.tolist(), total) == ([0.0, 0.0], 0.0)
    np.testing.assert_allclose(loadings @ loadings.T, np.eye(2), rtol=0, atol=1e-12)


def test_the_largest_loading_is_positive_and_integers_are_numbers():
    x = np.random.default_rng(3).poisson(3, (200, 12)).astype(np.int8)
    found = streamed_pca(x, 4)
    assert (found[1][np.arange(4), np.abs(found[1]).argmax(axis=1)] > 0).all()
    assert_same(found, by_numpy(x, 4), error=1e-12)
    assert scores(x, found[0], found[1]).dtype == np.float64


@pytest.mark.parametrize("wrap", [np.asarray, lambda x: da.from_array(x, chunks=(20, 9))])
@pytest.mark.parametrize("shape", [(90, 30), (30, 90)])
def test_nan_is_refused_with_how_many_and_where(shape, wrap, monkeypatch):
    monkeypatch.setattr(streamed, "BLOCK", 4096)
    x = samples(*shape)
    x[20, 3], x[25, 3], x[25, 17] = np.nan, np.nan, np.inf
    sentence = (
        r"NaN or infinity: 3 of 2,700 values, in 2 of \d+ samples \(the first at position 20\) and 2 of \d+ units "
        r"\(at positions 3, 17\)\. Drop these units, x\.dropna\('unit'\)"
    )
    with pytest.raises(DesignError, match=sentence):
        streamed_pca(wrap(x), 3)


@pytest.mark.parametrize(("shape", "n", "most"), [((5, 9), 5, 4), ((9, 5), 6, 5), ((9, 5), 0, 5), ((1, 5), 1, 0)])
def test_more_components_than_there_are_is_refused(shape, n, most):
    sentence = f"{shape[0]} samples of {shape[1]} units have at most {most} components; got n_components={n}"
    with pytest.raises(DesignError, match=sentence):
        streamed_pca(np.ones(shape), n)


@pytest.mark.parametrize("shape", [(120_000, 100), (100, 120_000)])
def test_samples_longer_than_memory_take_a_few_blocks(shape, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "BLOCK", MB)
    rng = np.random.default_rng(4)
    with h5py.File(tmp_path / "long.h5", "w") as file:
        x = file.create_dataset("x", shape, np.float32, chunks=(shape[0] // 100, shape[1] // 10))
        x[...] = rng.standard_normal(shape, dtype=np.float32)  # 48 MB
        streamed_pca(x[:20, :10], 2)  # what is imported at first is not counted
        tracemalloc.start()
        found = streamed_pca(x, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        n_bytes = sum(np.asarray(part).nbytes for part in found)
        assert peak < 12 * MB + 3 * n_bytes
