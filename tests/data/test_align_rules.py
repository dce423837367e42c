"""Rules of ``docs/align.md``: recordings without trials, times that nobody observed, counts that wait or are sparse."""

import json
import warnings

import dask.array as da
import numpy as np
import pytest
from align_worlds import make_session, random_session

from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.align.windows import with_neighbours
from neurodata4ml.dims import to_matrix
from neurodata4ml.errors import DesignError, LayoutError


def observed(session, *of_units):
    """The session with intervals in which each unit was observed, as ``open_session`` gives them."""
    stops = np.cumsum([len(own) for own in of_units])
    intervals = np.array([bounds for own in of_units for bounds in own], dtype=float).reshape(-1, 2)
    starts = np.append(0, stops[:-1])
    return session.assign(
        obs_intervals=(("obs", "bound"), da.from_array(intervals)),
        obs_start=("unit", starts),
        obs_stop=("unit", stops),
    )


# the recording itself


def test_a_recording_is_binned_without_trials_in_seconds_of_the_session():
    session = make_session([[0.1, 0.2, 0.5, 899.9, 900.0], [450.0]], []).drop_dims("trial")
    counts = bin_spikes(session, align=None, window=(0, 900), bin_width=0.25)
    assert counts.dims == ("time", "unit")
    assert counts.sizes["time"] == 3600
    assert counts.time.values[[0, 1, -1]].tolist() == [0.125, 0.375, 899.875]
    assert counts.sel(unit=10).values[[0, 1, 2, 3599]].tolist() == [2, 0, 1, 1]
    assert counts.sel(unit=11, time=450.125).item() == 1
    assert counts.sum() == 5
    assert counts.area.dims == ("unit",)
    assert counts.attrs["bin_width"] == 0.25
    (step,) = json.loads(counts.attrs["steps"])
    assert step == {"step": "bin_spikes", "align": None, "window": [0.0, 900.0], "bin_width": 0.25}


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_a_trial_without_an_onset_is_left_out_and_its_neighbours_keep_theirs(lost):
    session = make_session([[1.1, 3.2, 7.3]], [1.0, lost, 3.0, 7.0])
    counts = bin_spikes(session, window=(0, 0.5), bin_width=0.5)
    assert counts.trial.values.tolist() == [0, 2, 3]
    assert counts.values.ravel().tolist() == [1, 1, 1]
    opened = with_neighbours(session)
    assert opened.next_onset.values[[0, 2, 3]].tolist() == [3.0, 7.0, np.inf]
    assert np.isnan(opened.next_onset.values[1]) == np.isnan(lost)


@pytest.mark.parametrize("window", [(-1e307, 1e307), (0, 1e16), (0, np.inf)])
def test_a_window_that_no_float_can_divide_is_refused(window):
    with pytest.raises(DesignError, match=r"with start < end, at most 1e\+15 s away; got"):
        bin_spikes(make_session([[1.1]], [1.0]), window=window, bin_width=None)


@pytest.mark.parametrize("times", [[1.0, np.inf], [-np.inf, 1.0]])
def test_an_infinite_spike_is_no_spike(times):
    session = make_session([[0.5], times, []], [1.0])
    with pytest.raises(LayoutError, match="spike_times of unit 11 hold an infinite time; 1 units do"):
        bin_spikes(session, window=(0, 0.5), bin_width=0.5)


def test_without_a_window_a_recording_goes_from_the_first_spike_to_the_last_in_whole_bins():
    session = make_session([[1.3, 2.0, 7.6], [3.0, 3.1]], [1.0])
    counts = bin_spikes(session, align=None, bin_width=0.5)
    assert counts.time.values[[0, -1]].tolist() == [1.75, 7.25]
    assert json.loads(counts.attrs["steps"])[-1]["window"] == [1.5, 7.5]
    assert counts.sum() == 3


def test_a_recording_that_begins_on_a_multiple_of_the_bin_keeps_its_first_bin():
    session = make_session([[0.3, 0.35, 0.9]], [1.0])  # 0.3 / 0.1 is 2.9999999999999996
    assert bin_spikes(session, align=None, bin_width=0.1).time.values[[0, -1]].tolist() == [0.35, 0.85]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"chunks": 1}, r"chunks= leaves the spikes unread. Say window=\(0, 900\)"),
        ({"bin_width": None}, r"bin_width=None asks for one bin. Say window=\(0, 900\)"),
        (
            {"bin_width": 10},
            r"no whole bin of 10 s between the beginning of the recording \(1.5 s\) and its end \(4 s\)",
        ),
    ],
)
def test_a_recording_whose_length_cannot_be_told_says_why(options, sentence):
    with pytest.raises(DesignError, match=sentence):
        bin_spikes(make_session([[1.5, 4.0]], [1.0]), align=None, **options)
    with pytest.raises(DesignError, match="finds no spike in the selected units"):
        bin_spikes(make_session([[]], [1.0]), align=None)


