"""Shortcuts of the shared algebra against the slow, obvious way."""

import copy
import pickle
import warnings
from threading import Barrier

import numpy as np
import pytest
import scipy.linalg
from refits import FOLDS, responses
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.linear import evidence, lapack, ridge_loo
from neurodata4ml.analysis.linear.evidence import Labelled
from neurodata4ml.analysis.linear.gram import bin_values, make_bin, make_frame, part_gram, shares_grams
from neurodata4ml.analysis.linear.labellings import label_sums, label_totals
from neurodata4ml.analysis.linear.once import once
from neurodata4ml.analysis.linear.partition import partition
from neurodata4ml.analysis.linear.ridge import ridge_evidence
from neurodata4ml.analysis.linear.ridge_loo import LeaveOneOut
from neurodata4ml.analysis.linear.threads import in_threads


def made(x, folds):
    part = partition(folds, len(x))
    values, centre = bin_values(x, part, np.float64)
    shared = shares_grams(part, x.shape[1])
    return make_bin(values, centre, part, [part_gram(values[rows]) for rows in part.parts] if shared else []), part


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.float32, np.float64, bool])
def test_products_of_counts_are_exact_whatever_their_type(kind):
    counts = np.random.default_rng(0).poisson(4, (500, 30)).astype(kind)
    bin_, part = made(counts, FOLDS["contiguous"](500))
    whole = counts[part.order].astype(np.int64) - bin_.centre.astype(np.int64)
    assert np.array_equal(bin_.centre, np.rint(bin_.centre))
    assert np.array_equal(bin_.gram, whole.T @ whole)
    assert np.array_equal(bin_.values, whole)


@pytest.mark.parametrize("scale", [1, 3000])
def test_large_counts_are_multiplied_in_float64(scale):
    values = scale * np.random.default_rng(0).integers(-9, 9, (500, 30))
    assert np.array_equal(part_gram(values.astype(float)), values.T @ values)


def test_values_that_are_not_whole_are_centred_on_their_mean():
    x = np.random.default_rng(0).normal(3.0, 1.0, (90, 4))
    bin_, _ = made(x, FOLDS["contiguous"](90))
    np.testing.assert_allclose(bin_.centre, x.mean(axis=0))
    np.testing.assert_allclose(bin_.gram, np.cov(x.T) * 89, rtol=1e-12)


