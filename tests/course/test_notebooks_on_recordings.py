"""Notebooks that promise it run on real recordings by changing the cell that opens the data."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebook_runs import NOTEBOOKS, code, run, source, verdicts

from conftest import ROOT, real_data

BRINGS = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import recordings; import neurodata4ml as nd\n"

ALM = "counts = recordings.alm(); counts = counts.assign_coords(stimulus=counts.choice)\n"
RAT = "counts = recordings.linear_track_trials()\n"
MOUSE = (
    "import numpy as np\ncounts = recordings.steinmetz(1)\n"
    "side = np.sign(counts.left.values - counts.right.values).astype(int)\n"
    "counts = counts.assign_coords(stimulus=('trial', side), unit=np.arange(counts.sizes['unit']))\n"
)
SUMMED = "counts = counts.sum('time')\n"

BEFORE = "before = counts.sum('time', keep_attrs=True)\n"

DATA = {
    "02": {
        "mouse-alm": ALM + BEFORE + "target, outcome, seen = 'choice', '', ''\n",
        "linear-track": RAT + BEFORE + "target, outcome, seen = 'stimulus', '', ''\n",
        "steinmetz2019": MOUSE
        + "counts = counts.isel(trial=side != 0).coarsen(time=3).sum(keep_attrs=True)\n"
        + "counts.attrs['bin_width'] = 0.03\n"
        + BEFORE
        + "target, outcome, seen = 'stimulus', 'feedback', ''\n",
    },
    "03": {"mouse-alm": ALM, "linear-track": RAT, "steinmetz2019": MOUSE},
    "08": {
        "mouse-alm": ALM
        + "session = nd.open_session(next(recordings.real_data('mouse-alm').glob('*.nwb')), trials='trials')\n"
        + SUMMED,
        "linear-track": RAT + "session = recordings.linear_track_session()\n" + SUMMED,
        "steinmetz2019": MOUSE + SUMMED + "session = counts.to_dataset(name='counts')\n"
        "session = session.assign_coords(stop_time=('trial', session.start_time.values + 0.39))\n",
    },
}
"""Notebook -> recording -> what stands in its cell with the tag ``data``."""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("number", "recording"), [(n, name) for n, its in DATA.items() for name in its])
def test_a_notebook_runs_on_a_real_recording(number: str, recording: str, tmp_path: Path) -> None:
    """Every answer that can be given is right; what the recording does not have is left open."""
    real_data(recording)
    notebook = source(next(path for path in NOTEBOOKS if path.stem.startswith(number)))
    (opens,) = [cell for cell in code(notebook) if "data" in cell.metadata.get("tags", [])]
    opens.source = BRINGS + DATA[number][recording]
    marks = verdicts(run(notebook, tmp_path))
    assert set(marks.values()) <= {"✓", "…"}, marks
    assert list(marks.values()).count("✓") >= 3
