"""Tasks in threads: in order, one BLAS thread each, errors as they are."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from neurodata4ml.analysis.linear.threads import in_threads, one_blas_thread, spread, stream_threads
from neurodata4ml.cores import n_cores


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 50])
def test_results_come_in_the_order_of_the_items(n_jobs):
    def late(item):
        time.sleep(0.001 * (7 - item))
        return item

    assert in_threads(late, range(7), n_jobs=n_jobs) == list(range(7))
    assert in_threads(late, [], n_jobs=n_jobs) == []


def test_two_jobs_run_at_the_same_time_and_one_job_in_this_thread():
    meeting = threading.Barrier(2, timeout=10)
    assert sorted(in_threads(lambda _: meeting.wait(), range(2), n_jobs=2)) == [0, 1]
    assert in_threads(lambda _: threading.current_thread(), [0], n_jobs=4) == [threading.current_thread()]
    assert n_cores() >= 1


def test_an_error_is_raised_as_it_is_and_the_rest_is_not_begun():
    begun = []

    def fail(item):
        begun.append(item)
        if item == 1:
            raise KeyError(item)

    with pytest.raises(KeyError, match="1"):
        in_threads(fail, range(1000), n_jobs=2)
    assert len(begun) < 20


def test_blas_has_one_thread_in_a_task_and_its_own_number_after():
    np.zeros((2, 2)) @ np.zeros((2, 2))
    before = blas_threads()
    assert in_threads(lambda _: blas_threads(), range(3), n_jobs=2) == [{1}] * 3
    assert blas_threads() == before
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda _: 1 / 0, range(3))
    assert blas_threads() == before


def test_of_several_who_hold_blas_the_last_lets_go():
    before = blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_a_stream_keeps_few_results_waiting_and_may_be_left():
    begun, before_it = [], threading.active_count()
    stream = stream_threads(lambda item: begun.append(item) or item, range(100), n_jobs=2)
    assert [next(stream), next(stream)] == [0, 1]
    assert len(begun) <= 6
    before = blas_threads()
    stream.close()
    assert before == {1}
    assert threading.active_count() < before_it + 20


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_inside_a_task_work_is_spread_over_idle_threads_in_order(n_jobs):
    def task(item):
        return spread(lambda part: (time.sleep(0.002), (item, part))[1], range(8))

    assert in_threads(task, range(2), n_jobs=n_jobs) == [[(item, part) for part in range(8)] for item in range(2)]
    assert spread(str, range(3)) == ["0", "1", "2"]


def test_an_idle_thread_does_help():
    meeting = threading.Barrier(2, timeout=10)

    def task(item):
        return [] if item else spread(lambda _: meeting.wait(), range(2))

    # the two parts meet, so that two threads must have taken one each
    assert [sorted(each) for each in in_threads(task, [0, 1], n_jobs=2)] == [[0, 1], []]


def test_an_error_of_a_part_is_raised_as_it_is():
    def fail(part):
        raise KeyError(part)

    with pytest.raises(KeyError):
        in_threads(lambda _: spread(fail, range(4)), range(2), n_jobs=2)


def test_a_single_task_is_helped_by_the_other_threads_and_one_within_a_task_starts_no_more():
    meeting = threading.Barrier(2, timeout=10)

    def spreading(_):
        return sorted(spread(lambda _: meeting.wait(), range(2)))

    assert in_threads(spreading, ["alone"], n_jobs=2) == [[0, 1]]

    def within(_):
        before = threading.active_count()
        in_threads(lambda _: None, ["one"], n_jobs=8)
        return threading.active_count() - before

    assert in_threads(within, range(2), n_jobs=2) == [0, 0]
    assert in_threads(spreading, ["alone"], n_jobs=2) == [[0, 1]]
