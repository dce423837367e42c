"""A recording and a catalog entry whose every name tries to be more than a name, and their harmless twins."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import tomli_w
from pynwb import NWBFile
from pynwb.file import Subject

import twins

NAMES = (
    "<script>alert(1)</script>",
    '" onload="alert(2)',
    "</style><b>bold</b>",
    "</script><img src=x onerror=alert(3)>",
    "<!-- --!> ]]> <![CDATA[",
    "{{7*7}} {% raw %} ${8*8} #{9*9}",
    "$x^2$ \\alpha \\frac{a}{b}",
    "\u202egnp.exe\u202c \u200f\u2067rtl\u2069",
    "a\x01b\x1b[31mc\x7f\x85\u2028\u2029d",
    "\U0001f9e0\U0001f469\u200d\U0001f52c e\u0301 Z\u0351\u036b\u0343\u036a\u0302 \u5b57",
    "javascript:alert(4) data:text/html,<script>alert(5)</script> file:///etc/passwd",
    "&lt;script&gt; &amp; &#60;svg onload=alert(6)&#62; '\"`",
    "=cmd|' /C calc'!A0 \\u003cscript> %3Cscript%3E",
    "long " * 2000,
)
"""Markup, quotes, ends of what may hold them, templates, formulas, direction marks, controls, 10,000 characters."""


class Names:
    """Hands out names one by one: hostile ones, or harmless ones of the same number of kinds."""

    def __init__(self, hostile: bool) -> None:
        self.hostile, self.given = hostile, 0

    def __call__(self, what: str) -> str:
        """Return the next name for ``what``."""
        self.given += 1
        return f"{what} {NAMES[self.given % len(NAMES)]}" if self.hostile else f"{what} {self.given}"


def recording(path: Path, *, hostile: bool, n_stimuli: int = 6, n_repeats: int = 10, seed: int = 0) -> Path:
    """Write a file, by pynwb, of 12 units in 2 areas that tell stimuli apart; its numbers are the same either way."""
    name, rng = Names(hostile), np.random.default_rng(seed)
    nwb = NWBFile(
        name("session"),
        "own",
        datetime(2026, 1, 1, tzinfo=UTC),
        session_id=name("session"),
        experiment_description=name("experiment"),
        lab=name("lab"),
        institution=name("institution"),
        subject=Subject(subject_id="nobody", species="Mus musculus", age="P9D", description=name("subject")),
    )
    probe = nwb.create_device("probe", description=name("device"))
    group = nwb.create_electrode_group("group", description=name("group"), location=name("place"), device=probe)
    for _ in range(2):
        nwb.add_electrode(location=name("area"), group=group)
    shown = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_repeats)])
    start = 1.0 + np.arange(shown.size)
    tuning = rng.gamma(2.0, 10.0, (12, n_stimuli))
    for unit in range(12):
        counts = rng.poisson(tuning[unit, shown] * 0.5)
        times = np.sort(np.concatenate([s + rng.uniform(0, 0.5, n) for s, n in zip(start, counts, strict=True)]))
        nwb.add_unit(spike_times=times, electrodes=[unit % 2])
    words = [name("stimulus") for _ in range(n_stimuli)]
    nwb.trials = twins.intervals(
        "trials", start, start + 0.5, kind=[words[k] for k in shown], note=[name("note")] * shown.size
    )
    return twins.write(nwb, path)


def entry(folder: Path, file: Path, *, hostile: bool) -> str:
    """Write a catalog entry of that file into ``folder``; return the dataset's name."""
    name = Names(hostile)
    facts = {
        "name": "own",
        "title": name("title"),
        "summary": name("summary"),
        "archive": "local",
        "version": "1",
        "license": name("licence"),
        "citation": name("citation"),
        "species": name("species"),
        "modality": name("modality"),
        "task": name("task"),
        "areas": [name("area")],
        "caveats": [name("caveat") for _ in NAMES],
        "default_session": "one",
        "sessions": {"one": {"path": str(file), "note": name("note")}},
        "layout": {
            "default_trials": "trials",
            "area": {
                "column": "electrodes",
                "table": "general/extracellular_ephys/electrodes",
                "value": "location",
            },
            "trials": {"trials": {"table": "intervals/trials", "stimulus": "kind", "window": [0.0, 0.5]}},
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.toml").write_text(tomli_w.dumps(facts), encoding="utf-8")
    return "own"
