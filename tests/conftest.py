"""What every test may rely on: a cache of its own, no network but the loopback, real recordings if there."""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chromium import axe, browser, open_page  # noqa: F401 - fixtures of the tests in tests/browser

ROOT = Path(__file__).resolve().parents[1]

os.environ.setdefault("MPLBACKEND", "Agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of minutes, those that have a limit of their own: at the end no worker waits for one."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


def real_data(name: str) -> Path:
    """Return the path of a real recording, or skip the test with the reason.

    They lie in the folder named by ``NEURODATA4ML_TEST_DATA``, else in ``shared/data`` beside the checkout.
    """
    named = os.environ.get("NEURODATA4ML_TEST_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    path = folder / name
    if not path.exists():
        pytest.skip(f"the real recording {name!r} is not in {folder}; its pynwb-written twin is tested")
    return path


MANY = 100
"""Tests from which on it pays to write the demo once for all of them: seconds that a single test need not wait."""


@pytest.fixture(scope="session", autouse=True)
def own_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the whole session a cache that nobody else sees, and none of the user's settings.

    The demo lies in a shared cache that all workers read, unless a test asks for ``nothing_written``.
    """
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        apis, limits = ("DANDI_API", "ZENODO_API", "OSF_API"), ("CACHE_LIMIT", "BLOCK_CACHE_BYTES")
        for name in ("CATALOG", "OFFLINE", "SHARED_CACHE", *apis, *limits):
            patch.delenv(f"NEURODATA4ML_{name}", raising=False)
        if len(request.session.items) >= MANY:
            alone = os.environ.get("PYTEST_XDIST_WORKER") is None
            base = tmp_path_factory.getbasetemp()
            shared = (base if alone else base.parent) / "written-once"
            patch.setenv("NEURODATA4ML_CACHE", str(shared))
            importlib.import_module("neurodata4ml").fetch("demo")
            patch.setenv("NEURODATA4ML_SHARED_CACHE", str(shared))
        patch.setenv("NEURODATA4ML_CACHE", str(cache))
        yield cache


@pytest.fixture
def nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test see the first use of all: no demo is there, in no cache."""
    monkeypatch.delenv("NEURODATA4ML_SHARED_CACHE", raising=False)


@pytest.fixture(scope="session")
def locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield paths of locks that are not there, one after the other: a folder for each of all tests would cost time."""
    folder = tmp_path_factory.mktemp("locks")
    return (folder / f"{number}.lock" for number in itertools.count())


@pytest.fixture(autouse=True)
def own_lock(locks: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a lock of its own, so that none is written into, or honoured from, the working folder."""
    path = next(locks)
    monkeypatch.setenv("NEURODATA4ML_LOCK", str(path))
    return path


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Put the package's log back after each test: a command typed in one sets its level and takes its words away."""
    log = logging.getLogger("neurodata4ml")
    before = (log.level, log.propagate, list(log.handlers))
    yield
    log.setLevel(before[0])
    log.propagate, log.handlers[:] = before[1], before[2]


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection of this process that leaves the loopback: the suite is offline for sure."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if not (host.startswith("127.") or host in ("::1", "localhost", "0.0.0.0")):
            message = f"a test tried to reach {host}; tests are offline, use a server on 127.0.0.1"
            raise OSError(message)


sys.addaudithook(_stay_on_this_machine)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An ``Archive`` that stands for DANDI, with a cache and an empty catalog of the test's own beside it."""
    from archive import Archive  # which imports this file

    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    (tmp_path / "catalog").mkdir()
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        yield archive
