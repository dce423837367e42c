"""The whole path on recordings that somebody else made: real ones, and twins that pynwb wrote."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

import twins
from conftest import real_data
from neurodata4ml.errors import DesignError
from neurodata4ml.report.folder import write_report
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.answers.answers import ANSWERS
from neurodata4ml.studies.material import coarse_bin_width, prepare
from neurodata4ml.studies.run import run_study
from neurodata4ml.studies.selection import _labels as material_labels

ALM = {"trials": "trials", "by": "type", "align": "cue_start_time", "window": (-1.2, 0.6), "n_shuffles": 19}


@pytest.fixture(scope="module", params=["real", "twin"])
def alm(request, tmp_path_factory):
    """A mouse that licks left or right after a cue; trials in which it did not take part have no cue."""
    if request.param == "real":
        return real_data("mouse-alm/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb")
    return twins.alm_twin(tmp_path_factory.mktemp("alm") / "alm.nwb", n_trials=120)


@pytest.fixture(scope="module")
def results(alm):
    return run_study(read_spec(alm, **ALM))


def cues(path):
    with h5py.File(path) as file:
        return file["intervals/trials/cue_start_time"][()]


def test_trials_without_the_event_are_dropped_and_counted(alm, results):
    without = int(np.isnan(cues(alm)).sum())
    assert without > 0
    assert results.data["trials_dropped"] == {"cue_start_time is NaN": without}
    assert results.data["n_trials"] == len(cues(alm)) - without


def test_a_question_that_the_recording_cannot_answer_is_one_sentence(results):
    assert set(results.missing) == {"dimensionality", "reliability", "rdms", "encoding", "similarity", "truth"}
    assert "an RDM needs at least 4 conditions; 'type' has 2: lick left, lick right" in results.missing["rdms"]
    assert results.missing["truth"].startswith("nobody knows the truth of a real recording")


def test_the_page_says_what_was_dropped(results, tmp_path):
    page = write_report(results, tmp_path / "report").read_text(encoding="utf-8")
    assert "cue_start_time is NaN" in page
    assert "RDM needs at least 4 conditions" in page


def test_the_delay_is_decoded_from_folds_that_no_shuffle_can_flatter(results):
    found = results.arrays["decoding"]
    assert found.attrs["target"] == "type"
    assert found.attrs["folds"] == "contiguous"
    assert (found["accuracy_window_low"] <= found["accuracy_window"]).all()
    assert (found["accuracy_window"] <= found["accuracy_window_high"]).all()


def test_the_file_is_named_by_its_digest(alm, results):
    import hashlib

    assert results.data["sha256"] == hashlib.sha256(alm.read_bytes()).hexdigest()
    assert results.data["size"] == alm.stat().st_size


def test_results_come_back_from_disk_as_they_were(results, tmp_path):
    again = Results.load(results.save(tmp_path / "results.json"))
    assert again.missing == results.missing
    assert again.spec == json.loads(json.dumps(results.spec))
    for name, array in results.arrays.items():
        for variable in array.data_vars:
            np.testing.assert_array_equal(again.arrays[name][variable].values, array[variable].values)


def test_results_of_another_schema_are_refused(tmp_path):
    path = tmp_path / "results.json"
    path.write_text('{"schema": "something/9"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"has the schema 'something/9'; this version reads"):
        Results.load(path)


def test_the_same_study_gives_the_same_numbers(alm):
    first, again = (run_study(read_spec(alm, **ALM)).to_dict() for _ in range(2))
    assert first == again


def test_where_selects_and_counts(alm):
    spec = read_spec(alm, **ALM, where="type == 'lick left' or type == 'lick right'")
    assert prepare(spec).trials_dropped == {"cue_start_time is NaN": int(np.isnan(cues(alm)).sum())}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "tpye"}, "by = 'tpye' is not a column of the trial table.* Columns: .*type"),
        ({"align": "cue"}, "align = 'cue' is not a column of the trial table"),
        ({"by": None}, "have no stimulus column that the catalog names. Say which .*--by COLUMN"),
        ({"where": "start_time < 0"}, r"no trial is left of \d+: .*not start_time < 0"),
    ],
)
def test_a_question_with_a_mistake_says_what_to_type(alm, options, message):
    with pytest.raises(DesignError, match=message):
        run_study(read_spec(alm, **{**ALM, **options}))


def test_a_misspelt_network_is_an_error_and_not_a_missing_section(alm):
    with pytest.raises(DesignError, match=r"no network 'digitz'\. Did you mean 'digits'"):
        run_study(read_spec(alm, **ALM, networks=("digitz",)))


def test_one_trial_is_too_few_for_a_mean_over_trials(tmp_path):
    path = twins.alm_twin(tmp_path / "alm.nwb")
    results = run_study(read_spec(path, **{**ALM, "align": "start_time", "window": (0.0, 0.5)}, where="start_time < 1"))
    assert "needs" in results.missing["decoding"] or "need" in results.missing["decoding"]
    assert results.missing["psth"].startswith("responses over time need at least 2 trials; 1 is left")


def test_trials_whose_window_touches_an_invalid_interval_are_counted(tmp_path):
    path = twins.allen_twin(tmp_path / "allen.nwb", n_blocks=6)
    spec = Spec(source=str(path), trials="natural_scenes_presentations", by="frame")
    narrow, wide = (prepare(replace(spec, window=w)) for w in ((0.0, 0.25), (-2.0, 0.25)))
    for material in (narrow, wide):
        total = material.counts.sizes["trial"] + sum(material.trials_dropped.values())
        assert total == 6 * 7
    assert wide.counts.sizes["trial"] < narrow.counts.sizes["trial"]


def test_conditions_of_mixed_kinds_become_text(tmp_path):
    mixed = np.array([1, "two", 1.5], dtype=object)
    assert material_labels(mixed).tolist() == ["1", "two", "1.5"]


def test_progress_names_every_step(tmp_path):
    path = twins.alm_twin(tmp_path / "alm.nwb", n_trials=60)
    told = []
    run_study(read_spec(path, **ALM), progress=told.append)
    assert list(dict.fromkeys(step.name for step in told if not step.has_ended)) == ["open", *ANSWERS]


def test_a_file_without_images_says_so_where_networks_would_stand(tmp_path):
    path = twins.allen_twin(tmp_path / "allen.nwb", n_blocks=12)
    spec = Spec(source=str(path), trials="natural_scenes_presentations", by="frame", n_shuffles=9)
    results = run_study(spec)
    assert "no images" in results.missing["similarity"]
    assert "rdms" in results.arrays


@pytest.mark.parametrize(
    ("window", "width"), [((0.0, 0.25), 0.025), ((-1.2, 0.6), 0.2), ((-0.5, 1.0), 0.1), ((0.1, 0.33), 0.02)]
)
def test_wider_bins_are_round_and_never_lie_astride_the_event(window, width):
    found = coarse_bin_width(window, 10)
    assert found == width or window == (0.1, 0.33)
    for part in (abs(window[0]), abs(window[1])) if window[0] < 0 else (window[1] - window[0],):
        assert abs(part / found - round(part / found)) < 1e-6


def test_a_window_that_no_round_width_divides_is_divided_evenly():
    assert coarse_bin_width((0.0, 0.2345678), 10) == pytest.approx(0.02345678)
