"""Counts in bins equal a count by hand, whatever the order of events, units and edges."""

import itertools
import json
import warnings
from datetime import UTC, datetime

import dask.array as da
import h5py
import numpy as np
import pytest
from align_worlds import edges_of, make_session, random_session

from conftest import real_data
from neurodata4ml.analysis.responses import firing_rate
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.align.windows import with_neighbours
from neurodata4ml.errors import DesignError, DimensionError


def count_by_hand(session, event, edges):
    """The definition, written as three loops."""
    counts = np.zeros((len(event), len(edges) - 1, session.sizes["unit"]), dtype=int)
    for u in range(session.sizes["unit"]):
        first, last = int(session.spike_start[u]), int(session.spike_stop[u])
        spikes = np.asarray(session.spike_times[first:last])
        for t in range(len(event)):
            for k in range(len(edges) - 1):
                left, right = event[t] + edges[k], event[t] + edges[k + 1]
                counts[t, k, u] = np.sum((spikes >= left) & (spikes < right))
    return counts


@pytest.mark.parametrize(("window", "bin_width"), [((-0.5, 1.0), 0.1), ((0, 0.3), 0.01), ((0.2, 0.9), 0.7)])
@pytest.mark.parametrize("units", [None, [2, 0], [4], [3, 3, 1]])
def test_counts_equal_a_count_by_hand_also_after_selecting_units(window, bin_width, units):
    session = random_session()
    session = session if units is None else session.isel(unit=units)
    counts = bin_spikes(session, window=window, bin_width=bin_width)
    expected = count_by_hand(session, session.start_time.values, edges_of(window, bin_width))
    assert expected.sum() > 50
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(counts.unit, session.unit)


def test_bins_are_half_open_with_spikes_exactly_on_their_edges():
    # binary fractions, so that every sum below is exact
    session = make_session([[10.0, 10.25, 10.5, 10.75, 11.0]], [10.0])
    counts = bin_spikes(session, window=(-0.25, 1.0), bin_width=0.25)
    assert counts.sel(unit=10).values.tolist() == [[0, 1, 1, 1, 1]]
    assert counts.time.values.tolist() == [-0.125, 0.125, 0.375, 0.625, 0.875]


def test_a_spike_at_the_event_falls_into_the_bin_that_begins_there_in_decimal_widths_too():
    # -1.2 + 60 * 0.02 is 2e-16 in floating point; the edge at the event must still be zero
    event = np.array([17.3, 1234.567, 5203.9])
    session = make_session([event], event)
    counts = bin_spikes(session, window=(-1.2, 0.6), bin_width=0.02)
    assert counts.isel(time=60).values.ravel().tolist() == [1, 1, 1]
    assert counts.sum() == 3


def test_every_spike_on_any_edge_is_counted_exactly_once():
    event = np.round(np.random.default_rng(1).uniform(0, 5000, 200), 3)
    edges = edges_of((0, 0.3), 0.01)
    session = make_session([(event[:, None] + edges).ravel()], event)
    counts = bin_spikes(session, window=(0, 0.3), bin_width=0.01)
    np.testing.assert_array_equal(counts, count_by_hand(session, event, edges))


def test_windows_may_overlap_and_events_may_be_unsorted_or_repeated():
    session = make_session([[1.0, 1.2, 1.4, 5.0]], [5.0, 1.0, 1.1, 1.0])
    with pytest.warns(UserWarning, match="reaches into the next stimulus in 2 of 4 trials"):
        counts = bin_spikes(session, window=(-0.5, 0.5), bin_width=0.5)
    assert counts.isel(unit=0).values.tolist() == [[0, 1], [0, 3], [1, 2], [0, 3]]
    assert counts.start_time.values.tolist() == [5.0, 1.0, 1.1, 1.0]


