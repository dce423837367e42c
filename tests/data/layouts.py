"""Entries of a catalog of one's own for the twins: a layout like that of Allen Visual Coding, and how to write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

ALLEN_LAYOUT: dict[str, Any] = {
    "default_trials": "natural_scenes",
    "area": {
        "column": "peak_channel_id",
        "table": "general/extracellular_ephys/electrodes",
        "key": "id",
        "value": "location",
    },
    "quality": [
        {"column": "quality", "op": "==", "value": "good"},
        {"column": "amplitude_cutoff", "op": "<=", "value": 0.1},
    ],
    "trials": {
        "natural_scenes": {
            "table": "intervals/natural_scenes_presentations",
            "stimulus": "frame",
            "block": "stimulus_block",
            "blank": -1,
            "window": [0.0, 0.25],
        },
        "drifting_gratings": {
            "table": "intervals/drifting_gratings_presentations",
            "stimulus": "orientation",
            "blank": "nan",
        },
        "movie": {"table": "intervals/natural_movie_one_presentations"},
    },
    "series": {"running": "processing/running/running_speed", "pupil": "processing/eye/pupil"},
}


def enter(folder: Path, name: str, path: Path, layout: dict[str, Any]) -> None:
    """Write an entry of a catalog of one's own for the file at ``path``."""
    entry = {
        "name": name,
        "title": "a twin",
        "summary": "made up",
        "archive": "local",
        "version": "1",
        "license": "CC0-1.0",
        "citation": "Nobody 2026",
        "species": "mouse",
        "modality": "Neuropixels",
        "task": "natural scenes",
        "default_session": "one",
        "sessions": {"one": {"path": path.name}},
        "layout": layout,
    }
    (folder / f"{name}.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")
