"""A study of many recordings: which they are, what each has of its own, and what becomes of one that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crowds import many_files, of_one
from neurodata4ml.errors import CatalogError, DesignError, NeuroDataError
from neurodata4ml.names import is_portable
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies import many, one
from neurodata4ml.studies.progress import Step
from neurodata4ml.studies.recordings import recordings, seed_of
from neurodata4ml.studies.run import run_study


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """Three recordings on the disk, of which the second is no NWB file."""
    spec = many_files(tmp_path_factory.mktemp("many"))
    assert spec.files is not None
    Path(spec.files[1]).write_text("this is no recording", encoding="utf-8")
    return spec


@pytest.fixture(scope="module")
def told() -> list[Step]:
    return []


@pytest.fixture(scope="module")
def results(asked: Spec, told: list[Step]) -> Results:
    return run_study(asked, progress=told.append)


def test_the_seed_of_a_recording_follows_from_its_name_and_not_from_its_place() -> None:
    there = recordings(Spec(source="demo", sessions=("3", "5", "8"), seed=1))
    back = recordings(Spec(source="demo", sessions=("8", "3"), seed=1))
    assert {key: there[key].seed for key in back} == {key: back[key].seed for key in back}
    assert len({part.seed for part in there.values()} | {1}) == 4
    assert {seed_of(seed, "3") for seed in range(100)}.isdisjoint(seed_of(seed, "5") for seed in range(100))


def test_the_seed_of_a_recording_is_remembered() -> None:
    assert seed_of(0, "721123822") == 930812975, "another seed is another report; a change has to be told"


def test_all_recordings_meet_the_same_untrained_twin() -> None:
    parts = recordings(Spec(source="demo", sessions=("3", "5"), seed=7, options={"activations": {"layers": ["conv1"]}}))
    assert [part.options["activations"] for part in parts.values()] == [{"seed": 7, "layers": ["conv1"]}] * 2


@pytest.mark.parametrize(
    "spec", [Spec(source="demo"), Spec(source="demo", sessions=("all",)), Spec("demo", session="4")]
)
def test_a_study_of_one_keeps_its_seed(spec: Spec) -> None:
    (key, part), *rest = recordings(replace(spec, seed=5)).items()
    assert (key, part.seed, rest) == ("", 5, [])


def test_all_sessions_are_those_of_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    assert len(recordings(Spec(source="allen-vc", sessions=("all",)))) == 32


def test_a_misspelt_session_is_refused_before_any_is_read() -> None:
    with pytest.raises(CatalogError, match=r"allen-vc has no session '721123823'; did you mean '721123822'"):
        recordings(Spec(source="allen-vc", sessions=("715093703", "721123823")))


def test_a_misspelt_file_is_refused_before_any_is_read(asked: Spec) -> None:
    assert asked.files is not None
    wrong = asked.files[0].replace("mouse-0", "mouse-00")
    with pytest.raises(DesignError, match=r"there is no file .*mouse-00\.nwb\. Did you mean 'mouse-0\.nwb'\?"):
        run_study(replace(asked, files=(wrong, *asked.files)))


def test_files_of_one_name_get_keys_of_their_own_that_every_disk_can_hold(tmp_path: Path) -> None:
    names = ["a/rat.nwb", "b/rat.nwb", "c/RAT.nwb", "con.nwb", "a:b<c>.nwb", "\u202etab.nwb", f"{'x' * 200}.nwb"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    keys = list(recordings(Spec(source="-", files=tuple(str(tmp_path / name) for name in names))))
    assert keys[:3] == ["rat", "rat-2", "RAT-3"]
    assert all(map(is_portable, keys))
    assert len({key.casefold() for key in keys}) == len(names)


def test_what_a_recording_says_among_many_it_says_alone(asked: Spec, results: Results) -> None:
    alone = run_study(
        replace(of_one(asked, 2), seed=seed_of(asked.seed, "mouse-2"), options={"activations": {"seed": 0}})
    )
    del alone.missing["truth"]  # nobody asks many for it
    assert alone.to_dict() == results.sessions["mouse-2"].to_dict()


def test_a_recording_that_fails_is_named_and_the_others_go_on(results: Results) -> None:
    assert list(results.sessions) == ["mouse-0", "mouse-2"]
    assert "mouse-1.nwb" in results.missing["sessions/mouse-1"]
    assert results.data["n_recordings"] == 2
    assert results.data["n_trials"] == sum(one.data["n_trials"] for one in results.sessions.values())


def test_a_mistake_of_ours_in_one_recording_says_of_which_kind_it_is(
    asked: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ill(spec: Spec, key: str, **options: object) -> Results:
        raise ZeroDivisionError("one by zero")

    monkeypatch.setattr(one, "one_recording", ill)
    with pytest.raises(NeuroDataError, match="ZeroDivisionError: one by zero"):
        run_study(asked)


def test_where_every_recording_fails_the_first_error_is_raised(asked: Spec) -> None:
    with pytest.raises(DesignError, match=r"by = 'tpye' is not a column .* Did you mean 'type'"):
        run_study(replace(asked, by="tpye"))


def test_no_result_knows_in_which_folder_it_was_made(asked: Spec, results: Results, tmp_path: Path) -> None:
    assert asked.files is not None
    folder = str(Path(asked.files[0]).parent)
    for part in (results, *results.sessions.values()):
        assert folder not in part.save(tmp_path / "results.json").read_text(encoding="utf-8")
    assert results.places == {"mouse-0": asked.files[0], "mouse-2": asked.files[2]}


def test_a_line_is_told_for_every_recording_that_ends(results: Results, told: list[Step]) -> None:
    ended = [str(step) for step in told if step.has_ended]
    assert [line.split(" done in")[0].split(" failed:")[0] for line in ended] == [
        "session 1 of 3: mouse-0",
        "session 2 of 3: mouse-1",
        "session 3 of 3: mouse-2",
    ]
    assert "about" in ended[0]
    assert "left" in ended[0]
    assert [step.name for step in told if step.recording == "mouse-2"][:3] == ["open", "psth", "decoding"]


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_workers_are_counted(asked: Spec, workers: object) -> None:
    with pytest.raises(DesignError, match=r"workers=.* must be a whole number of at least 1"):
        run_study(asked, workers=workers)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP address:RuntimeWarning")
def test_the_threads_of_ones_own_client_change_no_number(asked: Spec, results: Results) -> None:
    from distributed import Client

    with Client(processes=False, n_workers=1, threads_per_worker=3, dashboard_address=None) as client:  # type: ignore[no-untyped-call]
        again = run_study(asked, client=client)
    assert again.to_dict() == results.to_dict()
    assert {key: part.to_dict() for key, part in again.sessions.items()} == {
        key: part.to_dict() for key, part in results.sessions.items()
    }


def test_a_worker_that_died_says_what_to_type() -> None:
    said = str(many._lost(MemoryError()))
    assert said.startswith("the process that asked it ended too early (MemoryError), most often for lack of memory.")
    assert said.endswith("--workers 1.")
