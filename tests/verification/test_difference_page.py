"""Two reports beside each other: what is told is true of both, and no more is said than two intervals allow."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from neurodata4ml.report.difference_page import Side, sections_of_difference, settings_apart
from neurodata4ml.report.difference_rows import MEASURED, Pair, pairs_of
from neurodata4ml.report.figures.difference import AXES, BESIDE, MOST_ROWS, foremost
from report.factory import make_results

HERE = {"numpy": "2.4.6", "Python": "3.11.7"}
OTHER_DATA = {"sha256": "1" * 64, "dataset": "other"}


def side(name="A", **options):
    return Side(name, make_results(**options), HERE)


def test_every_section_that_is_measured_has_an_axis_a_figure_and_a_title():
    assert set(MEASURED) == set(AXES) == set(BESIDE)
    assert set(MEASURED) <= set(sections_of_difference(side(), side("B")))


def test_two_equal_reports_differ_in_nothing():
    sections = sections_of_difference(side(), side("B"))
    first, second, _ = sections["answer"].answer
    assert first == "A and B are about the same recording, and differ in no setting."
    assert re.fullmatch("All \\d+\u00a0numbers that both have are equal.", second)
    assert sections["asked"].answer == ("Every setting is equal.",)


def test_a_changed_seed_is_the_setting_that_is_told():
    a, b = side(), side("B", spec={"seed": 7, "out": "elsewhere"}, seed=7)
    assert settings_apart(a, b) == ["seed"]
    (row,) = [row for row in sections_of_difference(a, b)["asked"].tables[0].rows if row[-1] == "differs"]
    assert row == ("seed", "0", "7", "differs")


def test_the_numbers_in_the_table_are_those_of_both_reports_and_their_difference():
    a, b = side(), side("B", seed=5)
    pairs = pairs_of("dimensionality", a.results, b.results).both
    for pair, area in zip(pairs, ("early", "late"), strict=True):
        for numbers, one in ((pair.first, a), (pair.second, b)):
            array = one.results.arrays["dimensionality"].sel(area=area)
            assert numbers == tuple(array[name].item() for name in ("participation_ratio_cv", "low", "high"))
        assert pair.difference == pair.second[0] - pair.first[0]


def test_of_the_same_trials_no_interval_of_a_difference_is_given():
    paired = sections_of_difference(side(), side("B", seed=5))
    apart = sections_of_difference(side(), side("B", seed=5, data=OTHER_DATA))
    assert paired["decoding"].tables[0].columns[-1] == "B − A"
    assert "the samples are paired" in paired["answer"].answer[2]
    assert apart["decoding"].tables[0].columns[-1] == "interval, independent samples"
    assert "the samples are independent" in apart["answer"].answer[2]
    assert all("is not a test" in found["answer"].answer[2] for found in (paired, apart))


def test_the_interval_of_a_difference_holds_the_truth_in_95_of_100():
    rng, n, inside = np.random.default_rng(0), 30, 0
    for _ in range(2000):
        sides = []
        for mean in (1.0, 1.7):
            x = rng.normal(mean, 1, n)
            half = stats.t.ppf(0.975, n - 1) * x.std(ddof=1) / math.sqrt(n)
            sides.append((x.mean(), x.mean() - half, x.mean() + half))
        low, high = Pair("x", *sides).interval()
        inside += low <= 0.7 <= high
    assert 0.94 < inside / 2000 < 0.97


def test_what_only_one_report_has_is_named_and_not_compared():
    a, b = side(areas=("early", "late", "last")), side("B")
    section = sections_of_difference(a, b)["decoding"]
    assert "Only A has last." in section.answer
    assert [row[0] for row in section.tables[0].rows] == ["early", "late"]


def test_similarities_by_two_metrics_are_shown_and_not_subtracted():
    a, b = side(), side("B")
    b.results.arrays["similarity"].attrs["metric"] = "rsa_rho_a"
    section = sections_of_difference(a, b)["similarity"]
    assert "different metrics, unbiased linear CKA and RSA, rho-a: the numbers are not subtracted" in section.answer[0]
    assert "B − A" not in section.tables[0].columns
    assert section.figures


def test_a_newer_package_stands_in_the_environment():
    b = Side("B", make_results(), {**HERE, "numpy": "2.5.0"})
    assert sections_of_difference(side(), b)["environment"].tables[0].rows == (("numpy", "2.4.6", "2.5.0", "differs"),)


@pytest.mark.parametrize("section", BESIDE)
def test_each_figure_says_what_it_shows_and_has_ids_of_its_own(section):
    a, b = side(), side("B", seed=5)
    pairs = pairs_of(section, a.results, b.results).both
    shown = BESIDE[section](pairs, ("A", "<b>B</b>"))
    assert shown.alt.startswith(AXES[section])
    assert pairs[0].label in shown.alt
    assert "<b>" not in shown.svg
    assert all(name.startswith(f"{section}-beside") for name in re.findall(r' id="([^"]+)"', shown.svg))


def test_of_many_rows_a_figure_shows_those_that_differ_most():
    pairs = [Pair(str(i), (0.0, -1.0, 1.0), (float(i), i - 1.0, i + 1.0)) for i in range(100)]
    assert [pair.label for pair in foremost(pairs)] == [str(i) for i in range(100 - MOST_ROWS, 100)]


def test_reports_without_a_section_in_common_have_nothing_to_subtract():
    sections = sections_of_difference(side(only=("psth",)), side("B", only=("latents",)))
    assert set(sections) == {"answer", "asked", "data", "environment"}
    assert "nothing to subtract" in sections["answer"].answer[1]