def test_windows_outside_the_recording_are_zero_and_said():
    session = make_session([[100.0, 101.0], [100.5]], [2.0, 100.0, 500.0])
    with pytest.warns(UserWarning, match=r"2 of 3 windows lie before the first spike .*\(100 s\) or after the last"):
        counts = bin_spikes(session, window=(0, 2), bin_width=2)
    assert counts.isel(time=0).values.tolist() == [[0, 0], [2, 1], [0, 0]]


def test_trials_whose_event_is_nan_are_dropped_and_counted():
    session = make_session([[1.05, 2.05, 3.05]], [1, 2, 3], cue_time=("trial", [1.0, np.nan, 3.0])[1])
    counts = bin_spikes(session, align="cue_time", window=(0, 0.1), bin_width=None)
    assert counts.trial.values.tolist() == [0, 2]
    assert counts.values.ravel().tolist() == [1, 1]
    assert counts.attrs["bin_spikes_dropped_nan"] == 1
    assert counts.attrs["bin_spikes_dropped_invalid"] == 0


def test_invalid_trials_are_dropped_and_counted():
    session = make_session([[1.05, 2.05, 3.05]], [1, 2, 3], valid=np.array([True, False, True]))
    counts = bin_spikes(session, window=(0, 0.1), bin_width=None)
    assert counts.trial.values.tolist() == [0, 2]
    assert counts.attrs["bin_spikes_dropped_invalid"] == 1


def test_a_window_that_reaches_into_an_invalid_interval_is_dropped_though_its_trial_is_valid():
    session = make_session([[1.05, 2.05, 3.05]], [1, 2, 3], valid=np.array([True, True, True]))
    session["invalid_interval"] = (("invalid", "bound"), [[2.5, 2.6]])
    short = bin_spikes(session, window=(0, 0.5), bin_width=None)
    long = bin_spikes(session, window=(-0.5, 0.75), bin_width=None)
    assert short.sizes["trial"] == 3
    assert long.trial.values.tolist() == [0]
    assert long.attrs["bin_spikes_dropped_invalid"] == 2
    kept = bin_spikes(session.drop_vars(["valid", "invalid_interval"]), window=(-0.5, 0.75), bin_width=None)
    assert kept.sizes["trial"] == 3


def test_blanks_stay_for_the_analysis_to_drop():
    session = make_session([[1.05, 2.05]], [1, 2], blank=np.array([True, False]))
    counts = bin_spikes(session, window=(0, 0.1), bin_width=None)
    assert counts.blank.values.tolist() == [True, False]


def test_many_spikes_in_a_window_but_few_in_a_bin_stay_in_one_byte():
    session = make_session([np.linspace(1, 1.99, 500)], [1.0])
    counts = bin_spikes(session, window=(0, 1), bin_width=0.01)
    assert counts.dtype == np.int8
    assert counts.sum() == 500


def test_counts_are_signed_so_that_differences_are_differences():
    counts = bin_spikes(make_session([[1.0, 2.0, 2.01, 2.02]], [1, 2]), window=(0, 0.5), bin_width=0.5)
    assert (counts.isel(trial=0) - counts.isel(trial=1)).item() == -2


@pytest.mark.parametrize("n_per_chunk", [1, 2, 7])
def test_lazy_counts_equal_the_eager_ones_and_read_nothing_before_they_are_computed(n_per_chunk):
    session = random_session()
    eager = bin_spikes(session, window=(0, 0.5), bin_width=0.05)
    reads = []

    def read(block):
        reads.append(block.size)
        return block

    spikes = da.from_array(session.spike_times.values, chunks=500).map_blocks(read, meta=np.empty(0))
    session["spike_times"] = ("spike", spikes)
    session["area"] = ("unit", da.from_array(session.area.values, chunks=-1))
    lazy = bin_spikes(session, window=(0, 0.5), bin_width=0.05, chunks=n_per_chunk)
    assert reads == []
    assert lazy.dtype == np.int16
    assert lazy.chunks[2][0] == min(n_per_chunk, 5)
    np.testing.assert_array_equal(lazy.compute(), eager)
    assert lazy.attrs == eager.attrs
    reads.clear()
    lazy.isel(unit=slice(0, 1)).compute()
    assert sum(reads) < session.sizes["spike"] or n_per_chunk == 7


