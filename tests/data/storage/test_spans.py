"""Which requests bring the bytes: all of them, few requests, and little that nobody asked for."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodata4ml.data.remote.ranges import WIDEST
from neurodata4ml.data.storage.sources.spans import LONGEST, PATIENCE, WASTE, cut, plan

MB = 1 << 20


def moved(spans: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the bytes and the requests of a plan."""
    requests = [request for fetch in plan(spans) for request in fetch.requests]
    return sum(stop - start for start, stop in requests), len(requests)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40 * MB), st.integers(1, 6 * MB) | st.integers(1, 900)), max_size=30))
def test_each_span_lies_in_one_fetch_whose_requests_are_all_of_it(sizes: list[tuple[int, int]]) -> None:
    spans = [(start, start + size) for start, size in sizes]
    fetches = plan(spans)
    assert sorted(place for fetch in fetches for place in fetch.places) == list(range(len(spans)))
    for fetch in fetches:
        assert min(spans[place][0] for place in fetch.places) == fetch.span[0]
        assert max(spans[place][1] for place in fetch.places) == fetch.span[1]
        assert [start for start, _ in fetch.requests] + [fetch.span[1]] == [fetch.span[0]] + [
            stop for _, stop in fetch.requests
        ]
        assert all(0 < stop - start <= max(LONGEST, 8 * MB) for start, stop in fetch.requests)
    assert all(before.span[1] <= after.span[0] for before, after in itertools.pairwise(fetches))
    union = set[int]()
    total = sum(stop - start for start, stop in spans)
    if total < 50_000:
        union.update(byte for span in spans for byte in range(*span))
        assert moved(spans)[0] <= len(union) * (1 + WASTE)


def test_no_spans_no_requests() -> None:
    assert plan([]) == []


def test_every_tenth_unit_of_a_column_moves_its_own_bytes_only() -> None:
    spans = [(start, start + 160_000) for start in range(0, 160_000_000, 1_600_000)]
    assert moved(spans) == (16_000_000, 100)


def test_neighbours_share_requests_that_end_with_one_of_them() -> None:
    chunks = [(start, start + 40_000) for start in range(0, 40_000_000, 40_000)]
    fetches = plan(chunks)
    assert all(len(fetch.requests) == 1 and fetch.span[1] % 40_000 == 0 for fetch in fetches)
    assert len(fetches) == 10
    assert max(stop - start for fetch in fetches for start, stop in fetch.requests) <= LONGEST


def test_gaps_are_closed_while_they_are_cheap() -> None:
    spans = [(0, 100_000), (110_000, 200_000), (300_000, 400_000)]
    assert moved(spans) == (100_000 + 100_000 + 100_000, 2)
    assert moved([(0, 3 * MB), (3 * MB + WIDEST + 1, 6 * MB)])[1] == 2


def test_of_very_many_small_spans_the_gaps_are_closed_because_round_trips_take_longer() -> None:
    """200 of 2,000 cells over 10,000 frames: 800 bytes of each row of 8 kB."""
    spans = [(start, start + 800) for start in range(0, 80_000_000, 8_000)]
    n_bytes, n_requests = moved(spans)
    assert n_requests <= PATIENCE
    assert n_bytes <= 80_000_000
    far = [(start, start + 800) for start in range(0, 400 * MB, WIDEST)]
    assert moved(far) == (800 * len(far), len(far))


@pytest.mark.parametrize(("size", "n"), [(4 * MB, 1), (10 * MB, 2), (16 * MB, 2), (17 * MB, 5), (160_000_000, 39)])
def test_a_long_span_comes_in_pieces_of_one_length(size: int, n: int) -> None:
    (fetch,) = plan([(5, 5 + size)])
    assert len(fetch.requests) == n
    lengths = {stop - start for start, stop in fetch.requests}
    assert max(lengths) - min(lengths) <= 1
    assert list(cut((5, 5), 10)) == []
