"""A trial without a label is no stimulus: every analysis refuses it in the same words."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.reliability.reliability import noise_ceiling, reliability
from neurodata4ml.analysis.reliability.variability import modulation, trial_variability
from neurodata4ml.analysis.responses import average_by, sample_dim
from neurodata4ml.errors import DesignError, DimensionError

LAYER = xr.DataArray(np.eye(5), dims=("stimulus", "feature"), coords={"stimulus": list("abcde")})

ANALYSES = {
    "average_by": average_by,
    "decode": lambda x: decode(x, n_shuffles=0),
    "rdm": lambda x: rdm(x, distance="crossnobis"),
    "reliability": reliability,
    "noise_ceiling": noise_ceiling,
    "compare": lambda x: compare(x, LAYER),
    "dimensionality": dimensionality,
    "trial_variability": trial_variability,
    "modulation": lambda x: modulation(x, xr.DataArray(np.arange(60.0) % 7, dims="trial")),
}


def trials(labels, **coords):
    rng = np.random.default_rng(0)
    stimulus = np.asarray(labels)[np.arange(60) % len(labels)]
    means = rng.normal(size=(len(labels), 4)) * 3
    values = means[np.arange(60) % len(labels)] + rng.normal(size=(60, 4))
    coords = {"trial": np.arange(60), "unit": np.arange(4), "stimulus": ("trial", stimulus), **coords}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


@pytest.mark.parametrize("name", list(ANALYSES))
@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (np.array([1.0, 2.0, 3.0, 4.0, np.nan]), "NaN"),
        (np.array(["a", "b", "c", "d", None], dtype=object), "NaN"),
        (np.array(["a", "b", "c", "d", ""]), 'NaN or ""'),
    ],
)
def test_trials_without_a_stimulus_are_refused(name, labels, missing):
    with pytest.raises(DesignError) as error:
        ANALYSES[name](trials(labels))
    said = str(error.value)
    assert said.startswith(f"{name}: 12 of 60 trials have no 'stimulus' ({missing}). Leave them out: x.isel(")
    kept = eval(said.split("Leave them out: ")[1].rstrip("."), {"x": trials(labels)})
    assert kept.sizes["trial"] == 48


@pytest.mark.parametrize("name", list(ANALYSES))
def test_blank_trials_need_no_stimulus(name):
    x = trials(np.array(["a", "b", "c", "d", "e", ""]))
    ANALYSES[name](x.assign_coords(blank=x.stimulus == ""))


@pytest.mark.parametrize("name", ["rdm", "reliability", "modulation"])
def test_trials_without_a_block_are_refused(name):
    block = ("trial", np.where(np.arange(60) < 20, np.nan, 1.0))
    with pytest.raises(DesignError, match="20 of 60 trials have no 'block'"):
        ANALYSES[name](trials(list("abcde"), block=block))


def test_labels_that_cannot_be_compared_are_refused_and_the_remedy_makes_them_text():
    x = trials(np.array(["a", 1, 2.5, "b", "c"], dtype=object))
    with pytest.raises(
        DesignError, match=r"average_by: the labels in 'stimulus' are of kinds.*\(float, int, str\)"
    ) as error:
        average_by(x)
    remedy = str(error.value).split("Make them all text: ")[1].rstrip(".")
    assert average_by(eval(remedy, {"x": x})).stimulus.values.tolist() == ["1", "2.5", "a", "b", "c"]


def test_samples_are_trials_else_bins_of_time():
    x = trials(list("abcde"))
    assert sample_dim(x, step="here") == "trial"
    assert sample_dim(x.expand_dims(time=2), step="here") == "trial"
    assert sample_dim(x.rename(trial="time"), step="here") == "time"
    with pytest.raises(DimensionError, match=r'here needs a "trial" dim; got \(stimulus, feature\)\. Bin first\.'):
        sample_dim(LAYER, step="here", hint="Bin first.")
