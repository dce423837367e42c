"""Trajectories are elephant's own on the same spikes, and find the timescales that were planted."""

import contextlib
import io

import numpy as np
import pytest
from latent_worlds import processes

from neurodata4ml.analysis.latents.latents import latents
from neurodata4ml.analysis.latents.trajectories import fit_gpfa
from neurodata4ml.errors import DesignError, DimensionError

pytest.importorskip("elephant")


def gpfa(x, **options):
    return latents(x, method="gpfa", **{"n_components": 2, "max_iter": 20, **options})


def test_trajectories_are_those_of_elephants_gpfa_on_the_spike_trains():
    import neo
    import quantities as pq
    from elephant.gpfa import GPFA

    x, _ = processes(12, 30)  # 30 bins: learnt in overlapping pieces of 20
    middles = (np.arange(30) + 0.5) * 0.02
    trains = [
        [neo.SpikeTrain(np.repeat(middles, counts) * pq.s, t_start=0 * pq.s, t_stop=0.6 * pq.s) for counts in trial.T]
        for trial in x.values
    ]
    np.random.seed(0)  # noqa: NPY002
    peer = GPFA(bin_size=20 * pq.ms, x_dim=2, em_max_iters=20)
    with contextlib.redirect_stdout(io.StringIO()):
        expected = peer.fit_transform(trains)
    result = gpfa(x)
    np.testing.assert_allclose(np.abs(result.latents), np.abs(np.stack([one.T for one in expected])), atol=1e-8)
    np.testing.assert_allclose(np.abs(result.loadings), np.abs(peer.transform_info["Corth"].T), atol=1e-8)
    np.testing.assert_allclose(result.timescale, 0.02 / np.sqrt(peer.params_estimated["gamma"]), rtol=1e-8)
    assert result.loglikelihood == pytest.approx(peer.transform_info["log_likelihood"])


def test_planted_timescales_and_trajectories_are_found():
    x, sources = processes(60)
    result = gpfa(x, max_iter=100)
    np.testing.assert_allclose(np.sort(result.timescale), [0.04, 0.15], rtol=0.2)
    design = np.c_[result.latents.values.reshape(-1, 2), np.ones(1200)]
    wanted = sources.reshape(-1, 2)
    rebuilt = design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
    assert min(np.corrcoef(rebuilt[:, k], wanted[:, k])[0, 1] for k in range(2)) > 0.8


def test_orthonormal_trajectories_are_a_turn_of_the_processes():
    x, _ = processes()
    result = gpfa(x)
    np.testing.assert_allclose(result.loadings @ result.loadings.rename(component="other"), np.eye(2), atol=1e-10)
    model = fit_gpfa(np.sqrt(x.values), 2, bin_width=0.02, max_iter=20)
    np.testing.assert_allclose(
        model.transform(np.sqrt(x.values)) @ model.parameters["C"].T, result.latents @ result.loadings, atol=1e-10
    )
    assert (np.diff([h for h in model.history if np.isfinite(h)]) > 0).all()
    np.testing.assert_allclose(result.mixing.T @ result.loadings, model.parameters["C"].T, atol=1e-10)


def test_log_likelihoods_are_those_of_the_gaussian_over_units_and_time():
    from scipy.stats import multivariate_normal

    roots = np.sqrt(processes(6, 8, 3)[0].values)
    model = fit_gpfa(roots, 1, bin_width=0.02, max_iter=5)
    weights, noise = model.parameters["C"][:, 0], model.parameters["R"]
    lag, eps = np.subtract.outer(np.arange(8), np.arange(8)) * 0.02, model.parameters["eps"][0]
    smooth = (1 - eps) * np.exp(-(lag**2) / 2 / model.timescale[0] ** 2) + eps * np.eye(8)
    covariance = np.kron(smooth, np.outer(weights, weights)) + np.kron(np.eye(8), noise)
    mean = np.tile(model.parameters["d"], 8)
    expected = multivariate_normal(mean, covariance).logpdf(roots.reshape(6, -1)).sum()
    assert model.loglikelihood(roots) == pytest.approx(expected, rel=1e-8)


def test_units_left_out_are_predicted_from_the_others_in_trials_left_out():
    roots = np.sqrt(processes(60)[0].values)
    model = fit_gpfa(roots[:40], 2, bin_width=0.02, max_iter=30)
    given, wanted = np.arange(6), np.array([6, 7])
    hidden = roots[40:].copy()
    hidden[..., wanted] = np.nan
    predicted = model.predict(hidden, given, wanted)
    left = np.mean((roots[40:][..., wanted] - predicted) ** 2)
    assert left < 0.9 * np.mean((roots[40:][..., wanted] - roots[:40][..., wanted].mean(axis=(0, 1))) ** 2)


def test_silent_units_are_left_out_and_counted():
    x, _ = processes()
    silent = x.copy(data=x.values * (np.arange(8) != 3))
    result = gpfa(silent)
    assert result.attrs["n_silent_units"] == 1
    assert result.unit.values.tolist() == [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_allclose(result.latents, gpfa(x.isel(unit=np.delete(np.arange(8), 3))).latents)


def test_each_refusal_of_trajectories_says_what_to_give():
    x, _ = processes()
    below = x.where(np.arange(x.size).reshape(x.shape) > 2, -1)
    for kind, sentence, array in [
        (DimensionError, r"needs a \"trial\" dim.*counts as bin_spikes gives them", x[0]),
        (DimensionError, r"takes \(trial, time, unit\); got", x.expand_dims("depth")),
        (DimensionError, r"attrs\['bin_width'\] \(s\), and there is none.*bin_width=0.02", x.drop_attrs()),
        (DesignError, "square roots of spike counts per bin; got values in Hz", x.assign_attrs(units="Hz")),
        (DesignError, "got 3 values below zero.*square_root=False", below),
        (DesignError, "8 units span 7 dimensions", x.isel(unit=[0, 1, 2, 3, 4, 5, 6, 6])),
        (DesignError, "no unit fires in any trial", x * 0),
        (DesignError, "needs at least 2 units", x.isel(unit=[0])),
    ]:  # fmt: skip
        with pytest.raises(kind, match=sentence):
            gpfa(array.assign_attrs(x.attrs | array.attrs) if array.attrs else array)


def test_a_missing_library_says_what_to_type(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "elephant.gpfa.gpfa_core", None)
    with pytest.raises(
        DesignError, match=r"needs elephant, which is not installed.*pip install \"neurodata4ml\[latents\]\""
    ):
        gpfa(processes()[0])
