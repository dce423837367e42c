"""Threads for linear algebra: many tasks at once, each with one thread of BLAS, so that no two pools fight."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock, local
from typing import Any, NamedTuple, TypeVar

from threadpoolctl import ThreadpoolController

from neurodata4ml.cores import n_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], *, n_jobs: int | None = None) -> list[Result]:
    """Return ``[function(item) for item in items]``, several at a time.

    A task never shares a sum with another, so that the result has the same bits for any ``n_jobs``. Threads gain where
    the function spends its time in numpy or scipy, which let others run meanwhile.

    Parameters
    ----------
    function : callable
        Given one item; must not change what other tasks read.
    items : iterable
    n_jobs : int, optional
        Threads; by default, the cores that this process may use. With 1, no thread is started.

    Returns
    -------
    list
        In the order of ``items``.

    Raises
    ------
    Exception
        The first that a task raises, in the order of ``items``, as it is; tasks that have not begun are not started.
    """
    return list(stream_threads(function, list(items), n_jobs=n_jobs))


def stream_threads(
    function: Callable[[Item], Result], items: Iterable[Item], *, n_jobs: int | None = None
) -> Iterator[Result]:
    """Yield what ``in_threads`` returns, one by one; at most two results a thread wait to be taken.

    Until the last is taken, or the iterator is closed, BLAS keeps to one thread in the whole process.
    """
    todo = list(items)
    n_threads = n_cores() if n_jobs is None else max(1, int(n_jobs))
    # a single task may still spread its own work, unless it is part of a task already
    is_alone = len(todo) == 1 and getattr(_HERE, "crew", None) is None
    n_threads = n_threads if is_alone else min(n_threads, len(todo))
    with one_blas_thread():
        if n_threads <= 1:
            yield from map(function, todo)
            return
        pool = ThreadPoolExecutor(n_threads, "neurodata4ml-linear")
        crew = _Crew(pool, n_threads - 1)
        waiting: deque[Future[Result]] = deque()
        try:
            if is_alone:
                yield _with_crew(crew, function, todo[0])
                return
            for item in todo:
                if len(waiting) >= 2 * n_threads:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(_with_crew, crew, function, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def spread(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return ``[function(item) for item in items]`` from inside a task, with the help of threads that are idle.

    So that the last task of an odd number does not keep all others waiting. The caller works on its own items; who has
    nothing left to do takes some of them. Outside a task, and where all are busy, nobody helps.
    """
    todo = list(items)
    results: dict[int, Result] = {}
    claims, lock = iter(range(len(todo))), Lock()

    def work() -> None:
        while True:
            with lock:
                i = next(claims, None)
            if i is None:
                return
            results[i] = function(todo[i])

    crew: _Crew | None = getattr(_HERE, "crew", None)
    helpers = [] if crew is None else [crew.pool.submit(work) for _ in range(min(crew.n_others, len(todo) - 1))]
    work()
    for helper in helpers:
        if not helper.cancel():
            helper.result()
    return [results[i] for i in range(len(todo))]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread meanwhile: numpy's and scipy's pools would otherwise take every core twice.

    The limit is the whole process's. Where several threads ask, the first sets it and the last lifts it.
    """
    with _LIMIT.lock:
        if _LIMIT.asked == 0:
            _LIMIT.held = _LIMIT.libraries().limit(limits=1, user_api="blas")
        _LIMIT.asked += 1
    try:
        yield
    finally:
        with _LIMIT.lock:
            _LIMIT.asked -= 1
            if _LIMIT.asked == 0:
                _LIMIT.held.restore_original_limits()


class _Crew(NamedTuple):
    """The threads of a task, and how many others there are."""

    pool: ThreadPoolExecutor
    n_others: int


_HERE = local()


def _with_crew(crew: _Crew, function: Callable[[Item], Result], item: Item) -> Result:
    _HERE.crew = crew
    try:
        return function(item)
    finally:
        _HERE.crew = None


class _Limit:
    """Who holds BLAS to one thread."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.asked = 0
        self.held: Any = None
        self._found: tuple[int, ThreadpoolController] | None = None

    def libraries(self) -> ThreadpoolController:
        """Return the BLAS libraries that are loaded; looked for anew (9 ms) when a module was imported since."""
        if self._found is None or self._found[0] != len(sys.modules):
            self._found = len(sys.modules), ThreadpoolController()
        return self._found[1]


_LIMIT = _Limit()