@pytest.mark.parametrize("n_units", [8, 120])
def test_the_product_with_the_own_class_is_one_of_those_with_all(n_units):
    x, codes = responses(1, 300, n_units)
    folds = FOLDS["some left out"](300)
    bin_, part = made(x[0], folds)
    for k in range(len(folds)):
        frame = make_frame(bin_, part, k, standardise=True)
        weights = np.random.default_rng(0).normal(size=(3, len(frame.gram)))
        labels, rows = codes[part.order][part.train[k]], part.train[k]
        every = frame.project(weights, bin_, rows)
        own = frame.project_own(weights, labels, bin_, rows)
        np.testing.assert_allclose(own, every[np.arange(len(rows)), labels], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loud", [0, 3])
@pytest.mark.parametrize("n_units", [10, 60, 150])
@pytest.mark.parametrize("effect", [0.0, 0.3, 2.0])
def test_the_first_look_never_drops_the_best_penalty(effect, n_units, loud):
    alphas = np.geomspace(1e-2, 1e5, 15)
    x, codes = responses(1, 90, n_units, effect=effect)
    x[0, :loud] *= 30  # samples of great leverage
    folds = FOLDS["contiguous"](90)
    bin_, part = made(x[0], folds)
    for k in range(len(folds)):
        frame = make_frame(bin_, part, k, standardise=True)
        rows, labels = part.train[k], codes[part.order][part.train[k]]
        learner = LeaveOneOut(3, 3, alphas, per_target=False)
        shared = learner.prepare(frame, bin_, rows)
        z = frame.train(bin_, rows)
        targets = ridge_loo.targets_of(labels, 3, 3)
        targets -= targets.mean(axis=0)
        errors = np.zeros(len(alphas))
        for a, alpha in enumerate(alphas):
            hat = z @ np.linalg.solve(z.T @ z + alpha * np.eye(z.shape[1]), z.T) + 1 / len(z)
            errors[a] = np.mean(((targets - hat @ targets) / (1 - hat.diagonal())[:, None]) ** 2)
        near = ridge_loo._first_look(shared.rough, targets.T @ z, targets)
        assert errors.argmin() in near
        assert len(near) < len(alphas) / 2 or loud or n_units > 10
        raw = label_sums(labels[None], bin_.values[rows], 3) if frame.own is None else None
        said = Labelled((0, k, slice(0, 1)), frame, raw, label_totals(labels[None], 3), labels[None], 3)
        assert learner.solve(shared, said).alpha == alphas[errors.argmin()]


def chosen(x, targets, alphas):
    """Return the penalty that the first 70 samples choose; no warning is heard."""
    fold = [(np.arange(70), np.arange(70, len(x)))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = ridge_evidence(x[None], fold, targets[None, :, None], alpha=alphas)
    return found.chosen[0, 0]


@pytest.mark.parametrize("loud", [0, 2])
@pytest.mark.parametrize("n_units", [69, 70, 90, 300])
def test_small_penalties_of_fewer_samples_than_units_are_told_apart(n_units, loud):
    alphas = np.geomspace(1e-12, 1e8, 21)
    wanted, got = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(80, n_units)), rng.normal(size=80)
        x[:loud] *= 100
        x += 0.3 * (seed % 3) * np.outer(y, rng.normal(size=n_units))
        z = StandardScaler().fit_transform(x[:70])
        # 69 orthogonal directions in which samples vary, of which none is lost
        basis = np.linalg.qr(np.c_[np.ones(70), np.eye(70, 69)])[0][:, 1:]
        spectrum, axes = np.linalg.eigh(basis.T @ z @ z.T @ basis)
        axes = basis @ axes
        shares = alphas / (np.maximum(spectrum, 0)[:, None] + alphas)
        errors = np.mean(((axes @ (shares * (axes.T @ y[:70])[:, None])) / (axes**2 @ shares)) ** 2, axis=0)
        best = chosen(x, y, alphas)
        got.append(errors[alphas == best][0])
        wanted.append(errors.min())
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


@pytest.mark.parametrize("n_units", [20, 60, 68])
@pytest.mark.parametrize("size", [1e-150, 1e-100, 1e-30, 1e-22, 1e19, 1e40, 1e150])
def test_the_unit_of_targets_does_not_change_the_penalty(size, n_units):
    rng = np.random.default_rng(n_units)
    x, y = rng.normal(size=(80, n_units)), rng.normal(size=80)
    x += 0.3 * np.outer(y, rng.normal(size=n_units))
    x[:2] *= 30
    y[:2] *= 20
    alphas = np.geomspace(1e-2, 1e7, 10)
    assert chosen(x, size * y, alphas) == chosen(x, y, alphas) == RidgeCV(alphas).fit(scaled(x), y[:70]).alpha_


@pytest.mark.parametrize("size", [1e-100, 1e-42, 1e39, 1e100])
def test_the_unit_of_responses_does_not_change_the_penalty(size):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 20)), rng.normal(size=80)
    x += 0.3 * np.outer(y, rng.normal(size=20))
    alphas = np.geomspace(1e-2, 1e7, 10)
    assert chosen(size * x, y, alphas) == RidgeCV(alphas).fit(scaled(x), y[:70]).alpha_


def scaled(x):
    return StandardScaler().fit_transform(x[:70])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 70])
