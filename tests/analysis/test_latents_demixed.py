"""Demixed components equal the reference package, Kobak's algebra, and the axes that were planted."""

import numpy as np
import pytest
import xarray as xr
from latent_worlds import task

from neurodata4ml.analysis.latents.latents import latents
from neurodata4ml.analysis.latents.marginals import demix, freedom, marginals
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.errors import DesignError, DimensionError

BOTH = ("stimulus", "choice")


def mean_responses(seed=0, shape=(12, 4, 2, 9)):
    values = np.random.default_rng(seed).normal(size=shape)
    coords = {name: np.arange(n) for name, n in zip(("unit", *BOTH, "time"), shape, strict=True)}
    return xr.DataArray(values, dims=("unit", *BOTH, "time"), coords=coords)


def demixed(x, **options):
    return latents(x, method="dpca", **options)


@pytest.mark.parametrize("penalty", [0, 1e-3])
def test_components_are_those_of_the_reference_package(penalty):
    # dPCA 1.0.5 (Kobak, Brendel): its penalty is (lambda |X|^2)^2, ours a share of |X|^2; it calls captured variance
    # explained variance, |d X|^2, which the paper's last version replaced by 1 - |X - e d X|^2 / |X|^2
    package = pytest.importorskip("dPCA.dPCA")
    x = mean_responses()
    total = float(((x - x.mean(("time", *BOTH))) ** 2).sum())
    peer = package.dPCA(labels="sct", regularizer=penalty, n_components=3, n_iter=7)
    projected = peer.fit_transform(x.values.copy())
    result = demixed(x, join=None, regularizer=penalty**2 * total)
    names = {"s": "stimulus", "c": "choice", "t": "time", "sc": "stimulus:choice", "sct": "stimulus:choice:time"}
    for key, name in names.items():
        ours = result.isel(component=result.marginalization.values == name)
        captured = (ours.latents**2).sum(("time", *BOTH)) / total
        order = np.argsort(-captured.values)[: 1 if key == "c" else 3]  # two choices have one axis
        theirs = np.moveaxis(projected[key], 0, -1)[..., : len(order)]
        np.testing.assert_allclose(np.abs(ours.latents.values[..., order]), np.abs(theirs), atol=1e-9)
        np.testing.assert_allclose(captured[order], peer.explained_variance_ratio_[key][: len(order)], rtol=1e-8)
        np.testing.assert_allclose(np.abs(ours.decoder.values[order]), np.abs(peer.D[key].T[: len(order)]), atol=1e-9)
        np.testing.assert_allclose(np.abs(ours.loadings.values[order]), np.abs(peer.P[key].T[: len(order)]), atol=1e-9)


def test_marginals_add_up_to_the_means_and_do_not_overlap():
    x = mean_responses()
    parts = marginals(x.values, (*BOTH, "time"))
    flat = x.values.reshape(12, -1)
    np.testing.assert_allclose(sum(parts.values()), flat - flat.mean(axis=1, keepdims=True), atol=1e-12)
    rank = freedom({"stimulus": 4, "choice": 2, "time": 9})
    for name, part in parts.items():
        assert np.linalg.matrix_rank(part) == min(12, rank[name])
        assert all(abs(np.vdot(part, other)) < 1e-9 for label, other in parts.items() if label != name)


def test_interactions_with_time_go_to_the_other_factor():
    x = mean_responses()
    apart, joined = marginals(x.values, (*BOTH, "time")), marginals(x.values, (*BOTH, "time"), join="time")
    assert list(joined) == ["stimulus", "choice", "time", "stimulus:choice"]
    np.testing.assert_allclose(joined["stimulus"], apart["stimulus"] + apart["stimulus:time"])
    np.testing.assert_allclose(joined["time"], apart["time"])
    levels = {"stimulus": 4, "choice": 2, "time": 9}
    assert freedom(levels, join="time") == {"stimulus": 27, "choice": 9, "time": 8, "stimulus:choice": 27}


def test_axes_are_the_reduced_rank_regression_onto_single_trials():
    """With the noise of trials, the means give what regression from every single trial gives (balanced design)."""
    x, _ = task(n_repeats=5)
    result = demixed(x, conditions=BOTH, regularizer=0.0)
    cells = [x.isel(trial=((x.stimulus == s) & (x.choice == c)).values) for s in range(4) for c in range(2)]
    single = np.concatenate([cell.values[k] for cell in cells for k in range(5)]).T  # (unit, cell x repeat x time)
    means = np.stack([cell.mean("trial").values for cell in cells], axis=-1)  # (time, unit, cell)
    grid = means.transpose(1, 2, 0).reshape(12, 4, 2, 9)
    single = single - means.transpose(1, 2, 0).reshape(12, -1).mean(axis=1)[:, None]
    for name, part in marginals(grid, (*BOTH, "time"), join="time").items():
        wanted = np.repeat(part.reshape(12, 8, 1, 9), 5, axis=2).reshape(12, -1)
        slope = np.linalg.lstsq(single.T, wanted.T, rcond=None)[0].T
        axis = np.linalg.svd(slope @ single)[0][:, 0]
        ours = result.isel(component=np.flatnonzero(result.marginalization == name)[0])
        assert abs(ours.loadings.values @ axis) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(np.abs(ours.decoder), np.abs(axis @ slope), atol=1e-6)


