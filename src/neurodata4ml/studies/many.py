"""Many recordings: each is asked by itself, kept when it is done, and all are summed up at the end."""

from __future__ import annotations

import contextlib
import logging
import signal
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from neurodata4ml.cores import n_cores
from neurodata4ml.errors import NeuroDataError
from neurodata4ml.record.environment import environment
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies.across.across import over_recordings
from neurodata4ml.studies.one import Outcome, outcome, placeless, places_of_networks, told, versions
from neurodata4ml.studies.progress import Progress, Step
from neurodata4ml.studies.unfinished import Finished, Unfinished, alone, fingerprint

TRIES = 3
"""Workers that may die over one recording (of lack of memory, mostly) before it is given up."""


def many_recordings(
    spec: Spec,
    parts: Mapping[str, Spec],
    *,
    client: Any = None,
    workers: int = 1,
    unfinished: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Ask every recording everything that it can answer, and say what they say together.

    Parameters
    ----------
    spec : Spec
        The study of many.
    parts : dict of str to Spec
        Its recordings, by key.
    client, workers, unfinished, progress
        As in :func:`~neurodata4ml.studies.run.run_study`.

    Returns
    -------
    Results
        ``sessions`` in the order of ``parts``; a recording that failed is named in ``missing``, with its reason.

    Raises
    ------
    NeuroDataError
        If every recording fails: the error of the first.
    """
    with _kept(spec, unfinished) as kept:
        run = _Run(parts, kept, progress or (lambda step: None))
        with _asked(run, client, workers) as outcomes:
            for one in outcomes:
                run.take(one)
        if len(run.failed) == len(parts):
            raise next(run.failed[key] for key in parts)
        return _together(spec, run)


class _Run:
    """What is done and what is left; ``n_at_once`` recordings are asked at a time."""

    def __init__(self, parts: Mapping[str, Spec], kept: Unfinished, tell: Progress) -> None:
        self.parts, self.kept, self.tell, self.n_at_once = parts, kept, tell, 1
        self.failed: dict[str, Exception] = {}
        self.finished: dict[str, Finished] = {k: v for k, v in kept.finished().items() if k in parts}
        if kept.begun_anew:
            tell(Step(f"begun anew: {kept.begun_anew}"))
        elif self.finished:
            tell(Step(f"{len(self.finished)} of {len(parts)} sessions were done before, and are kept"))

    @property
    def todo(self) -> dict[str, Spec]:
        """The recordings of which nothing came yet."""
        return {key: part for key, part in self.parts.items() if key not in self.finished and key not in self.failed}

    @property
    def n_ended(self) -> int:
        """How many recordings ended, well or not."""
        return len(self.finished) + len(self.failed)

    def take(self, one: Outcome) -> None:
        """Keep what came of a recording, and tell it."""
        if one.error is None:
            self.finished[one.key] = self.kept.keep(one.key, one.text, one.place, one.took)
        else:
            self.failed[one.key] = one.error
        name = "done" if one.error is None else str(one.error)
        self.tell(Step(name, one.key, self.n_ended, len(self.parts), one.took, self.left(), has_ended=True))

    def step_of(self, key: str) -> Progress:
        """Return what a recording that is asked in this process tells its steps to."""
        return lambda step: self.tell(Step(step.name, key, self.n_ended, len(self.parts), step.took, self.left()))

    def left(self) -> float | None:
        """Return the seconds that the rest is expected to take, from the mean of those that are done."""
        took = [one.took for one in self.finished.values()]
        return sum(took) / len(took) * len(self.todo) / self.n_at_once if took else None


@contextlib.contextmanager
def _kept(spec: Spec, folder: str | Path | None) -> Iterator[Unfinished]:
    """Yield where results are kept: a folder that outlives this process, or one that does not."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="neurodata4ml-"))
        stack.enter_context(alone(folder))
        yield Unfinished(Path(folder), fingerprint(spec, made_with()))


def made_with() -> dict[str, str]:
    """Return all that the bytes of a number may depend on here: versions of packages and Python, and the processor."""
    words = environment().words()
    words.pop("BLAS", None)  # which libraries are loaded changes with what else was imported; their versions do not
    return words


@contextlib.contextmanager
def _asked(run: _Run, client: Any, workers: int) -> Iterator[Iterator[Outcome]]:
    """Yield what comes of the recordings, as they end: here one after the other, or from the workers of a cluster."""
    workers = min(workers, len(run.todo))
    if client is None and workers <= 1:
        yield (outcome(part, key, run.step_of(key)) for key, part in run.todo.items())
        return
    with contextlib.ExitStack() as stack:
        its = client if client is not None else stack.enter_context(_own_cluster(workers, run.tell))
        run.n_at_once = max(1, len(its.scheduler_info(n_workers=-1)["workers"]))
        yield _from_workers(run, its)


def _from_workers(run: _Run, client: Any) -> Iterator[Outcome]:
    from distributed import as_completed

    futures = {client.submit(outcome, part, key, pure=False): key for key, part in run.todo.items()}
    try:
        for future in as_completed(list(futures)):  # type: ignore[no-untyped-call]
            error = future.exception()  # its worker died; what the recording itself raised is in its outcome
            yield future.result() if error is None else Outcome(futures[future], error=_lost(error))
            future.release()
    finally:
        client.cancel(list(futures))


def _lost(error: BaseException) -> NeuroDataError:
    return NeuroDataError(
        f"the process that asked it ended too early ({type(error).__name__}), most often for lack of memory. Ask "
        "fewer at a time: --workers 1."
    )


@contextlib.contextmanager
def _own_cluster(workers: int, tell: Progress) -> Iterator[Any]:
    """Yield a client of processes on this machine, each with one thread for recordings and a share of the memory."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.system import MEMORY_LIMIT

    memory = int(MEMORY_LIMIT) // workers
    tell(Step(f"{workers} workers, each with up to {memory / 1e9:.1f} GB of memory"))
    options = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "memory_limit": memory,
        "env": {"NEURODATA4ML_CORES": str(max(1, n_cores() // workers))},
        "silence_logs": logging.CRITICAL,  # what ails a recording is in its outcome
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": TRIES - 1}))
        with _deaf_to_ctrl_c():
            cluster = LocalCluster(host="127.0.0.1", dashboard_address=None, **options)  # type: ignore[no-untyped-call]
            stack.enter_context(cluster)
        yield stack.enter_context(Client(cluster))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that a terminal's Ctrl-C does not reach: this one hears it, and ends them in order."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # started later, by the thread of a worker, it would let Ctrl-C through there
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _together(spec: Spec, run: _Run) -> Results:
    """Return what the recordings say together, with each of them."""
    sessions = {key: run.kept.load(key) for key in run.parts if key in run.finished}
    return Results(
        spec=told(spec),
        data=data_of_all({key: one.data for key, one in sessions.items()}),
        arrays=over_recordings(sessions),
        missing={
            f"sessions/{key}": placeless(str(run.failed[key]), run.parts[key]) for key in run.parts if key in run.failed
        },
        warnings=_warned(sessions),
        software=versions(),
        sessions=sessions,
        places={**{key: run.finished[key].place for key in sessions}, **places_of_networks(spec)},
    )


_ADDED_UP = ("n_trials", "n_trials_total", "n_units", "n_units_total", "size")


def data_of_all(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is true of all recordings: facts that they share, and sums of what was kept and dropped."""
    every = list(data.values())
    shared = {name: value for name, value in every[0].items() if all(one.get(name) == value for one in every)}
    sums = {name: sum(int(one.get(name, 0)) for one in every) for name in _ADDED_UP}
    counts = {
        name: _summed([one.get(name, {}) for one in every]) for name in ("trials_dropped", "units_dropped", "areas")
    }
    return {"title": f"{len(every)} recordings", **shared, **sums, **counts, "n_recordings": len(every)}


def _summed(counts: list[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: sum(one.get(name, 0) for one in counts) for name in names}


def _warned(sessions: Mapping[str, Results]) -> list[str]:
    """Return every warning once, with how many recordings it is of."""
    texts = dict.fromkeys(text for one in sessions.values() for text in one.warnings)
    of = {text: sum(text in one.warnings for one in sessions.values()) for text in texts}
    return [f"{n} of {len(sessions)} recordings: {text}" for text, n in of.items()]
