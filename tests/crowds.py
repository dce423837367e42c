"""Small studies of many recordings, for tests: twins of one layout, each of other spikes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import twins
from conftest import ROOT
from neurodata4ml.data.demo.simulate import Responses, demo_responses, simulate
from neurodata4ml.data.demo.simulated_file import write_recording
from neurodata4ml.spec import Spec

QUESTION: dict[str, Any] = {
    "trials": "trials",
    "by": "type",
    "align": "cue_start_time",
    "window": (-1.0, 0.5),
    "bin_width": 0.1,
    "n_shuffles": 9,
    "analyses": ("rates", "decode"),
}


def many_files(folder: Path, n: int = 3) -> Spec:
    """Write ``n`` recordings into ``folder`` and return the study of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = tuple(str(twins.alm_twin(folder / f"mouse-{k}.nwb", n_trials=30, seed=k)) for k in range(n))
    return Spec(source=files[0], files=files, **QUESTION)


def of_one(spec: Spec, k: int = 0) -> Spec:
    """Return the study of the recording ``k`` alone."""
    assert spec.files is not None
    return replace(spec, source=spec.files[k], files=None)


def small_worlds(folder: Path, n: int = 2) -> Path:
    """Simulate ``n`` sessions of 12 scenes and 24 units, as a dataset ``worlds`` of its own; return its study file.

    Every section can be made of them. The dataset is known where ``NEURODATA4ML_CATALOG`` names ``folder``.
    """
    responses = demo_responses()
    scenes, units = slice(0, 96, 8), slice(0, 120, 5)
    few = Responses(responses.mean_rate[scenes, units], responses.area[units], responses.images[scenes])
    folder.mkdir(parents=True, exist_ok=True)
    sessions = ""
    for seed in range(n):
        write_recording(simulate(few, seed=seed), folder / f"world-{seed}.nwb", seed=seed)
        sessions += f'[sessions.{seed}]\npath = "world-{seed}.nwb"\n\n'
    text = (ROOT / "catalog" / "demo.toml").read_text(encoding="utf-8").replace('name = "demo"', 'name = "worlds"')
    before, rest = text.replace('archive = "simulated"', 'archive = "local"').split("[sessions.0]")
    layout = f"[layout]{rest.split('[layout]')[1]}"
    (folder / "worlds.toml").write_text(f"{before}{sessions}{layout}", encoding="utf-8")
    study = folder / "study" / "study.toml"
    study.parent.mkdir(exist_ok=True)
    study.write_text('dataset = "worlds"\nsessions = "all"\nn_shuffles = 9\nout = "report"\n', encoding="utf-8")
    return study
