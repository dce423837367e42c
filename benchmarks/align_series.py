"""How fast `align_series` is: calcium around events, against xarray, numpy and dask, in memory and from HDF5.

    python benchmarks/align_series.py            # some minutes; exit code 1 where a wanted ratio is missed
    python benchmarks/align_series.py --quick    # one run, and only of what decides

2,000 ROI x 100,000 frames around 5,950 events; `benchmarks/align.py` runs it after the spikes. What is measured, and
how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from verdict import Row, compare, exit_code, table

OURS = "neurodata4ml"
RATE = 30.0
MB = 1e6
MOST_MB = 320
"""Megabytes beyond the result that reading a file may take: a few blocks of 64 MB."""


@dataclass(frozen=True)
class Size:
    """How much is aligned."""

    n_rois: int = 2000
    n_frames: int = 100_000
    n_events: int = 5950


@dataclass(frozen=True)
class Course:
    """Which bins are asked for, who runs, and the ratios that we want.

    ``parts`` says for a slow peer which part of the events it does; its seconds are multiplied.
    """

    title: str
    window: tuple[float, float]
    bin_width: float
    peers: tuple[str, ...]
    wanted: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)


COURSES = (
    Course(
        "The mean of the 250 ms after each event, in memory",
        (0.0, 0.25),
        0.25,
        ("xarray slices", "numpy slices", "dask"),
        {"xarray slices": 20.0, "numpy slices": 0.5},
        {"xarray slices": 10, "dask": 50},
    ),
    Course(
        "Ten bins of 100 ms around each event, in memory",
        (-0.25, 0.75),
        0.1,
        ("xarray slices", "numpy slices"),
        {"xarray slices": 20.0, "numpy slices": 0.5},
        {"xarray slices": 50},
    ),
)
FROM_FILE = Course(
    "The mean of the 250 ms after each event, from an HDF5 file in chunks",
    (0.0, 0.25),
    0.25,
    ("h5py per trial", "dask"),
    {},
    {"h5py per trial": 10, "dask": 50},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the courses, print a table each; return 1 where a wanted ratio is missed or memory is not bounded."""
    its = argparse.ArgumentParser(description="align_series against xarray, numpy and dask")
    its.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    its.add_argument("--quick", action="store_true", help="one run, and only of what decides")
    its.add_argument("--folder", type=Path, help="where to write the file (0.8 GB); default: the system's /tmp")
    its.add_argument("--child", nargs=2, metavar=("CONTENDER", "FILE"), help=argparse.SUPPRESS)
    given = its.parse_args(arguments)
    if given.child:
        print(json.dumps(aligned_from_file(*given.child)))
        return 0
    return run(Size(), n_runs=1 if given.quick else given.runs, is_quick=given.quick, folder=given.folder)


def run(size: Size, *, n_runs: int, is_quick: bool = False, folder: Path | None = None) -> int:
    """Hold all courses with series of this size; return 1 where something wanted is missed."""
    print(
        f"{size.n_rois:,} ROI x {size.n_frames:,} frames at {RATE:g} Hz, float32; {size.n_events:,} events; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start"
    )
    session, codes = recording(size), []
    for course in COURSES:
        peers = [peer for peer in course.peers if not is_quick or peer in course.wanted]
        codes.append(hold(course, session, peers, n_runs))
    with tempfile.TemporaryDirectory(prefix="neurodata4ml-bench-", dir=folder) as where:
        path = write(session, Path(where) / "calcium.nwb")
        del session
        codes.append(hold_from_file(FROM_FILE, path, [] if is_quick else FROM_FILE.peers, n_runs))
    return max(codes)


def recording(size: Size) -> xr.Dataset:
    """Return a session in memory, as ``open_session`` lays it out: noise, and events at random times."""
    rng = np.random.default_rng(0)
    clock = np.arange(size.n_frames) / RATE
    event = np.sort(rng.uniform(1.0, clock[-1] - 1.0, size.n_events))
    return xr.Dataset(
        {"dff": (("dff_time", "unit"), rng.standard_normal((size.n_frames, size.n_rois), dtype=np.float32))},
        coords={
            "dff_time": clock,
            "unit": np.arange(size.n_rois),
            "trial": np.arange(size.n_events),
            "start_time": ("trial", event),
        },
    )


