"""Single units predicted from candidates: medians, intervals and ceilings beside what they must be."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.candidates import Candidate
from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec
from neurodata4ml.studies.answers.encoding import encoding
from neurodata4ml.studies.material import prepare

FORTY = Spec("demo", where="frame < 40", units="local_index % 4 == 0", layers=("conv2", "logits"))


@pytest.fixture(scope="module")
def material():
    return prepare(FORTY)


@pytest.fixture(scope="module")
def found(material):
    return encoding(material)


def beside(material, **values):
    """Return the same material beside other candidates."""
    other = replace(material)
    other.__dict__["beside"] = [Candidate(name, x, "network", "given", name) for name, x in values.items()]
    return other


def test_medians_are_those_of_the_units_of_the_area_and_lie_in_their_intervals(found):
    for area in ("early", "late"):
        mine = found["score"].values[found["area_of_unit"].values == area]
        np.testing.assert_array_equal(found["median"].sel(area=area).values, np.median(mine, axis=0))
    assert bool(((found["median_low"] <= found["median"]) & (found["median"] <= found["median_high"])).all())


def test_the_ceiling_is_the_root_of_how_well_a_unit_repeats(material, found):
    expected = np.sqrt(np.clip(reliability(material.totals).values, 0, None))
    np.testing.assert_allclose(found["unit_ceiling"].values, expected)


def test_the_gap_to_the_twin_is_between_the_highest_layers_of_either(found):
    for area in ("early", "late"):
        highest = [
            found["median"].sel(area=area).values[found["network"].values == name].max()
            for name in ("digits", "digits-untrained")
        ]
        gap = found["twin_gap"].sel(area=area, trained_name="digits")
        assert gap.item() == pytest.approx(highest[0] - highest[1])
        low, high = (found[f"twin_gap_{end}"].sel(area=area).item() for end in ("low", "high"))
        assert low <= gap.item() <= high


def test_noise_taken_out_raises_the_score(found):
    assert bool((found["median_corrected"] >= found["median"]).all())


def test_the_responses_themselves_predict_and_unrelated_features_do_not(material):
    own = average_by(material.totals.astype(float)).rename(unit="feature").reset_coords(drop=True)
    noise = xr.zeros_like(own) + np.random.default_rng(0).standard_normal(own.shape)
    result = encoding(beside(material, own=own, noise=noise))
    assert bool((result["median"].sel(candidate="own") > 0.8).all())
    assert bool((result["median"].sel(candidate="noise") < 0.25).all())
    assert "twin_gap" not in result


def test_the_model_of_all_candidates_jointly_says_what_each_explains_alone(material):
    chosen = {"encode": {"encoder": "banded", "n_iter": 2, "scores": ["r2"]}}
    result = encoding(replace(material, spec=replace(material.spec, options=chosen)))
    assert result["candidate"].values.tolist() == ["all candidates jointly"]
    assert result["unique"].sizes["part"] == len(material.beside)
    assert result["kind"].values.tolist() == ["joint"]


def test_few_stimuli_are_a_warning_and_fewer_are_too_few(material, found):
    assert any("Only 40 stimuli" in said for said in found.attrs["warnings"])
    few = prepare(replace(FORTY, where="frame < 8"))
    with pytest.raises(DesignError, match="encoding needs at least 10 conditions; 'stimulus' has 8"):
        encoding(few)


def test_one_unit_has_no_interval(material):
    one = prepare(replace(FORTY, units="local_index == 0"))
    result = encoding(one)
    assert bool(result["median"].notnull().all())
    assert bool(result["median_low"].isnull().all())
