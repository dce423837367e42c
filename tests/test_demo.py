"""The main job, whole: from the name ``demo`` to a page in which every section answers."""

import json
import re

import numpy as np
import pytest

from neurodata4ml import SECTIONS, compare, decode, open_session, stimulus_images, truth
from neurodata4ml.candidates import candidates_of
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.report.folder import write_report
from neurodata4ml.spec import read_spec
from neurodata4ml.studies.material import DEMO_NETWORKS
from neurodata4ml.studies.run import run_study

TRUE_STAGE = {"early": "digits/conv1", "late": "digits/penultimate"}


@pytest.fixture(scope="module")
def results():
    return run_study(read_spec("demo"))


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    return write_report(results, tmp_path_factory.mktemp("report"))


@pytest.mark.slow
def test_no_section_of_the_demo_is_missing(results):
    assert results.missing == {}


@pytest.mark.slow
def test_every_section_of_the_page_has_a_figure_that_says_what_it_shows(page):
    parts = re.split(r"<section", page.read_text(encoding="utf-8"))[1:]
    assert len(parts) == len(SECTIONS)
    for part in parts:
        if part.startswith(' id="controls"'):  # claims and their controls are words: a table
            assert "<table" in part
            continue
        assert "<svg" in part, part[:200]
        alt = re.findall(r'aria-label="([^"]*)"|<title[^>]*>([^<]*)</title>', part)
        assert any(len(a or b) > 40 for a, b in alt), part[:200]


@pytest.mark.slow
def test_the_page_asks_nothing_of_the_network(page):
    text = page.read_text(encoding="utf-8")
    beside = re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', text)
    assert beside == ["results.json", "results.nc", "study.lock"]
    assert all((page.parent / name).is_file() for name in beside)
    assert "url(http" not in text
    assert page.stat().st_size < 5_000_000


@pytest.mark.slow
def test_results_lie_beside_the_page_as_json(page):
    numbers = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    assert numbers["data"]["n_trials"] == 1994
    assert numbers["data"]["license"]
    assert len(numbers["data"]["sha256"]) == 64


@pytest.mark.slow
@pytest.mark.parametrize("area", TRUE_STAGE)
def test_the_candidates_that_cannot_be_told_from_the_best_contain_the_true_one(results, area):
    found = results.arrays["similarity"].sel(area=area)
    among = found["candidate"].values[found["among_best"].values.astype(bool)]
    assert TRUE_STAGE[area] in among
    assert len(among) < found.sizes["candidate"]


@pytest.mark.parametrize("area", TRUE_STAGE)
def test_on_noise_free_responses_the_true_stage_leads_by_at_least_005(area):
    session = open_session("demo")
    candidates = {one.name: one.values for one in candidates_of(list(DEMO_NETWORKS), stimulus_images(session))}
    here = np.flatnonzero(session["area"].values == area)
    known = compare(truth(session)["mean_response"].isel(unit=here), candidates)["similarity"].to_series()
    ranked = known.sort_values(ascending=False)
    assert ranked.index[0] == TRUE_STAGE[area]
    assert ranked.iloc[0] - ranked.iloc[1] >= 0.05


@pytest.mark.slow
def test_the_demo_says_everywhere_that_it_is_simulated(results, page):
    assert results.data["simulated"] == "yes"
    assert "simulated" in page.read_text(encoding="utf-8").lower()
    assert "imulated" in open_session("demo").attrs["note"]


@pytest.mark.slow
def test_another_seed_is_another_session_of_the_same_units():
    first, other = open_session("demo"), open_session("demo", 7)
    assert first.attrs["sha256"] != other.attrs["sha256"]
    assert first.sizes["spike"] != other.sizes["spike"]
    np.testing.assert_array_equal(first["unit"], other["unit"])


def test_before_the_latency_no_scene_can_be_decoded():
    counts = bin_spikes(open_session("demo"), window=(0, 0.04), bin_width=0.04).sum("time")
    early = counts.isel(unit=np.flatnonzero(counts["area"].values == "early"))
    assert float(decode(early, n_shuffles=99)["p_value"]) > 0.01


def test_truth_follows_a_selection_of_units():
    session = open_session("demo")
    some = [5, 2, 90]
    np.testing.assert_allclose(
        truth(session.isel(unit=some))["mean_response"], truth(session)["mean_response"].isel(unit=some)
    )
