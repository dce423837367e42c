"""How far a study is, as it is told: on a terminal, in a log, and not at all."""

from __future__ import annotations

import io
import sys

import pytest

from clocks import own_time
from neurodata4ml.studies import progress
from neurodata4ml.studies.progress import Step, Steps, shown, spoken_time

DONE = Step("done", "721123822", 4, 30, took=21.2, left=480.0, has_ended=True)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (21.2, "21 s"), (99.0, "99 s"), (100.0, "2 min"), (480.0, "8 min"), (7500.0, "2 h 5 min")],
)
def test_a_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert spoken_time(seconds) == said


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (DONE, "session 4 of 30: 721123822 done in 21 s; about 8 min left"),
        (
            Step("no unit is left", "7", 4, 30, took=2, left=480.0, has_ended=True),
            "session 4 of 30: 7 failed: no unit is left; about 8 min left",
        ),
        (Step("decoding", "7", 4, 30), "session 5 of 30: 7: decoding"),
        (Step("decoding", "", 2, 9, took=4.0, left=30.0), "step 3 of 9: decoding (4 s so far; about 30 s left)"),
        (Step("open", "", 0, 9), "step 1 of 9: open (0 s so far)"),
        (Step("begun anew: seed"), "begun anew: seed"),
    ],
)
def test_a_step_is_a_line(step: Step, line: str) -> None:
    assert str(step) == line


def test_the_time_left_of_one_recording_follows_from_the_share_of_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 100.0, 106.0, 107.0])
    own_time(monkeypatch, progress, monotonic=lambda: next(now))
    monkeypatch.setattr(progress, "SHARES", {"open": 3.0, "decoding": 10.0, "latents": 0.5})
    told: list[Step] = []
    steps = Steps(["open", "decoding", "latents"], told.append)
    for name in ("open", "decoding", "latents"):
        steps.begin(name)
    assert [(one.n_done, one.took) for one in told] == [(0, 0.0), (1, 6.0), (2, 7.0)]
    assert told[0].left is None
    assert told[1].left == pytest.approx(6.0 * 10.5 / 3.0)
    assert told[2].left == pytest.approx(7.0 * 0.5 / 13.0)


def test_without_a_terminal_every_recording_is_a_line_but_not_each_of_its_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with shown() as tell:
        assert tell is not None
        for step in (Step("2 workers"), Step("decoding", "721123822", 3, 30), DONE):
            tell(step)
    assert capsys.readouterr().err.splitlines() == ["2 workers", str(DONE)]


def test_a_study_of_one_tells_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as tell:
        assert tell is not None
        tell(Step("decoding", "", 2, 9))
    assert capsys.readouterr().err == "step 3 of 9: decoding (0 s so far)\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(quiet=True) as tell:
        assert tell is None
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar_with_the_present_step_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with shown() as tell:
        assert tell is not None
        tell(Step("[red]decoding", "721123822", 3, 30, left=480.0))
        tell(DONE)
    said = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "4/30" in said
    assert "about 8 min left" in said
    assert str(DONE) in said


def test_words_of_a_file_are_no_markup_of_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "120")
    with shown() as tell:
        assert tell is not None
        tell(Step("[bold]no unit", "[/red]", 1, 2, has_ended=True))
    assert "[/red] failed: [bold]no unit" in sys.stderr.getvalue()  # type: ignore[attr-defined]
