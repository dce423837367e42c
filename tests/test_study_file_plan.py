"""What a study would do: counted from what is here, without the network, and growing with what is asked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest

from archive import guo_alm_twin
from neurodata4ml import describe
from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.estimates import DEMO, memory_of, seconds_of
from neurodata4ml.studies.material import prepare
from neurodata4ml.studies.plan import plan
from neurodata4ml.studies.planned import changed


def seconds(size: Any = DEMO, **options: Any) -> float:
    return sum(seconds_of(Spec("demo", **options), size).values())


def test_the_plan_of_the_demo_says_how_long() -> None:
    found = plan(Spec("demo"))
    assert 10 < found.interval[0] < found.total < found.interval[1] < 200
    assert (found.n_bytes, len(found.parts), found.notes) == (0, 1, ())
    json.dumps(found.to_dict(), allow_nan=False)


def test_more_of_anything_takes_longer_and_less_does_not() -> None:
    usual = seconds()
    assert seconds(n_shuffles=999) > 3 * usual
    assert seconds(replace(DEMO, areas={"early": 600, "late": 600})) > usual
    assert seconds(replace(DEMO, n_trials=20000)) > usual
    assert seconds(replace(DEMO, n_conditions=400)) > usual
    assert seconds(replace(DEMO, n_candidates=100)) > usual
    assert seconds(analyses=("rates",)) < usual
    for table, options in {
        "decode": {"decoder": "svm"},
        "latents": {"method": "gpfa"},
        "dimensionality": {"method": "parallel", "n_shuffles": 999},
        "reliability": {"method": "split_half"},
        "rdm": {"over": "time"},
        "encode": {"encoder": "banded"},
        "compare": {"metric": "predictivity"},
    }.items():
        assert seconds(options={table: options}) > usual, table
    assert memory_of(replace(DEMO, n_trials=200_000)) > memory_of(DEMO)
    many = plan(Spec("demo", sessions=("0", "1", "2")))
    assert len(many.parts) == 3
    assert "truth" not in many.seconds
    one = plan(Spec("demo")).seconds
    assert many.seconds["decode"] == pytest.approx(3 * one["decode"])


def test_what_is_here_is_counted_after_the_filters_of_the_study(tmp_path: Path) -> None:
    path = tmp_path / "alm.nwb"
    guo_alm_twin(path)
    asked = {"trials": "trials", "by": "type", "align": "cue_start_time", "window": (-1.2, 0.6), "units": "all"}
    (every,) = plan(read_spec(path, **asked)).parts
    (left,) = plan(read_spec(path, **asked, where="type == 'lick left'")).parts
    assert every.is_opened
    assert (every.place, every.problem) == ("here", "")
    assert every.size.n_bins == 180
    assert (left.size.n_conditions, every.size.n_conditions) == (1, 2)
    assert 0 < left.size.n_trials < every.size.n_trials
    (none,) = plan(read_spec(path, **asked, where="type == 'nothing'")).parts
    assert "no trial is left" in none.problem


ASKED: dict[str, Any] = {"trials": "trials", "by": "type", "align": "cue_start_time", "window": (-1.2, 0.6)}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alm") / "alm.nwb"
    guo_alm_twin(path)
    return path


MISFITS: list[tuple[str, dict[str, Any], str]] = [
    ("by", {"by": "typ"}, "by = 'typ' is not a column of the trial table. Did you mean 'type'? Columns: "),
    ("align", {"align": "cue_stat_time"}, "is not a column of the trial table. Did you mean 'cue_start_time'?"),
    ("where", {"where": "typpe == 1"}, "names 'typpe', which is not a column of the trials. Did you mean 'type'?"),
    ("where", {"where": "type == 'nothing'"}, "no trial is left"),
    ("areas", {"areas": ("nowhere",)}, "there is no area 'nowhere'."),
    ("units", {"units": "snnr > 2"}, "names 'snnr', which is not a column of the units."),
    ("units", {"units": "unit < 0"}, "no unit is left"),
    ("window", {"window": (0.0, 0.001), "bin_width": 0.01}, "bin_spikes needs whole bins: window=(0, 0.001)"),
    (
        "decode.target",
        {"options": {"decode": {"target": "typ"}}},
        "[decode] target = 'typ' is not a column of the trials",
    ),
    (
        "decode.confounds",
        {"options": {"decode": {"confounds": ["type", "x"]}}},
        "[decode] confounds = 'x' is not a column",
    ),
    ("rdm.by", {"options": {"rdm": {"by": "aera"}}}, "is not a column of the units. Did you mean 'area'?"),
    ("rdm.folds", {"options": {"rdm": {"folds": "blok"}}}, "[rdm] folds = 'blok' is not a column of the trials."),
    (
        "compare.over",
        {"options": {"compare": {"over": "trials"}}},
        "Did you mean 'trial'? It may be: trial, stimulus, unit",
    ),
    (
        "latents.conditions",
        {"options": {"latents": {"method": "dpca", "conditions": ["typ"]}}},
        "conditions = 'typ' is",
    ),
]


@pytest.mark.parametrize(("key", "wrong", "said"), MISFITS)
def test_what_does_not_fit_the_recording_is_told_with_its_key(
    recording: Path, key: str, wrong: dict[str, Any], said: str
) -> None:
    (part,) = plan(read_spec(recording, **{**ASKED, "units": "all", **wrong})).parts
    assert part.key_of_problem == key
    assert said in part.problem


FITS = [{"decode": {"confounds": ["trial"]}}, {"rdm": {"by": "unit"}}, {"compare": {"over": ["stimulus", "unit"]}}]


@pytest.mark.parametrize("options", FITS)
def test_what_the_functions_take_fits(recording: Path, options: dict[str, Any]) -> None:
    (part,) = plan(read_spec(recording, **{**ASKED, "units": "all", "options": options})).parts
    assert (part.problem, part.lacks) == ("", "")


def test_of_many_recordings_one_may_lack_a_column_and_all_may_not(recording: Path, tmp_path: Path) -> None:
    other = shutil.copy(recording, tmp_path / "other.nwb")
    with h5py.File(other, "r+") as file:
        trials = file["intervals/trials"]
        trials.move("type", "kind")
        trials.attrs["colnames"] = ["kind" if name == "type" else name for name in trials.attrs["colnames"]]
    asked = {**ASKED, "by": "cue_start_time", "units": "all", "options": {"decode": {"target": "type"}}}
    found = plan(read_spec(recording, files=[str(recording), str(other)], **asked))
    assert [part.problem for part in found.parts] == ["", ""]
    assert any("other: [decode] target = 'type' is not a column" in note for note in found.notes)
    both = {**asked, "options": {"decode": {"target": "typ"}}}
    found = plan(read_spec(recording, files=[str(recording), str(other)], **both))
    assert all("target = 'typ' is not a column" in part.problem for part in found.parts)


def test_one_of_many_recordings_is_prepared_without_a_column_and_one_alone_is_not(recording: Path) -> None:
    spec = read_spec(recording, **{**ASKED, "units": "all", "options": {"decode": {"target": "typ"}}})
    assert prepare(spec, among_many=True).counts.sizes["trial"] > 0
    with pytest.raises(DesignError, match="target = 'typ' is not a column"):
        prepare(spec)


def test_a_layer_that_no_network_has_is_told(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('dataset = "demo"\nlayers = ["conv9"]\n', encoding="utf-8")
    with pytest.raises(DesignError, match=r"study\.toml, line 2: no network of digits, .* has a layer 'conv9'"):
        plan(read_spec(tmp_path / "study.toml"))


def test_an_option_of_an_analysis_that_is_not_asked_for_need_not_fit(recording: Path) -> None:
    wrong = {"options": {"decode": {"target": "typ"}}, "analyses": ["rates"]}
    (part,) = plan(read_spec(recording, **{**ASKED, "units": "all", **wrong})).parts
    assert part.problem == ""


def test_what_can_be_done_without_is_noted(recording: Path) -> None:
    more = {"order": ["a", "b", "c"], "options": {"decode": {"n_folds": 1000}}}
    found = plan(read_spec(recording, **{**ASKED, "units": "all", **more}))
    assert found.parts[0].problem == ""
    fewest = found.parts[0].fewest
    assert 0 < fewest < 1000
    assert found.notes == (
        "alm: order names a, b, c, not among its areas: it gets no hierarchy score.",
        f"alm: its rarest condition has {fewest} trials, too few for decode's 1000 folds.",
    )
    several = {"options": {"decode": {"n_folds": 1000, "target": "start_time"}}}
    assert plan(read_spec(recording, **{**ASKED, "units": "all", **several})).notes == ()


def test_what_is_not_here_is_told_in_bytes_and_taken_for_something() -> None:
    found = plan(Spec("allen-vc", sessions=("721123822", "715093703")))
    sizes = [describe("allen-vc").sessions[session].size for session in ("721123822", "715093703")]
    assert [part.n_bytes for part in found.parts] == sizes
    assert [part.place for part in found.parts] == ["to fetch", "to fetch"]
    assert not any(part.is_opened for part in found.parts)
    assert "2 of 2 recordings are not here and were not looked into" in found.notes[0]
    assert "118 pictures are fetched besides" in found.notes[1]
    assert found.disk > sum(sizes)


def test_all_sessions_are_those_that_are_known_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(plan(Spec("allen-vc", sessions=("all",))).parts) == 32
    found = plan(Spec("ibl-bwm", sessions=("all",)))
    assert "458 more sessions are in the archive's own list, which was not asked" in "".join(found.notes)


def test_notes_say_what_is_in_vain() -> None:
    found = plan(Spec("demo", analyses=("rates",), options={"decode": {"decoder": "svm"}}))
    assert found.notes == ("[decode] changes nothing: decode is not among the analyses.",)
    assert "holds no spikes" in plan(Spec("allen-vc-2p")).notes[-1]


def test_a_study_that_cannot_be_has_no_plan() -> None:
    with pytest.raises(DesignError, match="has no option"):
        plan(Spec("demo", options={"decode": {"decodr": "svm"}}))


def test_what_is_not_at_its_default_is_listed() -> None:
    spec = Spec("demo", seed=3, options={"decode": {"decoder": "svm"}}, out="x", origin="study.toml")
    assert changed(spec) == {"seed": 3, "out": "x", "decode.decoder": "svm"}
