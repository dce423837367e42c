"""Any sequence of faults: after every step the file is right or absent, and right at the end."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from archive import Archive, Stored, guo_alm_local
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import store
from neurodata4ml.data.remote import transport
from neurodata4ml.errors import ArchiveError, ChecksumError

CONTENT = np.random.default_rng(0).bytes(1_200_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "guo-alm-local"
APART = 256_000

FEW, POSITIONS = st.integers(1, 4), st.integers(0, len(CONTENT) - 1)
WRONG_WAYS = (
    "http://10.0.0.1/",
    "http://169.254.169.254/latest",
    "https://evil.example/",
    "file:///etc/hosts",
    "/loop",
)


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Settings of faults that belong together."""
    return st.fixed_dictionaries(values)


FAULTS = st.one_of(
    some(cuts=st.lists(POSITIONS, min_size=1, max_size=12), reset=st.booleans()),
    some(flip_at=POSITIONS),
    some(changes_after=st.integers(0, 2)),
    some(new_etag=st.just("other")),
    *(some(**{name: st.just(True)}) for name in ("weak_etag", "no_etag", "ignore_range", "ignore_if_range", "loop")),
    *(some(**{name: st.just(True)}) for name in ("no_length", "chunked")),
    *(some(**{name: FEW}) for name in ("wrong_range", "short_range", "wrong_total", "gzip", "html", "expired")),
    some(lengths=FEW, length_by=st.integers(-9, 9)),
    some(
        unavailable=st.integers(1, 10),
        status=st.sampled_from([408, 429, 500, 502, 503, 504]),
        retry_after=st.sampled_from(["", "1", "400", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"]),
    ),
    some(misled=FEW, redirect_to=st.sampled_from(WRONG_WAYS)),
    some(chain=st.integers(1, 12)),
    some(stalls=st.just(1), stall_after=POSITIONS),
    some(pause=st.just(0.001), piece=st.just(1 << 17)),
)
STEPS = st.lists(st.lists(FAULTS, min_size=1, max_size=3), min_size=1, max_size=4)


@contextlib.contextmanager
def scene() -> Iterator[tuple[Archive, Stored]]:
    """An archive with one file, and an empty cache."""
    with Archive() as archive, tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "CACHE": f"{folder}/cache",
            "CATALOG": folder,
            "DANDI_API": archive.api,
            "TIMEOUT": "0.15",
        }.items():
            patch.setenv(f"NEURODATA4ML_{name}", value)
        patch.setattr(transport.time, "sleep", lambda _: None)
        yield archive, guo_alm_local(archive, Path(folder), CONTENT)


def state() -> str:
    """What lies under the final name: nothing, or the right bytes."""
    final = store.place(describe(NAME))
    if not final.exists():
        return "absent"
    return "right" if hashlib.sha256(final.read_bytes()).hexdigest() == DIGEST else "wrong"


def never_wrong(steps: list[list[dict[str, Any]]]) -> None:
    with scene() as (archive, stored):
        for step in steps:
            for name, value in (pair for fault in step for pair in fault.items()):
                setattr(archive.faults, name, value)
            try:
                fetch(NAME, progress=False)
                assert state() == "right"
                shutil.rmtree(store.place(describe(NAME)).parents[1])
            except (ArchiveError, ChecksumError):
                assert state() == "absent"
            archive.faults.heal()
            archive.change(stored, CONTENT)
        fetch(NAME, progress=False)
        assert state() == "right"


def no_byte_twice(cuts: list[int], interrupts: list[int], reset: bool) -> None:
    """Fetch while connections break after ``cuts`` and we are interrupted after ``interrupts`` bytes."""
    received, last, left = 0, 0, [*interrupts]

    def count(have: int, _: int) -> None:
        nonlocal received, last
        received += have - last if have >= last else have
        last = have
        if left and received > left[0]:
            left.pop(0)
            raise KeyboardInterrupt

    with scene() as (archive, _):
        archive.faults.cuts, archive.faults.reset = cuts, reset
        for _ in range(len(interrupts) + 1):
            with contextlib.suppress(KeyboardInterrupt):
                fetch(NAME, progress=count)
        assert state() == "right"
        assert received <= 1.1 * len(CONTENT)


CUTS = st.lists(st.integers(APART, 3 * APART), max_size=5)
INTERRUPTS = st.lists(POSITIONS, max_size=3).map(sorted)
QUICK = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
MANY = settings(QUICK, max_examples=150)


@pytest.mark.slow
@QUICK
@example([[{"flip_at": 5}, {"cuts": [500_000] + [0] * 99}]])  # a wrong byte is kept, and the rest is right
@example([[{"no_etag": True}, {"cuts": [500_000]}, {"changes_after": 1}]])  # two files, and no ETag to tell them apart
@example([[{"weak_etag": True}, {"cuts": [500_000] + [0] * 99}, {"flip_at": 5}], [{"no_etag": True}]])
@given(STEPS)
def test_after_any_faults_the_file_is_right_or_absent(steps: list[list[dict[str, Any]]]) -> None:
    never_wrong(steps)


@pytest.mark.slow
@QUICK
@given(CUTS, INTERRUPTS, st.booleans())
def test_broken_connections_cost_no_byte_twice(cuts: list[int], interrupts: list[int], reset: bool) -> None:
    no_byte_twice(cuts, interrupts, reset)


@pytest.mark.slow
@MANY
@given(STEPS)
def test_after_very_many_faults_the_file_is_right_or_absent(steps: list[list[dict[str, Any]]]) -> None:
    never_wrong(steps)


@pytest.mark.slow
@MANY
@given(CUTS, INTERRUPTS, st.booleans())
def test_very_many_broken_connections_cost_no_byte_twice(cuts: list[int], interrupts: list[int], reset: bool) -> None:
    no_byte_twice(cuts, interrupts, reset)