def test_no_other_axes_of_that_rank_have_a_smaller_loss():
    x = mean_responses()
    matrix = x.values.reshape(12, -1) - x.values.reshape(12, -1).mean(axis=1, keepdims=True)
    parts, rng = marginals(x.values, (*BOTH, "time"), join="time"), np.random.default_rng(0)
    noise = np.diag(rng.uniform(1, 5, 12))

    def loss(part, encoder, decoder):
        both = encoder.T @ decoder
        ridge = 0.05 * np.sum(matrix**2) * np.sum(both**2)
        return np.sum((part - both @ matrix) ** 2) + np.trace(both @ noise @ both.T) + ridge

    for name, axes in demix(matrix, parts, noise, 0.05, dict.fromkeys(parts, 2)).items():
        best = loss(parts[name], axes.encoder, axes.decoder)
        for size in (1e-3, 0.1, 1):
            moved = axes.decoder + size * rng.normal(size=(2, 12)), axes.encoder + size * rng.normal(size=(2, 12))
            assert loss(parts[name], axes.encoder, moved[0]) > best
            assert loss(parts[name], moved[1], axes.decoder) > best


def test_planted_task_factors_are_found_apart():
    x, axes = task(n_repeats=12, noise=0.3)
    result = demixed(x, conditions=BOTH, n_components=1)
    assert sorted(result.marginalization.values[:3]) == ["choice", "stimulus", "time"]
    for name, axis in zip(("time", "stimulus", "choice"), axes, strict=True):
        ours = result.isel(component=int(np.flatnonzero(result.marginalization == name)[0]))
        assert abs(ours.loadings.values @ axis) / np.linalg.norm(axis) > 0.98
        assert ours.marginal_variance.sel(marginal=name) > 0.9 * ours.explained_variance
    stimulus = result.isel(component=int(np.flatnonzero(result.marginalization == "stimulus")[0])).latents
    spread = stimulus.std(BOTH).sel(time=slice(0.5, None)).mean() / stimulus.std(BOTH).sel(time=slice(0, 0.3)).mean()
    assert spread > 5
    np.testing.assert_allclose(
        (average_by(x.isel(trial=(x.choice == 0).values)) - result["mean"]) @ result.decoder,
        result.latents.sel(choice=0),
        atol=1e-9,
    )


def test_measuring_in_other_units_changes_nothing_but_the_units():
    x, _ = task()
    one, other = demixed(x, conditions=BOTH), demixed(1000 * x + 7, conditions=BOTH)
    assert one.attrs["regularizer"] == other.attrs["regularizer"]
    np.testing.assert_allclose(other.latents, 1000 * one.latents, atol=1e-6)


def test_the_ridge_that_trials_left_out_choose_grows_with_noise():
    chosen = [demixed(task(noise=noise)[0], conditions=BOTH, noise="none").attrs["regularizer"] for noise in (0.2, 12)]
    assert chosen[0] < chosen[1] / 10
    result = demixed(task()[0], conditions=BOTH)
    assert result.error.regularizer[int(result.error.values.argmin())] == result.attrs["regularizer"]
    assert 0 < result.error.min() < 0.5


@pytest.mark.parametrize("kind", ["full", "diagonal", "none"])
def test_the_error_of_a_ridge_is_that_of_a_fit_to_the_other_trials(kind):
    x, _ = task(n_repeats=4)
    x = x.isel(trial=np.r_[np.arange(32), [3, 5]])  # not all cells alike
    result = demixed(x, conditions=BOTH, noise=kind, n_repeats=1, seed=2)
    rng, errors, cells = np.random.default_rng(2), [], []
    for s, c in np.ndindex(4, 2):
        trials = np.flatnonzero((x.stimulus == s) & (x.choice == c))
        cells.append((trials, trials[rng.integers(len(trials))]))
    out = [one for _, one in cells]
    rest = np.concatenate([np.delete(t, list(t).index(one)) for t, one in cells])
    test = x.values[out].transpose(2, 0, 1).reshape(12, -1)
    test = test - test.mean(axis=1, keepdims=True)
    for ridge in result.regularizer.values[::9]:
        fit = demixed(x.isel(trial=rest), conditions=BOTH, noise=kind, regularizer=ridge)
        means = np.stack([x.values[np.delete(t, list(t).index(one))].mean(axis=0) for t, one in cells])
        means = means.transpose(2, 0, 1).reshape(12, 4, 2, 9)
        error = 0.0
        for name, part in marginals(means, (*BOTH, "time"), join="time").items():
            axes = fit.isel(component=fit.marginalization.values == name)
            error += np.sum((part - axes.loadings.values.T @ axes.decoder.values @ test) ** 2)
        flat = means.reshape(12, -1)
        errors.append(error / np.sum((flat - flat.mean(axis=1, keepdims=True)) ** 2))
    np.testing.assert_allclose(result.error[::9], errors, rtol=1e-6)


