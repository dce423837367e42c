"""What can be read out of real recordings, and how sure that is: mouse visual cortex, and four units of mouse ALM."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

import recordings
from neurodata4ml.analysis.decoding.decode import decode


@pytest.fixture(scope="module")
def cortex():
    """Spikes of 533 units in 0.39 s after the stimulus of 251 trials, and whether there was one on the right."""
    x = recordings.steinmetz(2)
    side = np.where(x.right.values > 0, "right", "none")
    return x.assign_coords(side=("trial", side)).sum("time", keep_attrs=True)


def test_533_units_tell_whether_a_stimulus_was_on_the_right(cortex):
    found = decode(cortex, "side", n_shuffles=99)
    assert found.score >= 0.78
    assert found.low < found.score < found.high
    assert found.low > 0.65
    assert found.p_value == 0.01
    assert found.attrs["folds"] == "contiguous"


def test_shuffled_folds_look_better_on_the_same_trials(cortex):
    shuffled = StratifiedKFold(5, shuffle=True, random_state=0)
    with pytest.warns(UserWarning, match="what drifts slowly is learnt from and tested"):
        tempting = decode(cortex, "side", folds=shuffled, n_shuffles=0)
    assert tempting.score > decode(cortex, "side", n_shuffles=0).score


def test_errors_are_followed_by_repeats_so_that_trials_are_not_what_is_shuffled(cortex):
    found = decode(cortex, "side", n_shuffles=19)
    assert found.attrs["null_scheme"] == "pseudosession"
    assert "labels depend on those before them" in found.attrs["null_why"]
    assert abs(found.chance - 0.5) < 0.05


def test_every_linear_decoder_finds_the_same_much(cortex):
    scores = [float(decode(cortex, "side", decoder=name, n_shuffles=0).score) for name in ("lda", "ridge", "logistic")]
    assert min(scores) > 0.75
    assert np.ptp(scores) < 0.06


def test_four_units_hint_at_the_choice_and_the_interval_says_how_little_that_is():
    found = decode(recordings.alm().sum("time", keep_attrs=True), "choice", n_shuffles=99)
    assert found.attrs["n_units"] == 4
    assert found.low < 0.5 < found.high
    assert found.high - found.low > 0.12
    assert found.p_value > 0.01
