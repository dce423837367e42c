"""However spikes are counted (numpy, compiled, sparse, lazily; any number of threads), the counts are the same."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from align_worlds import make_session

from neurodata4ml.data.align import counting
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.align.counting import count
from neurodata4ml.data.align.sparse_counts import count_sparsely
from neurodata4ml.data.align.windows import Windows, whole_bins
from neurodata4ml.errors import LayoutError

WAYS = ("numpy", "compiled", "sparse", "sparse, compiled", "lazy")
PIECES = "compiled, long windows in pieces"


def random_case(rng):
    """Few units, few events, and times on so coarse a grid that many a spike lies on an edge, twice or on an event."""
    step = rng.choice([0.1, 0.01, 0.125, 1 / 3])
    grid = np.round(np.arange(-10, 30) * step, rng.choice([3, 12])) + rng.choice([0.0, 1234.567])
    spikes = [
        rng.choice(grid, rng.integers(0, 60)) + rng.choice([0, 1e-9, 0.4 * step]) for _ in range(rng.integers(1, 5))
    ]
    event = rng.choice(grid, rng.integers(1, 8)) + rng.choice([0, 0, 0, 0.3 * step, 100 * step])
    first, n_bins = rng.integers(-5, 3) * step, int(rng.integers(1, 7))
    return make_session(spikes, event), (first, first + n_bins * step), step


@cache
def thousand_cases():
    rng = np.random.default_rng(11)
    cases = [random_case(rng) for _ in range(1000)]
    return [(*case, by_definition(*case)) for case in cases]


def by_definition(session, window, width):
    n_bins = round((window[1] - window[0]) / width)
    edges = np.round(window[0] + np.arange(n_bins + 1) * width, 12)
    left, right = (session.start_time.values[:, None, None] + e[:, None] for e in (edges[:-1], edges[1:]))
    spikes = [
        session.spike_times.values[a:b]
        for a, b in zip(session.spike_start.values, session.spike_stop.values, strict=True)
    ]
    return np.stack([((s >= left) & (s < right)).sum(axis=-1) for s in spikes], axis=-1)


def count_in(way, session, monkeypatch, **options):
    monkeypatch.setattr(counting, "MANY", 0 if "compiled" in way else 1_000_000)
    if way == "lazy":
        return bin_spikes(session, chunks={"unit": 2, "trial": 3}, **options).values
    counts = bin_spikes(session, sparse="sparse" in way, **options)
    return counts.as_numpy().values


@pytest.mark.slow
@pytest.mark.parametrize("way", [*WAYS[:-1], PIECES])
def test_a_thousand_random_sessions_are_counted_as_the_definition_says(way, monkeypatch):
    monkeypatch.setattr(counting, "MANY", 0 if "compiled" in way else 1_000_000)
    monkeypatch.setattr(counting, "MOST_EDGES", 6 if way == PIECES else 1536)
    n_spikes = 0
    for session, window, width, expected in thousand_cases():
        edges, width = whole_bins(window, width, "test")
        windows = Windows(session.trial.values, session.start_time.values, edges, width, {})
        offsets = np.append(0, session.spike_stop.values)
        given = (session.spike_times.values, offsets, windows)
        # one thread takes all events together
        counts = count_sparsely(*given) if "sparse" in way else count(*given, n_threads=2 if way == PIECES else 1)
        np.testing.assert_array_equal(counts.todense() if "sparse" in way else counts, expected)
        n_spikes += expected.sum()
    assert n_spikes > 10_000


@pytest.mark.filterwarnings("ignore:bin_spikes")
@pytest.mark.parametrize("way", WAYS)
def test_bin_spikes_gives_these_counts_in_whatever_way_it_is_asked(way, monkeypatch):
    for session, window, width, expected in thousand_cases()[::20]:
        counts = count_in(way, session, monkeypatch, window=window, bin_width=width)
        np.testing.assert_array_equal(counts, expected)


def test_a_whole_recording_is_counted_alike_in_all_ways(monkeypatch):
    rng = np.random.default_rng(3)
    session = make_session([np.round(rng.uniform(0, 50, n), 2) for n in (1, 0, 400, 300)], [1.0])
    options = {"align": None, "window": (0.5, 48), "bin_width": 0.25}
    edges = np.arange(0.5, 48.1, 0.25)
    spikes = [session.spike_times.values[a:b] for a, b in ((0, 1), (1, 1), (1, 401), (401, 701))]
    expected = np.stack([np.histogram(np.append(s, 48.0), edges)[0] - np.eye(190, dtype=int)[-1] for s in spikes], -1)
    for way in WAYS[:-1]:
        np.testing.assert_array_equal(count_in(way, session, monkeypatch, **options), expected)
    for chunks in (3, {"time": 7}, {"unit": 1, "time": 100}):
        lazy = bin_spikes(session, chunks=chunks, **options)
        assert lazy.dims == ("time", "unit")
        np.testing.assert_array_equal(lazy, expected)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("n_edges", [30, 100, 1536])  # less than a window has, two windows, all
@pytest.mark.parametrize("apart", [0.2, 0.7, 7.0])  # five windows overlap, two, none
def test_any_number_of_threads_and_any_blocks_of_events_give_the_same_counts(n_threads, n_edges, apart, monkeypatch):
    rng = np.random.default_rng(4)
    times = np.sort(rng.uniform(0, 30 + 125 * apart, (50, 2000)), axis=1)
    offsets = np.arange(0, 100_001, 2000)
    event = rng.permutation(10 + np.arange(125) * apart)
    windows = Windows(np.arange(125), event, np.arange(41) * 0.025, 0.025, {})
    expected = count(times.ravel(), offsets, windows)
    monkeypatch.setattr(counting, "MANY", 0)
    monkeypatch.setattr(counting, "MOST_EDGES", n_edges)
    counts = count(times.ravel(), offsets, windows, n_threads=n_threads)
    np.testing.assert_array_equal(counts, expected)
    assert counts.dtype == np.int8


@pytest.mark.parametrize("way", WAYS)
def test_windows_whose_edges_fall_together_in_floats_hold_nothing_in_all_ways(way, monkeypatch):
    nanoseconds = make_session([[0.0, 1.7e18, 1.8e18]] * 7, [1.7e18, 1.7e18 + 512])
    counts = count_in(way, nanoseconds, monkeypatch, window=(0, 0.5), bin_width=0.1)
    np.testing.assert_array_equal(counts, np.zeros((2, 5, 7)))
    # beside a power of two, the first of two windows that begin together has a length and the second has none
    at = 2.0**30
    session = make_session([[at - 1, at, at, at + 1]] * 7, [at, at - 2.0**-23])
    options = {"window": (1.5 * 2.0**-24, 1.2 * 2.0**-23), "bin_width": None}
    np.testing.assert_array_equal(count_in(way, session, monkeypatch, **options)[:, 0], [[2] * 7, [0] * 7])


def test_a_chunk_of_a_recording_whose_edges_fall_together_holds_nothing(monkeypatch):
    monkeypatch.setattr(counting, "MANY", 0)
    at, tick = 2.0**30, 2.0**-22
    session = make_session([[at - 1, at, at, at + tick, at + 1]] * 2, [at])
    options = {"align": None, "window": (at, at + tick), "bin_width": tick / 32}
    whole = bin_spikes(session, **options)
    np.testing.assert_array_equal(whole.sum("time"), [2, 2])
    np.testing.assert_array_equal(bin_spikes(session, chunks={"time": 4}, **options), whole)


@pytest.mark.parametrize("n_edges", [4, 1536])
def test_counts_near_the_limit_of_a_byte_stay_in_it_or_leave_it_in_both_ways_alike(n_edges, monkeypatch):
    rng = np.random.default_rng(5)
    monkeypatch.setattr(counting, "MOST_EDGES", n_edges)
    seen = []
    for _ in range(60):
        spikes = np.sort(np.round(rng.uniform(0, 10, rng.integers(1900, 2500)), 1))
        event = rng.uniform(-1, 8, 6)
        windows = Windows(np.arange(6), event, np.linspace(0, 2, 5), 0.5, {})
        offsets = np.array([0, 0, len(spikes)])
        monkeypatch.setattr(counting, "MANY", 10**9)
        expected = count(spikes, offsets, windows)
        monkeypatch.setattr(counting, "MANY", 0)
        counts = count(spikes, offsets, windows, n_threads=1)
        np.testing.assert_array_equal(counts, expected)
        assert counts.dtype == expected.dtype
        seen.append(counts.dtype == np.int8)
    assert 10 < sum(seen) < 50


@pytest.mark.parametrize("way", ["numpy", "compiled"])
@pytest.mark.parametrize(
    ("n_spikes", "dtype"),
    [(127, np.int8), (128, np.int16), (32_767, np.int16), (32_768, np.int32), (40_000, np.int32)],
)
def test_counts_are_one_byte_and_widen_where_one_overflows(n_spikes, dtype, way, monkeypatch):
    monkeypatch.setattr(counting, "MANY", 0 if "compiled" in way else 1_000_000)
    session = make_session([[1.5], np.linspace(1, 1.99, n_spikes), [1.5]], [1.0])
    counts = bin_spikes(session, window=(0, 1), bin_width=1)
    assert counts.values.tolist() == [[[1, n_spikes, 1]]]
    assert counts.dtype == dtype


IN_A_FRESH_PROCESS = """
import sys, tracemalloc
import numpy as np
sys.path.insert(0, {tests!r})
from align_worlds import make_session
from neurodata4ml.data.align.bins import bin_spikes
rng = np.random.default_rng(0)
n_units, n_spikes, rate = {n_units}, {n_spikes}, {rate}
spikes = [np.sort(rng.uniform(0, 1000, n_spikes)) for _ in range(n_units)]
spikes[-1] = np.sort(np.append(spikes[-1], np.full(rate, 990.25)))
session = make_session(spikes, np.arange(1.0, 995.0, 0.5))
bin_spikes(session.isel(trial=[0]), window=(0, 0.5), bin_width=0.01)  # compiled before memory is watched
tracemalloc.start()
counts = bin_spikes(session, window=(0, 0.5), bin_width=0.01)
_, peak = tracemalloc.get_traced_memory()
print(peak / counts.nbytes, counts.dtype, "neurodata4ml.data.align.kernel" in sys.modules)
"""


def in_a_fresh_process(**numbers):
    script = IN_A_FRESH_PROCESS.format(tests=str(Path(__file__).parent), **numbers)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    ratio, dtype, compiled = done.stdout.split()
    return float(ratio), dtype, compiled == "True"


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0, 200])
def test_a_large_session_takes_little_more_memory_than_its_counts_also_where_they_widen(rate):
    ratio, dtype, is_compiled = in_a_fresh_process(n_units=400, n_spikes=2600, rate=rate)
    assert dtype == ("int16" if rate else "int8")
    assert is_compiled
    assert ratio < 1.3


def test_a_small_session_is_counted_without_compiling():
    ratio, _, is_compiled = in_a_fresh_process(n_units=200, n_spikes=1000, rate=0)
    assert not is_compiled
    assert ratio < 1.3


@pytest.mark.parametrize("way", ["dense", "sparse"])
def test_a_million_spikes_that_are_not_sorted_are_refused_like_few(way):
    times = np.sort(np.random.default_rng(0).uniform(0, 1000, 1_000_000))
    session = make_session([times, times[:5]], [10.0])
    values = session.spike_times.values
    values[[600_000, 600_001]] = values[[600_001, 600_000]]
    with pytest.raises(LayoutError, match=r"spike_times of unit 10 are not sorted: spike 600,001 is at"):
        bin_spikes(session, window=(0, 1), sparse=way == "sparse")
    values[-1] = np.nan
    with pytest.raises(LayoutError, match=r"unit 11 are not sorted: spike 4 is at nan"):
        bin_spikes(session.isel(unit=[1]), window=(0, 1))
