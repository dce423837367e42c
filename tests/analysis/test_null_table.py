"""The table of nulls: each design gets its row, and no p where no shuffle is right. Docs and code say the same."""

import re
import warnings

import numpy as np
import pytest
from designs import ar1, markov, recording, trials

from conftest import ROOT
from neurodata4ml.analysis.design.nulls import SCHEMES, permutation_null
from neurodata4ml.analysis.design.shifted import valid_p
from neurodata4ml.errors import DesignError, DimensionError

BLOCK = np.repeat(np.arange(12), 20)
RANDOM = np.random.default_rng(0).permutation(240) % 2
ORDER = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1])


def designs():
    rng = np.random.default_rng(1)
    stimulus = rng.permutation(240) % 24
    return {
        "session swap": (trials(side=RANDOM), {"sessions": [rng.permutation(RANDOM) for _ in range(19)]}),
        "pseudosession": (trials(side=markov(rng)), {}),
        "whole blocks": (trials(side=ORDER[BLOCK], block=BLOCK), {}),
        "whole stimuli": (trials(side=stimulus // 12, stimulus=stimulus), {}),
        "within blocks": (trials(side=RANDOM, block=BLOCK), {}),
        "all trials": (trials(side=RANDOM), {}),
        "circular shift": (recording(ar1(rng, 500, 0.5), "side"), {}),
        "linear shift": (recording(ar1(rng, 250), "side"), {}),
        "none": (recording(np.cumsum(np.cumsum(rng.normal(size=500))), "side"), {}),
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_design_gets_its_row_of_the_table(scheme):
    x, given = designs()[scheme]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        null = permutation_null(x, "side", **given)
    assert null.scheme == scheme
    assert null.why
    assert bool(null.no_p) == (scheme == "none")
    assert np.array_equal(null.observed, x.side.values[null.used])
    assert null.labels.dtype == x.side.dtype
    assert np.isnan(null.p_value(0.0, np.zeros(null.n_shuffles))) == (scheme == "none")


def test_the_documentation_prints_the_table_that_the_code_goes_through():
    page = (ROOT / "docs" / "nulls.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| ([^|]+) \|", page, flags=re.M)
    assert [row for row in rows if row[0] in SCHEMES] == [(name, row.sentence) for name, row in SCHEMES.items()]


@pytest.mark.parametrize("scheme", ["all trials", "within blocks", "whole blocks", "whole stimuli", "pseudosession"])
def test_the_order_of_trials_in_the_array_never_matters(scheme):
    x, given = designs()[scheme]
    order = np.random.default_rng(5).permutation(240)
    one, two = permutation_null(x, "side", **given), permutation_null(x.isel(trial=order), "side", **given)
    assert np.array_equal(one.labels[:, order], two.labels)
    assert one.why == two.why


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name not in ("none", "whole blocks", "session swap")])
def test_the_seed_decides_what_is_drawn_but_not_how(scheme):
    x, given = designs()[scheme]
    one, same, other = (permutation_null(x, "side", seed=seed, **given) for seed in (3, 3, 4))
    assert np.array_equal(one.labels, same.labels)
    assert (one.scheme, one.why) == (other.scheme, other.why)
    assert np.array_equal(one.labels, other.labels) == (scheme == "linear shift")


def test_blank_and_invalid_trials_take_no_part_and_positions_are_those_of_x():
    x = trials(side=RANDOM, blank=np.arange(240) < 3, valid=np.arange(240) < 230)
    null = permutation_null(x, "side")
    assert null.used.tolist() == list(range(3, 230))
    assert all(sorted(row) == sorted(null.observed) for row in null.labels)


def test_serial_dependence_within_blocks_gives_surrogates_within_blocks():
    rng = np.random.default_rng(0)
    labels, block = np.concatenate([markov(rng, 60) for _ in range(4)]), np.repeat(np.arange(4), 60)
    null = permutation_null(trials(side=labels, block=block), "side")
    assert null.scheme == "pseudosession"
    assert "within blocks (p = 0.005)" in null.why
    for b in range(4):
        assert np.all(null.labels[:, block == b].sum(axis=1) == labels[block == b].sum())


def test_labels_are_dealt_within_sessions():
    session = np.repeat(["a", "b"], 120)
    null = permutation_null(trials(side=RANDOM, session=session), "side")
    assert null.scheme == "within blocks"
    assert np.all(null.labels[:, :120].sum(axis=1) == RANDOM[:120].sum())
    whole = permutation_null(trials(side=ORDER[BLOCK], block=BLOCK % 6, session=session), "side")
    assert whole.scheme == "whole blocks"
    assert whole.n_arrangements == 20 * 20
    assert np.all(whole.labels[:, :120].sum(axis=1) == 60)


@pytest.mark.parametrize(
    "order", [[0, 1] * 6, [1, 0] * 2, [0, 1, 2] * 4, [0, 0, 1, 1] * 3, [0] * 6 + [1] * 6, ["b", "a"] * 5]
)
def test_a_fixed_order_of_blocks_has_no_p_unless_it_was_drawn(order):
    block = np.repeat(np.arange(len(order)), 10)
    x = trials(len(block), side=np.array(order)[block], block=block)
    null = permutation_null(x, "side")
    assert "blocks come in a fixed order (" in null.no_p
    assert "Type randomised=True" in null.no_p
    assert np.isnan(null.p_value(0.9, np.zeros(null.n_shuffles)))
    assert np.isnan(valid_p(null, 0.01))
    drawn = permutation_null(x, "side", randomised=True)
    assert "fixed order" not in drawn.no_p
    assert drawn.no_p == "" or "cannot be below" in drawn.no_p


def test_a_random_order_has_a_p_and_one_that_was_not_randomised_by_word_has_none():
    x = trials(side=ORDER[BLOCK], block=BLOCK)
    assert permutation_null(x, "side").no_p == ""
    assert "the order of the 12 blocks was not randomised" in permutation_null(x, "side", randomised=False).no_p


def test_too_few_arrangements_have_no_p():
    block = np.repeat(np.arange(6), 10)
    x = trials(60, side=np.array([0, 1, 1, 0, 1, 0])[block], block=block)
    null = permutation_null(x, "side")
    # 20 labellings, of which each and its reverse score the same
    assert "the 6 blocks allow 20 labellings of 'side'" in null.no_p
    assert "p cannot be below 0.1, and alpha is 0.05. More blocks are needed" in null.no_p
    assert permutation_null(x, "side", alpha=0.1).no_p == ""


def test_dependence_beyond_three_labels_has_no_p_without_sessions_or_a_simulator():
    slow = np.arange(240) // 20 % 2
    null = permutation_null(trials(side=slow), "side")
    assert null.scheme == "none"
    assert null.labels.shape == (0, 240)
    assert "on more than the 3 before" in null.no_p
    assert "Give sessions= (labels of other sessions) or simulate=" in null.no_p
    with (
        pytest.raises(DesignError, match="Markov surrogates would not be like it"),
        pytest.warns(UserWarning, match='the design says "none"'),
    ):
        permutation_null(trials(side=slow), "side", scheme="pseudosession")


def test_labels_that_alternate_have_one_sequence_only():
    null = permutation_null(trials(side=np.arange(240) % 2), "side")
    assert null.n_arrangements == 1
    assert "only 1 sequences have the transitions of 'side'" in null.no_p


def test_another_scheme_can_be_asked_for_and_a_warning_names_the_designs_own():
    x = trials(side=ORDER[BLOCK], block=BLOCK)
    with pytest.warns(
        UserWarning, match='scheme="all trials" was asked for; the design says "whole blocks", since each'
    ):
        null = permutation_null(x, "side", scheme="all trials")
    assert null.scheme == "all trials"
    assert 'the design says "whole blocks"' in null.why
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert permutation_null(x, "side", scheme="whole blocks").scheme == "whole blocks"


def test_a_scheme_that_the_design_does_not_allow_says_why():
    x = trials(side=RANDOM, block=BLOCK)
    with pytest.raises(DesignError, match=r"knows the schemes session swap, .*; got 'blocks'"):
        permutation_null(x, "side", scheme="blocks")
    for scheme, sentence in {
        "whole blocks": "needs blocks of one 'side' each; here it varies within blocks",
        "whole stimuli": "needs a coordinate \"stimulus\" of which 'side' is a property",
        "session swap": "needs the labels of other sessions: sessions=",
    }.items():
        with pytest.raises(DesignError, match=sentence), pytest.warns(UserWarning, match="the design says"):
            permutation_null(x, "side", scheme=scheme)
    for scheme, sentence in {
        "within blocks": 'needs a coordinate "block" with at least two blocks',
        "whole blocks": "here there are no blocks",
    }.items():
        with pytest.raises(DesignError, match=sentence), pytest.warns(UserWarning, match="the design says"):
            permutation_null(trials(side=RANDOM), "side", scheme=scheme)


def test_missing_labels_one_class_and_no_shuffles():
    with pytest.raises(DesignError, match="at least 2 different labels; all 240 have side = 1"):
        permutation_null(trials(side=np.ones(240, dtype=int)), "side")
    with pytest.raises(DesignError, match="1 of 240 trials have no 'side'"):
        permutation_null(trials(side=np.r_[np.nan, RANDOM[1:]]), "side")
    with pytest.raises(DimensionError, match="'sides' on 'trial'"):
        permutation_null(trials(side=RANDOM), "sides")
    for x, given in designs().values():
        null = permutation_null(x, "side", n_shuffles=0, **given)
        assert null.n_shuffles == 0
        assert np.isnan(null.smallest_p)
        assert np.isnan(null.p_value(0.5, np.empty(0)))


def test_the_stimulus_itself_is_no_property_of_the_stimulus():
    stimulus = np.random.default_rng(0).permutation(240) % 4
    assert permutation_null(trials(stimulus=stimulus), "stimulus").scheme == "all trials"
    renamed = trials(stimulus=stimulus, angle=stimulus * 90.0)
    assert permutation_null(renamed, "angle").scheme == "all trials"


def test_labels_keep_their_type():
    for labels in (np.where(RANDOM, "left", "right").astype(object), RANDOM.astype(bool), RANDOM * 0.5):
        null = permutation_null(trials(side=labels), "side", n_shuffles=5)
        assert null.labels.dtype == labels.dtype
        assert set(null.labels.ravel()) == set(labels)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_shuffles": -1}, "n_shuffles"),
        ({"seed": None}, "seed"),
        ({"alpha": "a"}, r"alpha is the level .* got 'a'. Type alpha=0.05"),
        ({"alpha": 2}, r"between 0 and 1; got 2"),
        ({"randomised": "yes"}, r"randomised says .* True or False; got 'yes'"),
        ({"sessions": 3}, r"sessions takes the labels of other sessions, a list of arrays; got int"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(wrong, said):
    with pytest.raises(DesignError, match=said):
        permutation_null(trials(side=RANDOM), "side", **wrong)
