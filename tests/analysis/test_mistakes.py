"""The mistakes that look like results: the naive way gives the tempting number, ours refuses it or tells the truth.

There is no signal in any of these data. The rows are those of the table that the course prints; the naive side is what
people type, with scikit-learn and scipy alone.
"""

import warnings

import numpy as np
import pytest
import xarray as xr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dimensions.spectrum import decay_exponent
from neurodata4ml.errors import DesignError
from neurodata4ml.systems.nothing import (
    drift_in_blocks,
    images_without_classes,
    many_units,
    slow_signals,
    unequal_classes,
    unrelated_trials,
)

NAIVE = LinearDiscriminantAnalysis()
SHUFFLED = StratifiedKFold(5, shuffle=True, random_state=0)


def test_shuffled_folds_decode_labels_that_are_constant_within_blocks_of_a_drifting_recording():
    naive = [
        cross_val_score(NAIVE, x.values, x.label.values, cv=SHUFFLED).mean()
        for x in (drift_in_blocks("alternating", seed=seed) for seed in range(5))
    ]
    assert np.mean(naive) > 0.85
    x = drift_in_blocks(seed=0)
    with pytest.raises(DesignError, match="block"):
        decode(x, "label", folds=SHUFFLED)
    with pytest.raises(DesignError, match="block"):
        splits(x, over="trial", target="label")
    honest = [decode(drift_in_blocks(seed=seed), "label", n_shuffles=0) for seed in range(8)]
    assert abs(np.mean([h.score for h in honest]) - 0.5) < 0.2
    assert {h.attrs["folds"] for h in honest} == {"block"}


def test_a_permutation_of_trials_believes_in_drift_and_one_of_blocks_does_not():
    x = drift_in_blocks(seed=0)
    rng = np.random.default_rng(0)
    observed = cross_val_score(NAIVE, x.values, x.label.values, cv=SHUFFLED).mean()
    null = [cross_val_score(NAIVE, x.values, rng.permutation(x.label.values), cv=SHUFFLED).mean() for _ in range(19)]
    assert (1 + np.sum(np.array(null) >= observed)) / 20 == 0.05
    p = [float(decode(drift_in_blocks(seed=seed), "label", n_shuffles=99).p_value) for seed in range(4)]
    assert min(p) > 0.01
    assert np.mean(p) > 0.2


def test_whole_blocks_alone_give_scores_far_below_chance_where_blocks_alternate_and_ours_give_no_p():
    naive = [
        cross_val_score(NAIVE, x.values, x.label.values, cv=StratifiedGroupKFold(6), groups=x.block.values).mean()
        for x in (drift_in_blocks("alternating", seed=seed) for seed in range(5))
    ]
    assert np.mean(naive) < 0.2
    with pytest.raises(DesignError, match=r"[Ff]old"):
        decode(drift_in_blocks("alternating", seed=0), "label", folds=GroupKFold(6))
    found = decode(drift_in_blocks("alternating", seed=0), "label", n_shuffles=19)
    assert np.isnan(found.p_value)
    assert "come in a fixed order (a, b, a, b" in found.attrs["no_p"]


def test_features_selected_outside_the_folds_carry_the_labels_of_the_test_trials():
    x = many_units()
    label = x.label.values
    chosen = SelectKBest(k=20).fit(x.values, label).transform(x.values)
    assert cross_val_score(LogisticRegression(), chosen, label, cv=5).mean() > 0.85
    found = decode(x, "label", decoder=make_pipeline(SelectKBest(k=20), LogisticRegression()), n_shuffles=19)
    assert 0.25 < found.score < 0.7
    assert found.p_value > 0.05
    assert found.chance == pytest.approx(0.5, abs=0.08), "each shuffle selects its features anew"


def test_the_same_images_in_training_and_test_let_any_features_predict_responses():
    features, x = unrelated_trials()
    label, values = x.stimulus.values, x.values

    def correlation(folds):
        told = np.empty_like(values)
        for train, test in folds:
            fitted = Ridge(100.0).fit(features.values[label[train]], values[train])
            told[test] = fitted.predict(features.values[label[test]])
        return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told.T, values.T, strict=True)])

    assert correlation(KFold(5, shuffle=True, random_state=0).split(values)) > 0.6
    with pytest.raises(DesignError, match="stimul"):
        splits(x, over="trial", encoding=True)
    assert abs(correlation(splits(x, encoding=True).split())) < 0.1


