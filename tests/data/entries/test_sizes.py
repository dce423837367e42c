"""Sizes are read as people write them, and written as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodata4ml.data.entries.sizes import parse_size, readable_bytes, readable_time, size_and_time
from neurodata4ml.errors import CatalogError


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("500MB", 500_000_000),
        ("1.5 GB", 1_500_000_000),
        ("2GiB", 2 << 30),
        ("300 kB", 300_000),
        ("12345", 12345),
        (12345, 12345),
        (" 7 b ", 7),
        (".5k", 500),
        ("2tib", 2 << 40),
    ],
)
def test_a_size_is_read(written: str | int, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["", "MB", "-5", "1e9", "5 apples", "1,5 GB", "500 MBps", "iB"])
def test_what_is_no_size_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(CatalogError, match=rf"'{written}' is not a size. .*: 500MB, 1.5 GB, 2GiB."):
        parse_size(written)


@given(st.integers(1, 10**17))
def test_what_is_shown_is_the_size_to_three_digits(size: int) -> None:
    shown = readable_bytes(size).removesuffix("ytes").removesuffix("yte")
    assert "e+" not in shown
    assert parse_size(shown) == pytest.approx(size, rel=0.005)


def test_sizes_and_times_as_a_reader_wants_them() -> None:
    assert [readable_bytes(size) for size in (0, 1, 999, 999_999, 1_736_516_600)] == [
        "not known",
        "1 byte",
        "999 bytes",
        "1 MB",
        "1.74 GB",
    ]
    assert [readable_time(size) for size in (1, 5e8, 1.7e9, 4.8e11)] == [
        "less than a second",
        "about 50 s",
        "about 3 min",
        "about 13.3 h",
    ]
    assert size_and_time(0, "simulated") == "made on this machine on first use"
    assert size_and_time(0, "local") == "a file on this machine"
    assert size_and_time(0, "dandi") == "size known once the archive is asked"
    assert size_and_time(587_240, "dandi") == "587 kB, less than a second at 10 MB/s"