def write(session: xr.Dataset, path: Path) -> Path:
    """Write the session as NWB, in the chunks that h5py chooses."""
    from datetime import UTC, datetime

    from hdmf.backends.hdf5 import H5DataIO
    from pynwb import NWBHDF5IO, NWBFile, TimeSeries

    nwb = NWBFile("calcium", "calcium", datetime(2020, 1, 1, tzinfo=UTC))
    data = H5DataIO(session["dff"].values, chunks=True)
    nwb.add_acquisition(TimeSeries(name="dff", data=data, unit="1", rate=RATE, starting_time=0.0))
    nwb.add_unit(spike_times=[1.0])
    for event in session["start_time"].values:
        nwb.add_trial(start_time=event, stop_time=event + 0.25)
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def hold(course: Course, session: xr.Dataset, peers: Sequence[str], n_runs: int) -> int:
    """Hold a course in memory, print its table, and return 1 where a wanted ratio is missed."""
    names = [OURS, *peers]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    few = session.isel(trial=slice(0, 50))
    truth = align_numpy(few, course)
    for name in names:  # imports, and an index of the clock
        np.testing.assert_allclose(np.asarray(CONTENDERS[name](few, course)), truth, rtol=0, atol=1e-5)
    for number in range(n_runs):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            part = course.parts.get(name, 1)
            n_events = max(50, session.sizes["trial"] // part)
            some = session.isel(trial=slice(0, n_events))
            begun = time.perf_counter()
            values = CONTENDERS[name](some, course)
            seconds[name].append((time.perf_counter() - begun) * session.sizes["trial"] / n_events)
            np.testing.assert_allclose(np.asarray(values[:50]), truth, rtol=0, atol=1e-5)
            del values
    return show(course, seconds, session["dff"].nbytes)


def show(course: Course, seconds: Mapping[str, Sequence[float]], n_bytes: int) -> int:
    """Print the table of a course; return 1 where a wanted ratio is missed."""
    scaled = [f"{name}: 1 in {part} events, times {part}" for name, part in course.parts.items() if name in seconds]
    rows: list[Row] = compare(seconds, ours=OURS, n_bytes=n_bytes, wanted=course.wanted)
    print(f"\n{table(course.title, rows)}")
    print(*(f"  ({line})" for line in scaled), sep="\n", flush=True)
    return exit_code(rows)


def hold_from_file(course: Course, path: Path, peers: Sequence[str], n_runs: int) -> int:
    """Hold the course from a file, each contender in processes of its own; print its table and its memory."""
    names = [OURS, *peers]
    said: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(n_runs):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            line = [sys.executable, str(Path(__file__)), "--child", name, str(path)]
            done = subprocess.run(line, capture_output=True, text=True, check=True)
            said[name].append(json.loads(done.stdout.splitlines()[-1]))
    seconds = {name: [one["seconds"] for one in all_] for name, all_ in said.items()}
    code = show(course, seconds, path.stat().st_size)
    most = max(one["beyond"] for one in said[OURS])
    is_bounded = most <= MOST_MB
    print(
        f"  memory of {OURS} beyond its result: {most:.0f} MB, of a file of {path.stat().st_size / MB:.0f} MB; "
        f"wanted <= {MOST_MB} MB  {'ok' if is_bounded else 'MISSED'}",
        flush=True,
    )
    return max(code, int(not is_bounded))


def aligned_from_file(name: str, path: str) -> dict[str, float]:
    """Align from a file in this process; return seconds, and megabytes taken beyond the result."""
    course = FROM_FILE
    align = FROM_FILE_CONTENDERS[name]
    align(path, course, 20)  # imports, and what is looked up for the first time
    before = memory("VmRSS")
    begun = time.perf_counter()
    values, n_events, n_aligned = align(path, course, None)
    seconds = (time.perf_counter() - begun) * n_events / n_aligned
    return {"seconds": seconds, "beyond": memory("VmHWM") - before - values.nbytes / MB}


def memory(what: str) -> float:
    """Return the megabytes that this process holds (VmRSS), or held at most (VmHWM), as Linux counts them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) * 1024 / MB


def align_ours(session: xr.Dataset, course: Course) -> Any:
    """Return what this package gives."""
    import warnings

    from neurodata4ml import align_series

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that windows overlap
        return align_series(session, "dff", window=course.window, bin_width=course.bin_width)


def align_xarray(session: xr.Dataset, course: Course) -> Any:
    """Return what a user of xarray would write: a slice of time for each event and bin, and its mean."""
    series, edges = session["dff"], edges_of(course)
    trials = [
        xr.concat(
            [
                series.sel(dff_time=slice(event + first, event + last)).mean("dff_time")
                for first, last in itertools.pairwise(edges)
            ],
            "time",
        )
        for event in session["start_time"].values
    ]
    return xr.concat(trials, "trial")


def align_dask(session: xr.Dataset, course: Course) -> Any:
    """Return the same from a dask array, in blocks of 1,000 frames."""
    return align_xarray(session.chunk(dff_time=1000), course).compute()


def align_numpy(session: xr.Dataset, course: Course) -> Any:
    """Return what a user of numpy would write: the same with slices of an array."""
    values, clock, edges = session["dff"].values, session["dff_time"].values, edges_of(course)
    place = np.searchsorted(clock, session["start_time"].values[:, None] + edges)
    result = np.empty((len(place), len(edges) - 1, values.shape[1]), dtype=values.dtype)
    for trial, at in enumerate(place):
        for k in range(len(edges) - 1):
            result[trial, k] = values[at[k] : at[k + 1]].mean(axis=0)
    return result


def edges_of(course: Course) -> np.ndarray:
    """Return the edges of the bins, s from the event."""
    n_bins = round((course.window[1] - course.window[0]) / course.bin_width)
    return np.round(course.window[0] + course.bin_width * np.arange(n_bins + 1), 12)


def file_ours(path: str, course: Course, n_events: int | None) -> tuple[Any, int, int]:
    """Return what this package gives, the number of all events, and of those aligned."""
    from neurodata4ml import open_session

    session = open_session(path, trials="trials")
    aligned = align_ours(session.isel(trial=slice(0, n_events)), course)
    return aligned, session.sizes["trial"], aligned.sizes["trial"]


def file_h5py(path: str, course: Course, n_events: int | None) -> tuple[Any, int, int]:
    """Return the means of slices of an HDF5 dataset, one for each of the first events."""
    import h5py

    with h5py.File(path) as file:
        events = file["intervals/trials/start_time"][:]
        some = events[: n_events or len(events) // course.parts["h5py per trial"]]
        data = file["acquisition/dff/data"]
        place = np.searchsorted(np.arange(len(data)) / RATE, some[:, None] + course.window)
        result = np.stack([data[first:last].mean(axis=0) for first, last in place])
    return result, len(events), len(some)


def file_dask(path: str, course: Course, n_events: int | None) -> tuple[Any, int, int]:
    """Return the same from a dask array over an HDF5 dataset."""
    import dask.array as da
    import h5py

    with h5py.File(path) as file:
        events = file["intervals/trials/start_time"][:]
        some = events[: n_events or len(events) // course.parts["dask"]]
        data = da.from_array(file["acquisition/dff/data"], chunks="auto")
        place = np.searchsorted(np.arange(len(data)) / RATE, some[:, None] + course.window)
        result = da.stack([data[first:last].mean(axis=0) for first, last in place]).compute()
    return result, len(events), len(some)


CONTENDERS: dict[str, Callable[[xr.Dataset, Course], Any]] = {
    OURS: align_ours,
    "xarray slices": align_xarray,
    "numpy slices": align_numpy,
    "dask": align_dask,
}
FROM_FILE_CONTENDERS: dict[str, Callable[[str, Course, int | None], tuple[Any, int, int]]] = {
    OURS: file_ours,
    "h5py per trial": file_h5py,
    "dask": file_dask,
}


if __name__ == "__main__":
    sys.exit(main())