def test_a_lazy_count_too_large_for_int16_says_so():
    session = make_session([np.linspace(1, 1.99, 40_000)], [1.0])
    with pytest.raises(DesignError, match=r"holds 40000 spikes, more than lazy counts \(int16\) can say"):
        bin_spikes(session, window=(0, 1), bin_width=1, chunks=1).compute()


def test_lazy_counts_need_whole_chunks():
    with pytest.raises(DesignError, match="chunks of at least 1 unit; got chunks=0"):
        bin_spikes(random_session(), window=(0, 1), bin_width=1, chunks=0)


def test_without_a_window_the_layout_decides():
    session = random_session()
    session.attrs["window"] = [-0.2, 0.4]
    counts = bin_spikes(session, bin_width=0.1)
    assert counts.time.values.tolist() == [-0.15, -0.05, 0.05, 0.15, 0.25, 0.35]


def test_without_a_window_back_to_back_images_get_the_time_until_the_next_one():
    onset = 10 + np.arange(20) * 0.2502
    session = make_session([onset + 0.1], onset, onset + 0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counts = bin_spikes(session, bin_width=0.01)
    assert counts.sizes["time"] == 25
    assert json.loads(counts.attrs["steps"])[-1]["window"] == [0.0, 0.25]


def test_without_a_window_the_end_of_the_trial_counts_when_it_comes_before_the_next_onset():
    session = make_session([np.arange(0, 20, 0.1)], [1, 5, 9], [2.06, 6.2, 10.1])
    assert bin_spikes(session, bin_width=0.5).sizes["time"] == 2
    whole = bin_spikes(session, bin_width=None)
    assert whole.attrs["bin_width"] == pytest.approx(1.06)


def test_one_short_trial_that_shrinks_the_window_is_said():
    session = make_session([np.arange(0, 20, 0.1)], [1, 5, 9], [2, 6, 9.1])
    with pytest.warns(UserWarning, match=r"shortest trial, 0\.1 s, while the median trial lasts 1 s"):
        assert bin_spikes(session, bin_width=0.05).sizes["time"] == 2


def test_without_a_window_an_event_at_the_end_of_its_trial_has_none():
    session = make_session([[1.0, 5.0]], [1, 5], [2, 6], reward_time=np.array([2.0, 6.0]))
    with pytest.raises(DesignError, match="finds no common window: the shortest trial ends 0 s after its event"):
        bin_spikes(session, align="reward_time")


def test_a_window_into_the_next_stimulus_warns_and_one_millisecond_of_jitter_does_not():
    onset = 10 + np.arange(50) * 0.25 - np.where(np.arange(50) % 3 == 0, 0.0008, 0)
    session = make_session([onset], onset, onset + 0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bin_spikes(session, window=(0, 0.25), bin_width=0.05)
    with pytest.warns(UserWarning, match="into the next stimulus in 49 of 50 trials.*it ends at 0.3 s"):
        bin_spikes(session, window=(0, 0.3), bin_width=0.05)


def test_a_window_that_begins_in_the_previous_stimulus_warns():
    onset = 10 + np.arange(20) * 0.25
    session = make_session([onset], onset, onset + 0.25)
    with pytest.warns(
        UserWarning, match=r"begins before the previous stimulus ended in 19 of 20 trials \(by up to 0.1 s"
    ):
        bin_spikes(session, window=(-0.1, 0.1), bin_width=0.05)


@pytest.mark.parametrize("align", ["start_time", "flash_time"])
def test_a_neighbour_is_noticed_also_when_it_was_left_out_and_whatever_the_event(align):
    onset = 10 + np.arange(20) * 0.25
    session = make_session([onset], onset, onset + 0.25)
    session = with_neighbours(session.assign_coords(flash_time=session.start_time + 0.0))
    with pytest.warns(UserWarning, match="reaches into the next stimulus in 2 of 2 trials"):
        bin_spikes(session.isel(trial=[3, 9]), align=align, window=(0, 0.5), bin_width=0.05)


def test_arithmetic_in_one_byte_wraps_as_the_docstring_warns_and_its_cures_do_not():
    counts = bin_spikes(make_session([np.linspace(1.0, 1.09, 100)], [1.0]), window=(0, 0.1), bin_width=0.1)
    assert (counts * 100).item() != 10_000
    assert (counts.astype(float) * 100).item() == 10_000
    assert (firing_rate(counts, over=None) * 100).item() == pytest.approx(100_000)
    assert counts.mean().item() == counts.sum().item() == 100
    assert "wrap around in silence" in bin_spikes.__doc__


@pytest.mark.parametrize(
    ("window", "bin_width", "sentence"),
    [
        (
            (0, 0.257),
            0.01,
            r"window=\(0, 0.257\) holds 25.7 bins of 0.01 s. The nearest is window=\(0, 0.26\)",
        ),
        (
            (-0.1, 0.12),
            0.05,
            r"holds 4.4 bins of 0.05 s. The nearest is window=\(-0.1, 0.1\).*bin_width=0.055",
        ),
        ((0, 0.01), 0.1, r"holds 0.1 bins of 0.1 s. The nearest is window=\(0, 0.1\), .* bin_width=0.01"),
        ((0.5, 0.5), 0.1, r"start < end; got \(0.5, 0.5\)"),
        ((0, np.nan), 0.1, r"start < end; got \(0, nan\)"),
        ((0, 1), 0, r"bin_width above 0 s; got 0. Milliseconds\?"),
        ((0, 1), -0.1, "bin_width above 0 s; got -0.1"),
    ],
)
def test_a_window_must_hold_whole_bins(window, bin_width, sentence):
    with pytest.raises(DesignError, match=sentence):
        bin_spikes(random_session(), window=window, bin_width=bin_width)


def test_a_third_of_a_second_in_ten_bins_is_whole():
    counts = bin_spikes(random_session(), window=(0, 1 / 3), bin_width=1 / 30)
    assert counts.sizes["time"] == 10


def test_a_misspelt_event_is_suggested():
    session = make_session([[1.0]], [1.0], cue_start_time=np.array([1.0]), type=np.array(["left"], dtype=object))
    with pytest.raises(DimensionError, match=r"'cue_start' is not one. Did you mean align='cue_start_time'"):
        bin_spikes(session, align="cue_start", window=(0, 1))
    with pytest.raises(DimensionError, match=r"'type' is not one.*There are: cue_start_time, start_time\."):
        bin_spikes(session, align="type", window=(0, 1))


def test_no_trial_left_is_an_error():
    session = make_session([[1.0]], [1.0], cue_time=np.array([np.nan]))
    with pytest.raises(DesignError, match="of 1 trials none has a time in 'cue_time'"):
        bin_spikes(session, align="cue_time", window=(0, 1))


def test_a_session_without_trials_or_spikes_or_units_says_so():
    session = make_session([[1.0]], [1.0])
    with pytest.raises(DimensionError, match=r'needs a "trial" dim.*This session has no trials'):
        bin_spikes(session.drop_dims("trial"), window=(0, 1))
    with pytest.raises(DimensionError, match=r"has no 'spike_times'.*align_series"):
        bin_spikes(session.drop_dims("spike"), window=(0, 1))
    with pytest.raises(DimensionError, match="needs at least one unit"):
        bin_spikes(session.isel(unit=[]), window=(0, 1))


def test_counts_carry_labels_units_and_provenance():
    session = random_session()
    counts = bin_spikes(session, window=(0, 0.5), bin_width=0.1)
    assert counts.dims == ("trial", "time", "unit")
    assert counts.name == "spike_count"
    assert counts.area.dims == ("unit",)
    assert counts.attrs["units"] == "1"
    assert counts.attrs["bin_width"] == 0.1
    assert counts.attrs["citation"] == "nobody"
    assert counts.time.attrs["units"] == "s"
    assert "spike" not in counts.sizes
    (step,) = json.loads(counts.attrs["steps"])
    assert step["step"] == "bin_spikes"
    assert step["align"] == "start_time"
    assert step["dropped_nan"] == 0


def test_a_thousand_units_and_two_million_spikes_are_counted():
    rng = np.random.default_rng(0)
    spikes = [rng.uniform(0, 3600, 2000) for _ in range(1000)]
    session = make_session(spikes, np.sort(rng.uniform(1, 3590, 2000)))
    with pytest.warns(UserWarning, match="next stimulus"):
        counts = bin_spikes(session, window=(0, 0.6), bin_width=0.01)
    assert int(counts.sum()) > 0
    assert counts.shape == (2000, 60, 1000)


# a real file, and its twin


def write_twin(path):
    """A file in the layout of the real one: trials with a cue that is NaN in some, four units."""
    from pynwb import NWBHDF5IO, NWBFile

    rng = np.random.default_rng(5)
    nwb = NWBFile("twin of mouse-alm", "twin", datetime(2017, 6, 27, tzinfo=UTC))
    nwb.add_trial_column("type", "instructed side")
    nwb.add_trial_column("cue_start_time", "go cue")
    for i in range(40):
        cue = np.nan if i % 8 == 0 else 10.0 * i + 4.0
        kind = "non-performing" if i % 8 == 0 else ["lick left", "lick right"][i % 2]
        nwb.add_trial(start_time=10.0 * i, stop_time=10.0 * i + 9.0, type=kind, cue_start_time=cue)
    for i in range(4):
        nwb.add_unit(spike_times=np.sort(rng.uniform(0, 400, 1000 + 100 * i)), id=i)
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


@pytest.fixture(params=["twin", "real"])
def alm(request, tmp_path):
    if request.param == "twin":
        return write_twin(tmp_path / "twin.nwb")
    return real_data("mouse-alm") / "sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb"


@pytest.mark.parametrize("units", [[0, 1, 2, 3], [2, 0]])
def test_counts_of_a_recording_equal_a_count_by_hand_from_the_file_itself(alm, units):
    from neurodata4ml.data.session import open_session

    session = open_session(alm, trials="trials").isel(unit=units)
    counts = bin_spikes(session, align="cue_start_time", window=(-1.2, 0.6), bin_width=0.1)
    with h5py.File(alm) as file:
        cue = file["intervals/trials/cue_start_time"][:]
        times = np.split(file["units/spike_times"][:], file["units/spike_times_index"][:-1])
    edges = edges_of((-1.2, 0.6), 0.1)
    event = cue[np.isfinite(cue)]
    expected = [
        [[np.sum((times[u] >= e + a) & (times[u] < e + b)) for u in units] for a, b in itertools.pairwise(edges)]
        for e in event
    ]
    np.testing.assert_array_equal(counts, expected)
    assert counts.attrs["bin_spikes_dropped_nan"] == np.isnan(cue).sum()
    assert counts.sum() > 100


@pytest.mark.parametrize("window", ["early", 0.5, (0, 1, 2), (None, 1), ("0", "1")])
def test_a_window_that_is_not_two_numbers_is_met_by_a_sentence(window):
    with pytest.raises(DesignError, match=r"needs a window \(start, end\) in seconds with start < end; got"):
        bin_spikes(random_session(), window=window)


def test_words_in_the_place_of_numbers_and_of_columns_are_met_by_a_sentence():
    with pytest.raises(DesignError, match="bin_width above 0 s; got 10 ms"):
        bin_spikes(random_session(), window=(0, 1), bin_width="10 ms")
    for align in (3, ["start_time"]):
        with pytest.raises(DimensionError, match=r"aligns to a column of times on 'trial'"):
            bin_spikes(random_session(), align=align, window=(0, 1))
    for chunks in ("auto", {"unit": None}, 2.5):
        with pytest.raises(DesignError, match="bin_spikes needs chunks of at least 1 unit"):
            bin_spikes(random_session(), window=(0, 1), chunks=chunks)
