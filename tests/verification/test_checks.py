"""Numbers beside numbers: what is equal, what rounding explains, and what nothing explains."""

import copy

import numpy as np
import pytest

from neurodata4ml.verification.checks import compare_results, worst
from report.factory import make_results


@pytest.fixture
def two():
    stored = make_results()
    return stored, copy.deepcopy(stored)


def compared(stored, again):
    found = compare_results("", stored, again, dict.fromkeys([*stored.arrays, *again.arrays]))
    return worst(found), [check for check in found if check.verdict != "identical"]


def test_the_same_results_are_identical_to_the_last_bit(two):
    verdict, apart = compared(*two)
    assert verdict == "identical"
    assert not apart


def test_rounding_is_within_tolerance_and_says_how_far(two):
    stored, again = two
    rate = again.arrays["psth"]["rate"]
    rate.values[1, 3] *= 1 + 1e-12
    verdict, (check,) = compared(stored, again)
    assert verdict == check.verdict == "within tolerance"
    assert (check.section, check.variable) == ("psth", "rate")
    assert 0 < check.deviation == abs(stored.arrays["psth"]["rate"].values[1, 3] - rate.values[1, 3])
    assert check.tolerance == pytest.approx(1e-6 * np.abs(rate).max().item(), rel=1e-3)
    assert check.note.startswith("area=late, time=-0.065: ")


def test_a_number_that_nothing_explains_is_named_with_both_values(two):
    stored, again = two
    again.arrays["similarity"]["similarity"].values[0, 4] = -0.5
    verdict, (check,) = compared(stored, again)
    was = stored.arrays["similarity"]["similarity"].values[0, 4].item()
    assert verdict == "different"
    assert f"area=early, candidate=digits-untrained/conv1: {was!r} in the report, -0.5 in a new run" in check.note


def test_a_p_value_may_move_as_far_as_another_draw_of_shuffles(two):
    stored, again = two
    again.arrays["decoding"]["p_window"].values[0] += 0.02
    verdict, (check,) = compared(stored, again)
    assert verdict == "within tolerance"
    assert "more than rounding, and no more than another draw" in check.note
    again.arrays["decoding"]["p_window"].values[0] = 0.9
    assert compared(stored, again)[0] == "different"


def test_a_number_beside_none_is_different_and_none_beside_none_is_not(two):
    stored, again = two
    for side in two:
        side.arrays["psth"]["low"].values[0, 0] = np.nan
    assert compared(stored, again)[0] == "identical"
    again.arrays["psth"]["low"].values[0, 1] = np.nan
    verdict, (check,) = compared(stored, again)
    assert (verdict, check.deviation) == ("different", np.inf)


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        (lambda r: r.arrays.pop("rdms"), ("rdms", ""), "the section is in the report, and a new run has none"),
        (
            lambda r: r.arrays.update(psth=r.arrays["psth"].drop_vars("high")),
            ("psth", "high"),
            "the variable is in the report, and a new run has none",
        ),
        (
            lambda r: r.arrays.update(psth=r.arrays["psth"].assign(peak=1.0)),
            ("psth", "peak"),
            "the variable is new: the report has none",
        ),
        (
            lambda r: r.arrays.update(reliability=r.arrays["reliability"].isel(unit=slice(100))),
            ("reliability", "unit"),
            "120 of unit in the report, 100 in a new run",
        ),
        (
            lambda r: r.arrays["similarity"]["best"].values.__setitem__(1, "pixels"),
            ("similarity", "best"),
            "area=late: digits/fc1 in the report, pixels in a new run",
        ),
        (lambda r: r.data.update(n_trials=7), ("data", "n_trials"), "1978 in the report, 7 in a new run"),
        (
            lambda r: r.arrays["decoding"].attrs.update(folds="contiguous"),
            ("decoding", "attributes"),
            "folds reads 'block' in the report, 'contiguous' in a new run",
        ),
    ],
)
def test_what_is_missing_new_or_said_otherwise_is_named(two, change, where, says):
    stored, again = two
    change(again)
    _, apart = compared(stored, again)
    assert [(check.section, check.variable) for check in apart] == [where]
    assert says in apart[0].note


def test_words_whose_numbers_are_equal_but_for_rounding_are_within_tolerance(two):
    stored, again = two
    for side, value in zip(two, ("0.25", "0.2500000001"), strict=True):
        side.arrays["decoding"].attrs["null_why"] = f"labels do not depend on those before them (p = {value})"
    assert compared(stored, again)[0] == "within tolerance"


def test_a_simulated_file_that_was_written_anew_is_judged_by_its_numbers(two):
    stored, again = two
    again.data["sha256"] = "0" * 64
    verdict, (check,) = compared(stored, again)
    assert verdict == "within tolerance"
    assert "is simulated: its file was written anew" in check.note
    for side in two:
        side.data["simulated"] = ""
    assert compared(stored, again)[0] == "different"