def test_a_category_is_decoded_from_its_own_images_unless_whole_images_are_held_out():
    x = images_without_classes()
    naive = cross_val_score(NAIVE, x.values, x.category.values, cv=SHUFFLED)
    assert naive.mean() > 0.25
    with pytest.raises(DesignError, match="stimul"):
        decode(x, "category", folds=SHUFFLED)
    found = decode(x, "category", n_shuffles=39)
    assert found.attrs["folds"] == "stimulus"
    assert found.score == pytest.approx(0.1, abs=0.06)
    assert found.p_value > 0.05
    allowed = decode(x, "category", folds=SHUFFLED, allow_leak="to show the mistake", n_shuffles=0)
    assert allowed.score > 0.25
    assert allowed.attrs["leak"] == "to show the mistake"


def test_two_slow_signals_predict_each_other_across_shuffled_samples():
    x = slow_signals()
    naive = cross_val_score(Ridge(1.0), x.values, x.signal.values, cv=KFold(5, shuffle=True, random_state=0)).mean()
    assert naive > 0.7
    with pytest.raises(DesignError, match="purge"):
        decode(x, "signal", folds=KFold(5, shuffle=True, random_state=0), decoder="ridge")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = decode(x, "signal", decoder="ridge", n_shuffles=39)
    assert found.score < 0.2
    assert not found.p_value <= 0.05


def test_circular_shifts_believe_in_random_walks_and_ours_are_not_offered_for_them():
    naive = []
    for seed in range(60):
        walks = slow_signals(300, 1, memory=1, seed=seed)
        one, two = walks.values[:, 0], walks.signal.values
        observed = abs(np.corrcoef(one, two)[0, 1])
        shifts = np.random.default_rng(seed).integers(15, 285, 99)
        null = [abs(np.corrcoef(one, np.roll(two, k))[0, 1]) for k in shifts]
        naive.append((1 + np.sum(np.array(null) >= observed)) / 100 <= 0.05)
    assert np.mean(naive) > 0.15
    x = slow_signals(300, 5, memory=1)
    assert permutation_null(x, "signal").scheme != "circular shift"


def test_accuracy_rewards_the_frequent_class_and_balanced_accuracy_does_not():
    x = unequal_classes()
    assert cross_val_score(LogisticRegression(), x.values, x.label.values, cv=5).mean() > 0.75
    found = decode(x, "label", n_shuffles=19)
    assert found.attrs["scoring"] == "balanced_accuracy"
    assert found.score == pytest.approx(0.5, abs=0.1)
    assert found.p_value > 0.05


def test_white_noise_of_200_dimensions_shows_66_of_them_to_100_stimuli():
    values = np.random.default_rng(0).normal(size=(100, 200))
    eigenvalues = np.linalg.eigvalsh(np.cov(values.T))
    assert eigenvalues.sum() ** 2 / np.sum(eigenvalues**2) == pytest.approx(65.6, abs=2)
    found = dimensionality(xr.DataArray(values, dims=("stimulus", "unit")))
    assert found.bias_limit == pytest.approx(66.7, abs=0.1)
    assert found.participation_ratio_units == pytest.approx(200, rel=0.1)


@pytest.mark.slow
def test_noise_flattens_the_naive_spectrum_and_the_cross_validated_one_decays_as_the_signal():
    rng = np.random.default_rng(0)
    n_stimuli, n_units = 1000, 400
    axes = np.linalg.qr(rng.normal(size=(n_units, n_units)))[0]
    signal = rng.normal(size=(n_stimuli, n_units)) * np.arange(1.0, n_units + 1) ** -0.5 @ axes.T
    label = np.tile(np.arange(n_stimuli), 2)
    values = signal[label] + 0.25 * rng.normal(size=(2 * n_stimuli, n_units))
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", label)})
    means = x.groupby("stimulus").mean().values
    naive = np.linalg.eigvalsh(np.cov(means.T))[::-1]
    assert decay_exponent(naive, (11, 200)) < 0.6
    found = dimensionality(x, method="cvpca", ranks=(11, 200), allow_few="the truth is known here: 1")
    assert 0.75 < found.exponent < 1.1
    assert found.signal_total == pytest.approx(signal.var(axis=0, ddof=1).sum(), rel=0.05)
    with pytest.warns(UserWarning, match="no exponent is printed"):
        assert np.isnan(dimensionality(x, method="cvpca").exponent)
