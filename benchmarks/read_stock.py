"""What is read: real NWB files, written by pynwb, the same each time, kept for the next time.

    python benchmarks/read_stock.py FOLDER [--scale 0.001]

Files that are there already, from the same recipe, stay. Beside each lies ``<file>.json``: what it holds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pynwb
from pynwb.file import Subject

from read_answers import describe
from read_contents import CONTENTS, Made, Scale

RECIPE = 2
"""Counts up when the files change: what an older recipe wrote is written anew."""

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

FILES = {
    "spikes-contiguous.nwb": Made("spikes"),
    "spikes-gzip-40kB.nwb": Made("spikes", (5_000,)),
    "spikes-gzip-10MB.nwb": Made("spikes", (1_250_000,)),
    "calcium-gzip-100kB.nwb": Made("calcium", (782, 32)),
    "calcium-gzip-4MB.nwb": Made("calcium", True),
    "calcium-gzip-10MB.nwb": Made("calcium", (11_150, 223)),
    "many-objects.nwb": Made("many"),
}
"""The calcium-like one: in the chunks that h5py chooses; in those that pynwb chooses now, of all ROI; in neuroconv's,
of about 10 MB in the proportions of the array."""

ZARR = "spikes.nwb.zarr"
"""The Neuropixels-like file once more, written by hdmf-zarr in the environment of the peers."""


def prepare(folder: Path, names: Sequence[str], scale: Scale, peers_python: str = "") -> dict[str, dict[str, Any]]:
    """Write the files that are not yet in ``folder``; return what each holds, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _prepared(folder / name, scale, peers_python) for name in names}


def _prepared(path: Path, scale: Scale, peers_python: str) -> dict[str, Any]:
    recipe = {"recipe": RECIPE, **asdict(scale)}
    beside = path.with_name(f"{path.name}.json")
    if beside.exists() and path.exists():
        held: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        if held["made"] == recipe:
            return held
    if path.name == ZARR:
        held = _write_zarr(path, scale, peers_python)
    else:
        write(path, FILES[path.name], scale)
        held = describe(path, scale)
    held = {"made": recipe, **held}
    beside.write_text(json.dumps(held, indent=1), encoding="utf-8")
    return held


def write(path: Path, made: Made, scale: Scale) -> None:
    """Write one file with pynwb."""
    file = pynwb.NWBFile(
        session_description="For the benchmark.", identifier=path.name, session_start_time=START,
        subject=Subject(subject_id="mouse", species="Mus musculus", age="P90D", sex="F"),
    )  # fmt: skip
    CONTENTS[made.kind](file, made, scale)
    with pynwb.NWBHDF5IO(path, "w") as io:
        if made.chunks:
            io.write(file)
        else:
            io.write(file, expandable=())  # else pynwb cuts every column into chunks, so that it may grow


def _write_zarr(path: Path, scale: Scale, peers_python: str) -> dict[str, Any]:
    """Let hdmf-zarr export the contiguous file; it needs zarr 2, which only the peers' environment has."""
    plain = path.with_name("spikes-contiguous.nwb")
    held = _prepared(plain, scale, peers_python)
    shutil.rmtree(path, ignore_errors=True)
    program = (
        "import sys, pynwb, hdmf_zarr\n"
        "with pynwb.NWBHDF5IO(sys.argv[1], 'r') as source, hdmf_zarr.NWBZarrIO(sys.argv[2], mode='w') as zarr:\n"
        "    zarr.export(src_io=source, write_args={'link_data': False})\n"
    )
    subprocess.run([peers_python, "-c", program, str(plain), str(path)], check=True)
    return {**held, "all_bytes": 0, "unit_bytes": 0, "chunk_nodes": []}


def main() -> None:
    """Write all files of HDF5."""
    parser = argparse.ArgumentParser(description="the files of benchmarks/read.py")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    for name, held in prepare(given.folder, list(FILES), Scale().times(given.scale)).items():
        print(name, held["shapes"])


if __name__ == "__main__":
    main()
