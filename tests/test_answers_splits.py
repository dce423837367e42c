"""The digest of what was held out is that of the folds that were used, and of no others."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from neurodata4ml.analysis.design.folds import digest_of
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.spec import Spec
from neurodata4ml.studies.answers.answers import ANSWERS
from neurodata4ml.studies.answers.splits import of_all
from neurodata4ml.studies.material import prepare

SMALL = Spec("demo", where="frame < 12", units="local_index % 6 == 0", layers=("logits",), n_shuffles=1)

QUICK = {"n_shuffles": 0, "over": []}


@pytest.fixture(scope="module")
def small():
    return prepare(SMALL)


def digest(small, section, analysis="", **options):
    tables = {
        "compare": QUICK,
        **({analysis: {**(QUICK if analysis == "compare" else {}), **options}} if analysis else {}),
    }
    return ANSWERS[section](replace(small, spec=replace(small.spec, options=tables))).attrs["splits_sha256"]


def test_a_digest_is_of_lengths_and_positions_as_64_bit_integers():
    by_hand = hashlib.sha256(np.array([2, 4, 7, 1, 3], dtype="<i8").tobytes()).hexdigest()
    assert digest_of([(np.array([4, 7], dtype=np.int16), np.array([3]))]) == by_hand


def test_training_and_test_cannot_be_exchanged_unseen():
    train, test = np.array([0, 1]), np.array([2])
    assert digest_of([(train, test)]) != digest_of([(test, train)])
    assert digest_of([(np.array([0]), np.array([1, 2]))]) != digest_of([(train, test)])


def test_decoding_tells_the_folds_that_the_design_dictates(small):
    by_hand = digest_of(splits(small.totals, target="stimulus", n_folds=4).split())
    assert digest(small, "decoding", "decode", n_folds=4) == by_hand
    assert digest(small, "decoding") != by_hand


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "analysis", "options"),
    [
        ("dimensionality", "dimensionality", {"seed": 5}),
        ("rdms", "rdm", {"folds": "trial"}),
        ("encoding", "encode", {"seed": 5}),
        ("similarity", "compare", {"n_splits": 3}),
    ],
)
def test_other_folds_have_another_digest_and_the_same_folds_the_same(small, section, analysis, options):
    usual = digest(small, section)
    assert len(usual) == 64
    assert digest(small, section) == usual
    assert digest(small, section, analysis, **options) != usual


def test_what_held_nothing_out_has_no_digest(small):
    for section in ("psth", "latents", "reliability"):
        assert "splits_sha256" not in ANSWERS[section](small).attrs


def test_areas_with_the_same_folds_share_a_digest_and_others_are_joined():
    assert of_all(["a", "a", ""]) == "a"
    assert of_all([]) == ""
    assert of_all(["a", "b"]) != of_all(["b", "a"])