def test_lapack_without_the_lock_is_scipys(dtype, n):
    rng = np.random.default_rng(0)
    z, right = rng.normal(size=(n + 9, n)).astype(dtype), rng.normal(size=(n, 3)).astype(dtype)
    matrix = z.T @ z
    before = matrix.copy()
    spectrum, axes = lapack.eigh(matrix)
    factor = lapack.cholesky(matrix)
    solved = lapack.cholesky_solve(factor, right)
    assert np.array_equal(matrix, before)
    assert spectrum.dtype == axes.dtype == factor.dtype == solved.dtype == dtype
    rounding = 1e-3 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(spectrum, scipy.linalg.eigvalsh(matrix) if n else [], rtol=rounding)
    np.testing.assert_allclose((axes * spectrum) @ axes.T, matrix, atol=rounding * 100)
    np.testing.assert_allclose(np.tril(factor) @ np.tril(factor).T, matrix, atol=rounding * 100)
    np.testing.assert_allclose(matrix @ solved, right, atol=rounding * 10)
    if n:
        bits = scipy.linalg.eigh(matrix, driver="evd")
        assert all(map(np.array_equal, (spectrum, axes), bits))


def test_a_matrix_that_is_not_positive_definite_has_no_factor():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        lapack.cholesky(-np.eye(3))


def test_shapes_that_lapack_would_read_beyond_their_end_are_refused():
    with pytest.raises(ValueError, match="square"):
        lapack.eigh(np.ones((5, 3)))
    with pytest.raises(ValueError, match="square"):
        lapack.cholesky(np.ones((5, 3)))
    for right in (np.ones(3), np.ones((2, 4))):
        with pytest.raises(ValueError, match="columns"):
            lapack.cholesky_solve(np.eye(3), right)


@pytest.mark.parametrize("offered", [{}, "64 bits"])
@pytest.mark.parametrize("n", [0, 1, 20])
def test_where_scipy_offers_no_routines_its_own_wrappers_do_the_same(offered, n, monkeypatch):
    z = np.random.default_rng(0).normal(size=(n + 9, n))
    matrix, right = z.T @ z, z[:4].T
    spectrum, axes = lapack.eigh(matrix)
    solved = lapack.cholesky_solve(lapack.cholesky(matrix), right)
    lapack._offered.cache_clear()
    if offered == "64 bits":
        monkeypatch.setattr(lapack, "_name", lambda _: b"void (char *, int64_t *)")
    else:
        monkeypatch.setattr(scipy.linalg.cython_lapack, "__pyx_capi__", offered)
    monkeypatch.setattr(lapack, "_call", lambda *_: pytest.fail("not offered"))
    try:
        assert np.array_equal(lapack.eigh(matrix)[0], spectrum)
        assert np.array_equal(lapack.eigh(matrix)[1], axes)
        np.testing.assert_allclose(lapack.cholesky_solve(lapack.cholesky(matrix), right), solved)
        with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
            lapack.cholesky(-np.eye(3))
    finally:
        lapack._offered.cache_clear()


def test_eigenvectors_of_two_matrices_are_found_at_the_same_time():
    both = Barrier(2)

    class Thing:
        @once
        def value(self):
            """Wait for the other."""
            both.wait(timeout=5)
            return object()

    things = [Thing(), Thing()]
    first = in_threads(lambda thing: thing.value, things, n_jobs=2)
    assert [thing.value for thing in things] == first


class Asked:
    """A thing whose value fails at first."""

    times = 0

    @once
    def value(self):
        """Fail once."""
        self.times += 1
        if self.times == 1:
            message = "not yet"
            raise RuntimeError(message)
        return self.times


def test_a_value_that_failed_is_computed_again_and_what_has_it_can_be_copied():
    thing = Asked()
    with pytest.raises(RuntimeError, match="not yet"):
        _ = thing.value
    assert thing.value == 2
    assert pickle.loads(pickle.dumps(thing)).value == copy.deepcopy(thing).value == thing.value == 2
    assert isinstance(Asked.value, once)
    assert Asked.value.__doc__ == "Fail once."


@pytest.mark.parametrize(("n_tasks", "cores", "expected"), [(5, 2, 3), (4, 2, 2), (5, 4, 5), (9, 4, 5), (2, 8, 2)])
def test_as_many_threads_as_keep_all_cores_busy(n_tasks, cores, expected, monkeypatch):
    monkeypatch.setattr(evidence, "n_cores", lambda: cores)
    assert evidence._even_threads(n_tasks) == expected
