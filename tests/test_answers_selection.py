"""A study's units, areas, layers, analyses and tables choose what they say, and what was left out is counted."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec
from neurodata4ml.studies.answers.answers import ANSWERS, asked_of
from neurodata4ml.studies.material import prepare
from neurodata4ml.studies.selection import with_areas
from neurodata4ml.study_keys import ANALYSES

SHORT = Spec("demo", where="frame < 14", n_shuffles=9)


@pytest.fixture(scope="module")
def short():
    return prepare(SHORT)


def test_units_are_chosen_by_a_comparison_of_their_columns_and_counted():
    m = prepare(replace(SHORT, units="local_index < 15 or local_index >= 105"))
    assert m.area_sizes == {"early": 15, "late": 15}
    assert m.units_dropped == {"not local_index < 15 or local_index >= 105": 90}


def test_all_units_are_those_of_the_file_and_the_good_ones_those_of_its_filter():
    assert prepare(replace(SHORT, units="all")).units_dropped == {}
    assert prepare(replace(SHORT, units="all")).counts.sizes["unit"] == 120


def test_areas_are_those_that_were_asked_for(short):
    m = prepare(replace(SHORT, areas=("late",)))
    assert m.areas == ["late"]
    assert m.units_dropped == {"outside the chosen areas": 60}
    np.testing.assert_array_equal(m.totals.values, short.of_area(short.totals, "late").values)


def test_an_area_with_few_units_is_left_out_and_counted_unless_it_was_asked_for():
    few = replace(SHORT, units="local_index < 64")
    m = prepare(few)
    assert m.areas == ["early"]
    assert m.units_dropped == {"not local_index < 64": 56, "in areas of fewer than 10 units": 4}
    assert prepare(replace(few, areas=("late",))).area_sizes == {"late": 4}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"areas": ("lat",)}, r"there is no area 'lat'\. Did you mean 'late'\? Areas: early, late"),
        ({"units": "snr > 2"}, r"units = 'snr > 2' names 'snr', which is not a column of the units\. Columns: unit"),
        ({"units": "quality >"}, r"units = 'quality >' cannot be read: .*e\.g\. \"snr > 2\""),
        ({"units": "quality == 'bad'"}, r"no unit is left of 120: 120 not .* or another filter of units"),
        ({"layers": ("conv9",)}, r"no network of digits, digits-untrained has a layer 'conv9'\. .*conv1, conv2"),
    ],
)
def test_a_choice_that_cannot_be_made_says_what_there_is(wrong, message):
    with pytest.raises(DesignError, match=message):
        prepare(replace(SHORT, **wrong))


def test_layers_are_those_that_were_asked_for_of_network_and_twin_alike():
    names = [one.name for one in prepare(replace(SHORT, layers=("logits", "conv1"))).beside]
    assert names == [
        *("digits/logits", "digits/conv1", "digits-untrained/logits", "digits-untrained/conv1"),
        *("pixels", "gabor"),
    ]


def test_every_layer_can_be_asked_for(short):
    assert len(prepare(replace(SHORT, layers=("all",))).beside) > len(short.beside)


def test_candidates_are_made_once_for_equal_images_and_options_and_anew_for_others(short):
    again = prepare(replace(SHORT, n_shuffles=3))
    assert all(one is other for one, other in zip(again.beside, short.beside, strict=True))
    gray = {"activations": {"preprocessing": {"contrast": 0.1}}}
    other = prepare(replace(SHORT, options=gray))
    assert not np.allclose(other.candidates["pixels"].values, short.candidates["pixels"].values)


def test_how_many_images_are_shown_at_once_changes_nothing(short):
    one = prepare(replace(SHORT, options={"activations": {"batch_size": 3}}))
    for name, values in short.candidates.items():
        np.testing.assert_array_equal(one.candidates[name].values, values.values)


def test_a_table_of_options_comes_before_what_the_study_says():
    m = replace(prepare(SHORT), spec=replace(SHORT, seed=4, options={"decode": {"n_shuffles": 2, "decoder": "svm"}}))
    assert m.options("decode") == {"seed": 4, "n_shuffles": 2, "decoder": "svm"}
    assert m.options("latents") == {"seed": 4}
    assert m.options("rdm") == {}


def test_binning_by_table_is_binning_by_the_study():
    by_table = prepare(replace(SHORT, options={"bin_spikes": {"window": (0.0, 0.1), "bin_width": 0.02}}))
    by_study = prepare(replace(SHORT, window=(0.0, 0.1), bin_width=0.02))
    np.testing.assert_array_equal(by_table.counts.values, by_study.counts.values)
    assert (by_table.spec.window, by_table.spec.bin_width) == ((0.0, 0.1), 0.02)


@pytest.mark.parametrize("how", [pytest.param({"sparse": True}, marks=pytest.mark.slow), {"chunks": {"unit": 40}}])
def test_counts_that_are_sparse_or_lazy_give_the_same_answers(short, how):
    m = prepare(replace(SHORT, options={"bin_spikes": how}))
    for name in ("psth", "reliability"):
        assert ANSWERS[name](m).equals(ANSWERS[name](short))


def test_analyses_choose_sections_and_the_truth_comes_by_itself():
    assert list(asked_of(Spec("demo"))) == list(ANSWERS)
    assert list(asked_of(Spec("demo"), among_many=True)) == [name for name in ANSWERS if name != "truth"]
    assert list(asked_of(Spec("demo", analyses=("compare", "rates")))) == ["psth", "similarity", "truth"]
    assert set(ANALYSES.values()) | {"truth"} == set(ANSWERS)


def test_an_unknown_analysis_is_refused_with_a_suggestion():
    with pytest.raises(DesignError, match=r"there is no analysis 'decod'\. Did you mean 'decode'\? Analyses: rates, "):
        asked_of(Spec("demo", analyses=("decod",)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["latents", "dimensionality", "reliability", "rdms", "encoding"])
def test_an_answer_does_not_depend_on_which_others_were_made_before(name):
    small = replace(SHORT, units="local_index % 6 == 0", layers=("logits",))
    alone = ANSWERS[name](prepare(small))
    after = prepare(small)
    for other in ("psth", "reliability", "rdms"):
        ANSWERS[other](after)
    assert ANSWERS[name](after).identical(alone)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("VISp", "VISp"),
        ("brain_region: Thalamus; brain_subregion: N/A; hemisphere: left; ap: 2.50; ref: bregma", "Thalamus (left)"),
        ('{"brain_region": "right ALM", "ap": -2.5, "skull_reference": "Bregma"}', "right ALM"),
        ("x: 1.0; y: 2.0", "x: 1.0; y: 2.0"),
        ("area: V1", "area: V1"),
        ("12", "12"),
        ("<b>bold</b>; no record", "<b>bold</b>; no record"),
    ],
)
def test_a_record_of_a_location_becomes_the_name_of_an_area(label, name):
    session = xr.Dataset(coords={"unit": [0], "area": ("unit", np.array([label], dtype=object))})
    assert with_areas(session)["area"].values.tolist() == [name]


def test_units_without_a_location_are_one_area():
    assert with_areas(xr.Dataset(coords={"unit": [0, 1]}))["area"].values.tolist() == ["all units"] * 2
