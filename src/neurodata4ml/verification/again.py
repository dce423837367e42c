"""The study of a report, run again: all of it, or a random tenth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies.across.across import over_recordings
from neurodata4ml.studies.progress import Progress
from neurodata4ml.studies.run import run_study
from neurodata4ml.study_keys import ANALYSES

TENTH = 0.1

Pair = tuple[str, str]
"""A recording, empty in a study of one, and a section."""

ANALYSIS_OF = {section: name for name, section in ANALYSES.items()}
"""Section -> the word for it among the ``analyses`` of a study; what is not here comes by itself."""


def sections_of(results: Results) -> list[str]:
    """Return the sections of one recording, those that it has and those that it says it lacks."""
    return [name for name in dict.fromkeys([*results.arrays, *results.missing]) if not name.startswith("sessions/")]


def all_pairs(stored: Results, parts: Mapping[str, Spec]) -> list[Pair]:
    """Return every section of every recording that both the report and the study have."""
    held = stored.sessions or {"": stored}
    return [(key, section) for key in parts if key in held for section in held[key].arrays]


def a_tenth(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """Return a random tenth of the pairs, at least one, in their order."""
    n = max(1, round(TENTH * len(pairs)))
    chosen = np.random.default_rng(seed).choice(len(pairs), size=n, replace=False)
    return [pairs[i] for i in sorted(chosen.tolist())]


def run_whole(spec: Spec, workers: int, progress: Progress | None) -> dict[str, Results]:
    """Run the study again; return the results by recording, of many also what they say together under ``""``."""
    results = run_study(spec, workers=workers, progress=progress)
    return {"": results, **results.sessions}


def run_part(parts: Mapping[str, Spec], pairs: Sequence[Pair], progress: Progress | None) -> dict[str, Results]:
    """Run only some sections of some recordings again; return what came, by recording."""
    found = {}
    for key in dict.fromkeys(key for key, _ in pairs):
        wanted = tuple(ANALYSIS_OF[section] for one, section in pairs if one == key and section in ANALYSIS_OF)
        found[key] = run_study(replace(parts[key], analyses=wanted or parts[key].analyses), progress=progress)
    return found


def summed_up(stored: Results) -> Results:
    """Return the results of a study of many with what its recordings, as they are stored, say together."""
    return replace(stored, arrays=over_recordings(stored.sessions))