def test_pure_noise_is_best_left_alone_and_says_so():
    x, _ = task(n_repeats=2)
    noise = x.copy(data=np.random.default_rng(0).normal(size=x.shape))
    with pytest.warns(UserWarning, match="found nothing that trials left out confirm: the largest ridge is best"):
        demixed(noise, conditions=BOTH)


def test_cells_count_alike_however_many_trials_they_have():
    x, _ = task(n_repeats=4, noise=0)
    repeated = x.isel(trial=np.r_[np.arange(32), np.zeros(40, dtype=int), np.full(9, 5)])
    for options in ({"regularizer": 0.0, "noise": "none"}, {"regularizer": 1e-3}):
        whole, uneven = (demixed(one, conditions=BOTH, **options) for one in (x, repeated))
        np.testing.assert_allclose(uneven.explained_variance[:3], whole.explained_variance[:3], atol=1e-9)
        np.testing.assert_allclose(uneven.latents[..., :3], whole.latents[..., :3], atol=1e-6)
    assert uneven.n_trials.values.tolist() == [[44, 4], [4, 4], [4, 13], [4, 4]]


def test_noise_may_be_that_of_units_recorded_apart():
    x, _ = task(noise=0.3)
    values = x.values + np.random.default_rng(0).normal(size=(48, 1, 1))  # shared by all units of a trial
    x = x.copy(data=values)
    axes = {kind: demixed(x, conditions=BOTH, regularizer=0.0, noise=kind).decoder for kind in ("full", "diagonal")}
    shared = {kind: np.abs(axis.sum("unit")).mean().item() for kind, axis in axes.items()}
    assert shared["full"] < 0.5 * shared["diagonal"]


def test_one_factor_and_no_time_are_enough():
    x, _ = task()
    result = demixed(x.mean("time"))
    assert result.latents.dims == ("stimulus", "component")
    assert set(result.marginalization.values) == {"stimulus"}
    assert result.attrs["conditions"] == "stimulus"
    two = demixed(x.mean("time").isel(trial=(x.stimulus < 2).values), n_components=1)
    assert two.sizes["component"] == 1


def test_means_of_trials_and_the_trials_give_the_same():
    x, _ = task()
    by_choice = [average_by(x.isel(trial=(x.choice == c).values).drop_vars("choice")) for c in (0, 1)]
    means = xr.concat(by_choice, "choice")
    options = {"regularizer": 1e-3, "noise": "none"}
    one = demixed(x, conditions=BOTH, **options)
    other = demixed(means.assign_coords(choice=[0, 1]), **options)
    np.testing.assert_allclose(other.latents.transpose(*one.latents.dims), one.latents, atol=1e-9)


def test_each_refusal_of_demixing_says_what_to_do():
    x, _ = task()
    once, gone = x.isel(trial=slice(8)), x.isel(trial=~((x.stimulus == 2) & (x.choice == 1)).values)
    for kind, sentence, array, options in [
        (DimensionError, r"needs the coordinate 'stimulis' on 'trial'.*Did you mean 'stimulus'", x,
         {"conditions": "stimulis"}),
        (DesignError, "1 of 8 have none, the first is stimulus=2, choice=1", gone, {"conditions": BOTH}),
        (DesignError, "regularizer='auto'.* needs two trials of every combination.*the fewest are 1", once,
         {"conditions": BOTH, "regularizer": "auto"}),
        (DesignError, "noise='full'.* needs two trials", once, {"conditions": BOTH, "noise": "full"}),
        (DesignError, "the fewest are 0", mean_responses(), {"regularizer": "auto"}),
        (DesignError, "knows noise='full', 'diagonal', 'none'; got 'some'", x, {"noise": "some"}),
        (DesignError, "regularizer='auto' or a number of 0 or more; got -1", x, {"regularizer": -1}),
        (DesignError, "joins interactions with one of stimulus, time; got join='thyme'", x, {"join": "thyme"}),
        (DesignError, "n_repeats of 1 or more; got 0", x, {"n_repeats": 0}),
        (DimensionError, "needs trials with coordinates, or mean responses", x.rename(trial="time2")[0], {}),
        (DimensionError, r"takes \(trial, time, unit\); got", x.expand_dims("depth"), {}),
    ]:  # fmt: skip
        with pytest.raises(kind, match=sentence):
            demixed(array, **options)