def test_bins_of_a_recording_that_touch_an_invalid_interval_stay_and_are_marked():
    session = make_session([[0.5, 2.5]], [1.0]).assign(invalid_interval=(("invalid", "bound"), [[1.5, 2.0]]))
    counts = bin_spikes(session, align=None, window=(0, 4), bin_width=1)
    assert counts.valid.dims == ("time",)
    assert counts.valid.values.tolist() == [True, False, True, True]
    assert "valid" not in bin_spikes(make_session([[0.5]], [1.0]), align=None, window=(0, 1), bin_width=1).coords


def test_seconds_of_a_recording_without_a_spike_of_anyone_are_said():
    session = make_session([np.arange(0.5, 100, 0.1)], [1.0])
    with pytest.warns(UserWarning, match=r"100 of 200 bins lie before the first .* drop them: window=\(0.5, 99.9\)"):
        bin_spikes(session, align=None, window=(0, 200), bin_width=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bin_spikes(session, align=None, window=(0, 101), bin_width=1)


# when units were observed


def test_a_trial_in_which_a_selected_unit_was_not_observed_is_left_out_and_said():
    session = observed(make_session([[1.1, 5.1], [1.2, 5.2]], [1.0, 3.0, 5.0]), [(0, 10)], [(0, 2), (4.5, 10)])
    with pytest.warns(UserWarning, match=r"leaves out 1 of 3 trials.*drop_vars\('obs_intervals'\)"):
        counts = bin_spikes(session, window=(0, 0.5), bin_width=0.5)
    assert counts.trial.values.tolist() == [0, 2]
    assert counts.attrs["bin_spikes_dropped_unobserved"] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bin_spikes(session.isel(unit=[0]), window=(0, 0.5), bin_width=0.5).sizes["trial"] == 3
        kept = bin_spikes(session.drop_vars("obs_intervals"), window=(0, 0.5), bin_width=0.5)
    assert kept.isel(time=0).values.tolist() == [[1, 1], [0, 0], [1, 1]]


@pytest.mark.filterwarnings("ignore:bin_spikes leaves out")
def test_intervals_that_touch_are_one_and_a_window_must_lie_in_one_as_a_whole():
    session = make_session([[1.1]], [1.0, 4.8, 8.0, 9.6])
    counts = bin_spikes(observed(session, [(5, 10), (0, 5.0004), (2, 3)]), window=(0, 0.5), bin_width=0.5)
    assert counts.trial.values.tolist() == [0, 1, 2]


def test_a_unit_without_an_interval_and_a_millisecond_too_many_say_nothing():
    session = make_session([[1.1], [1.2]], [1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counts = bin_spikes(observed(session, [], [(1.0005, 1.4995)]), window=(0, 0.5), bin_width=0.5)
    assert counts.sizes["trial"] == 1


def test_units_never_observed_together_are_an_error():
    session = observed(make_session([[1.1], [5.2]], [1.0, 5.0]), [(0, 2)], [(4, 6)])
    with pytest.raises(
        DesignError, match=r"no trial in whose window, \(0.0, 0.5\), all 2 selected units were observed"
    ):
        bin_spikes(session, window=(0, 0.5), bin_width=0.5)


def test_bins_of_a_recording_that_were_not_observed_are_marked():
    session = observed(make_session([[0.5, 2.5], [0.1]], [1.0]), [(0, 4)], [(1, 3)])
    counts = bin_spikes(session, align=None, window=(0, 4), bin_width=1)
    assert counts.valid.values.tolist() == [False, True, True, False]


# odd units, odd times


def test_units_without_a_spike_and_with_one_are_counted_like_others():
    session = make_session([[], [1.25], [], [1.05, 1.06]], [1.0, 7.0])
    counts = bin_spikes(session, window=(0, 0.5), bin_width=0.1, sparse=False)
    assert counts.isel(trial=0).values.T.tolist() == [[0] * 5, [0, 0, 1, 0, 0], [0] * 5, [2, 0, 0, 0, 0]]
    silent = bin_spikes(session.isel(unit=[0, 2]), window=(0, 0.5), bin_width=0.1)
    assert silent.shape == (2, 5, 2)
    assert not silent.any()


def test_spikes_at_one_time_are_as_many_as_there_are():
    session = make_session([[1.0, 1.0, 1.0, 1.1]], [1.0])
    assert bin_spikes(session, window=(0, 0.2), bin_width=0.1).values.ravel().tolist() == [3, 1]


def test_times_before_zero_are_times():
    session = make_session([[-5.0, -4.75, -4.5]], [-5.0])
    assert bin_spikes(session, window=(-0.25, 0.5), bin_width=0.25).values.ravel().tolist() == [0, 1, 1]
    counts = bin_spikes(session, align=None, window=(-5.5, -4.5), bin_width=0.5)
    assert counts.values.ravel().tolist() == [0, 2]


def test_times_in_seconds_since_1970_are_binned_by_their_edges_too():
    event = 1.6e9 + np.arange(0, 50, 1.5)
    session = make_session([(event[:, None] + np.arange(0, 0.5, 0.001)).ravel()], event)
    counts = bin_spikes(session, window=(0, 0.5), bin_width=0.01)
    left = event[:, None] + np.round(np.arange(50) * 0.01, 12)
    right = event[:, None] + np.round(np.arange(1, 51) * 0.01, 12)
    spikes = session.spike_times.values
    expected = np.searchsorted(spikes, right) - np.searchsorted(spikes, left)
    np.testing.assert_array_equal(counts.isel(unit=0), expected)


@pytest.mark.filterwarnings("ignore:bin_spikes")
def test_a_window_longer_than_the_gaps_between_trials_counts_a_spike_in_each_of_them():
    session = make_session([[10.25]], 10 + np.arange(10) * 0.1)
    counts = bin_spikes(session, window=(-1, 1), bin_width=None)
    assert counts.values.ravel().tolist() == [1] * 10
    assert counts.attrs["bin_width"] == 2


# lazy and sparse


@pytest.mark.parametrize(
    ("chunks", "sentence"),
    [
        ({"unit": 2, "time": 3}, r"divides its result along 'unit' and 'trial'; got .* which names 'time'"),
        ({"trial": 0}, "needs chunks of at least 1 trial; got chunks="),
        ({"unit": 1.5}, "needs chunks of at least 1 unit; got chunks="),
    ],
)
def test_chunks_that_cannot_be_are_explained(chunks, sentence):
    with pytest.raises(DesignError, match=sentence):
        bin_spikes(random_session(), window=(0, 1), bin_width=1, chunks=chunks)
    with pytest.raises(DesignError, match="either lazily or sparsely; got chunks=2 and sparse=True"):
        bin_spikes(random_session(), window=(0, 1), bin_width=1, chunks=2, sparse=True)


def test_a_chunk_of_trials_of_a_chunk_of_units_holds_these_and_reads_each_spike_once():
    session = random_session(n_units=6)
    eager = bin_spikes(session, window=(0, 0.5), bin_width=0.05)
    reads = []

    def read(block):
        reads.append(block.size)
        return block

    spikes = da.from_array(session.spike_times.values, chunks=-1).map_blocks(read, meta=np.empty(0))
    session["spike_times"] = ("spike", spikes)
    lazy = bin_spikes(session, window=(0, 0.5), bin_width=0.05, chunks={"unit": 3, "trial": 8})
    assert reads == []
    assert lazy.chunks == ((8, 8, 8, 6), (10,), (3, 3))
    np.testing.assert_array_equal(lazy.compute(), eager)
    n_reads = len(reads)
    bin_spikes(session, window=(0, 0.5), bin_width=0.05, chunks={"unit": 3}).compute()
    assert len(reads) == 2 * n_reads
    reads.clear()
    np.testing.assert_array_equal(lazy[8:16, :, :3].compute(), eager[8:16, :, :3])
    assert 2 * len(reads) == n_reads


def test_sparse_counts_are_the_same_numbers_with_the_same_labels_in_less_memory():
    session = random_session(n_units=20, n_spikes=100)
    dense = bin_spikes(session, window=(0, 0.5), bin_width=0.001)
    sparse = bin_spikes(session, window=(0, 0.5), bin_width=0.001, sparse=True)
    assert sparse.attrs == dense.attrs
    assert sparse.as_numpy().identical(dense.astype(np.int32))
    assert sparse.data.nbytes < dense.nbytes / 10
    assert sparse.data.nnz == np.count_nonzero(dense)


def test_sparse_counts_leave_for_numpy_by_the_same_door():
    session = random_session()
    options = {"window": (0, 0.5), "bin_width": 0.05}
    matrix = to_matrix(bin_spikes(session, sparse=True, **options), "trial", ("unit", "time"))
    np.testing.assert_array_equal(matrix, to_matrix(bin_spikes(session, **options), "trial", ("unit", "time")))


def test_a_window_in_milliseconds_is_noticed_before_memory_is_full():
    session = make_session([[0.5]], [0.0])
    with pytest.raises(DesignError, match=r"asked for 1,000,000,000 bins of 0.001 s .* not milliseconds"):
        bin_spikes(session, window=(0, 1e6), bin_width=0.001)
