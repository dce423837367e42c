"""What is counted to calibrate similarity: tests that must not err too often, intervals that must hold the truth."""

from __future__ import annotations

from typing import NamedTuple

import calibrate_similarity_intervals as intervals
import calibrate_similarity_tests as tests
from calibrate_similarity_worlds import Ask


class Row(NamedTuple):
    """One thing to count: ``ask(rng)`` draws data anew and returns the share of what was to happen, NaN for no answer.

    ``kind`` "exact": a claim where there is nothing, in 5 % of randomised data. "error": the same, at most 5 %.
    "interval": it holds the truth, in 92 to 98 %. "bracket": it holds the truth, in 95 % or more: Nili's bounds, and
    the set that holds the best. ``short`` is the number of data sets in `.ci/run`; 0 for what takes long.
    """

    kind: str
    ask: Ask
    short: int = 0
    full: int = 1000


ROWS: dict[str, Row] = {
    "permutation, rsa_pearson": Row("exact", tests.permuted("rsa_pearson"), 400, 2000),
    "permutation, rsa_spearman": Row("exact", tests.permuted("rsa_spearman"), 0, 2000),
    "permutation, cka_unbiased": Row("exact", tests.permuted("cka_unbiased"), 400, 2000),
    "permutation, procrustes": Row("exact", tests.permuted("procrustes"), 0, 2000),
    "permutation, drifting blocks": Row("exact", tests.of_blocks, 400, 2000),
    "max-T, 3 areas x 4 layers": Row("exact", tests.family, 400, 2000),
    "max-T in compare, 3 areas x 4 layers": Row("exact", tests.compared_family, 400, 2000),
    "order of areas": Row("error", tests.ordered, 200, 1000),
    "claim, 6 unrelated candidates": Row("error", tests.claimed, 200, 1000),
    "claim, trials without a signal": Row("error", tests.claimed_of_noise, 0, 1000),
    "ceiling of noise, cka_unbiased": Row("error", tests.ceiling_of_noise("cka_unbiased"), 0, 1000),
    "ceiling of noise, rsa_pearson": Row("error", tests.ceiling_of_noise("rsa_pearson"), 0, 1000),
    "two alike, over stimuli": Row("error", tests.two_alike, 400, 1000),
    "four alike, over stimuli, Holm": Row("error", tests.many_alike, 0, 1000),
    "two alike, over units": Row("error", tests.of_units_alike("unit", 1, 0.0), 400, 1000),
    "two alike, over units in animals": Row("error", tests.of_units_alike("animal", 10, 1.0), 200, 1000),
    "two alike, over stimuli and units": Row("error", tests.of_units_alike(("stimulus", "unit"), 1, 0.0), 0, 400),
    "against zero, cka_unbiased": Row("error", tests.above_zero("cka_unbiased"), 400, 2000),
    "against zero, rsa_spearman": Row("error", tests.above_zero("rsa_spearman"), 0, 2000),
    "against the ceiling, rsa_pearson": Row("error", tests.below_ceiling, 0, 400),
    "against the ceiling, cka_unbiased": Row("error", tests.below_one, 0, 1000),
    "bootstrap, units in sessions in animals": Row("error", tests.nested, 0, 500),
    "bootstrap, stimuli and units": Row("error", tests.crossed, 0, 400),
    "0 in cka_unbiased over stimuli": Row("interval", intervals.holds_zero("cka_unbiased"), 400, 2000),
    "0 in cka_unbiased over 12 stimuli": Row("interval", intervals.holds_zero("cka_unbiased", 12, 8, 8), 0, 2000),
    "0 in rsa_pearson over stimuli": Row("interval", intervals.holds_zero("rsa_pearson"), 0, 2000),
    "0 in rsa_tau_a over stimuli": Row("interval", intervals.holds_zero("rsa_tau_a", 20, 10, 30), 0, 1000),
    "cka_unbiased over stimuli": Row("interval", intervals.holds_expected("stimulus", 40, 1, 20, 0.0), 400, 2000),
    "cka_unbiased over units": Row("interval", intervals.holds_expected("unit", 30, 1, 40, 0.0), 400, 2000),
    "cka_unbiased over animals": Row("interval", intervals.holds_expected("animal", 30, 10, 40, 1.0), 400, 2000),
    "cka_unbiased over stimuli and units": Row(
        "interval", intervals.holds_expected(("stimulus", "unit"), 30, 1, 30, 0.0), 0, 500
    ),
    "cka_unbiased over stimuli and animals": Row(
        "interval", intervals.holds_expected(("stimulus", "animal"), 30, 10, 40, 1.0), 0, 500
    ),
    "cka_unbiased over trials": Row("interval", intervals.holds_truth, 120, 1000),
    "difference over trials": Row("interval", intervals.holds_difference, 0, 1000),
    "set holds the best, over trials": Row("bracket", intervals.set_holds_best, 0, 1000),
    "reliability of units": Row("interval", intervals.holds_reliability, 0, 200),
    "ceiling cka_unbiased, quiet": Row("interval", intervals.ceiling("cka_unbiased", 40, 10, 24, 1.0)),
    "ceiling cka_unbiased, noisy": Row("interval", intervals.ceiling("cka_unbiased", 20, 10, 12, 2.0), 200),
    "ceiling cka_unbiased, 6 repeats": Row("interval", intervals.ceiling("cka_unbiased", 20, 10, 6, 1.0)),
    "ceiling cka_unbiased, many units": Row("interval", intervals.ceiling("cka_unbiased", 30, 60, 20, 3.0), 0, 500),
    "ceiling rsa_pearson, quiet": Row("interval", intervals.ceiling("rsa_pearson", 20, 10, 12, 1.0), 200),
    "ceiling rsa_pearson, noisy": Row("interval", intervals.ceiling("rsa_pearson", 30, 40, 20, 2.0), 0, 500),
    "ceiling rsa_pearson, 6 repeats": Row("interval", intervals.ceiling("rsa_pearson", 20, 10, 6, 0.7)),
    "ceiling rsa_cosine": Row("interval", intervals.ceiling("rsa_cosine", 30, 40, 20, 2.0), 0, 500),
    "ceiling rsa_cosine, close to 1": Row("interval", intervals.ceiling("rsa_cosine", 20, 10, 12, 1.0)),
    "ceiling rsa_pearson_whitened": Row("interval", intervals.ceiling("rsa_pearson_whitened", 20, 10, 12, 1.0), 0, 500),
    "ceiling rsa_spearman": Row("interval", intervals.ceiling("rsa_spearman", 20, 10, 12, 1.0), 0, 500),
    "ceiling rsa_tau_a": Row("interval", intervals.ceiling("rsa_tau_a", 20, 10, 12, 1.0), 0, 500),
    "Nili, rsa_pearson, 6 subjects": Row("bracket", intervals.nili("rsa_pearson", 6, 1.0), 400, 1000),
    "Nili, rsa_cosine, 12 subjects": Row("bracket", intervals.nili("rsa_cosine", 12, 0.5), 0, 1000),
    "Nili, rsa_spearman, 6 subjects": Row("bracket", intervals.nili("rsa_spearman", 6, 1.0), 0, 1000),
    "Nili, rsa_tau_a, 6 subjects": Row("bracket", intervals.nili("rsa_tau_a", 6, 2.0), 0, 1000),
}
"""By name."""
