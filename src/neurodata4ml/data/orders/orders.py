"""Carry out an order: several files at a time, where some fail the others go on, and each failure is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from neurodata4ml.data.cache import room, store
from neurodata4ml.data.cache.progress import Board, Progress, board
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.entries.sizes import parse_size, readable_bytes
from neurodata4ml.data.orders.failures import IMAGES, one_error
from neurodata4ml.data.orders.plans import JOBS, Order, check_size, measured, plan
from neurodata4ml.data.orders.pool import at_once
from neurodata4ml.errors import NeuroDataError
from neurodata4ml.places import cache_folder


def fetch_sessions(
    name: str,
    sessions: str | int | Iterable[str | int] | None = None,
    *,
    what: str | Iterable[str] | None = None,
    jobs: int = JOBS,
    max_size: str | int | None = None,
    progress: Progress | bool | None = None,
) -> dict[str, Path]:
    """Return the paths of several sessions' files by session, after downloading and verifying those that lack.

    Parameters
    ----------
    name : str
        A dataset of the catalog.
    sessions : str, int or sequence of them, optional
        Some of its sessions; all when left out, with those that only the archive lists.
    what : str or sequence of str, optional
        Fetch only these parts of each file, like ``"units,trials"``: ``units`` (those that pass the dataset's quality
        filter), names of its trials and series. Where the whole file is there, it is taken. With ``images``, where the
        dataset's pictures lie beside its recordings, their folder is returned under this name.
    jobs : int
        Files at a time.
    max_size : str or int, optional
        ``"2GB"``, or bytes; where more than that would have to move, nothing does, and it is an error.
    progress : callable or bool, optional
        Called with (bytes there, bytes in all) of everything together. False: show nothing. By default bars where
        stderr is a terminal, else a line every half a minute.

    Raises
    ------
    CatalogError
        When there is no such dataset, session or part.
    NotCachedError
        In offline mode, where files are not in the cache: all of them are listed, with the line that gets them.
    NeuroDataError
        When more than ``max_size`` would have to move, or sessions failed: all others arrived, and the error names each
        that did not with its reason. It is of the gravest kind among them, as ``fetch`` would raise it.

    Examples
    --------
    >>> [path.name for path in fetch_sessions("demo", [0]).values()]
    ['demo_seed-0.nwb']
    """
    order = plan(describe(name), sessions, what=what)
    return execute(order, jobs=jobs, max_size=None if max_size is None else parse_size(max_size), progress=progress)


def execute(
    order: Order, *, jobs: int = JOBS, max_size: int | None = None, progress: Progress | bool | None = None
) -> dict[str, Path]:
    """Fetch an order, ``jobs`` files at a time; where some fail the others go on, and one error tells of all.

    Nothing begins where the disk, or ``max_size``, has no room for all of it; of pictures it is known only when the
    first ones come how large they are. Ctrl-C stops all downloads, and what arrived stays for the next try.
    """
    order = order if max_size is None or order.missing <= max_size else measured(order, jobs=jobs)
    check_size(order, max_size)
    _check_room(order)
    items = {item.session: item for item in order.items}
    sizes = {item.session: (item.parts or 0) if order.what else item.size for item in order.items if not item.cached}
    sizes |= {IMAGES: 0} if order.pictures else {}
    with board(progress if sizes or order.entry.repair else False, order.entry.name, sizes) as its:

        def work(name: str, go_on: Callable[[], None]) -> Path:
            def tell(what: str, have: int, size: int) -> None:
                go_on()
                its.tell(what, have, size)
                _refuse_too_much(order, its, max_size)

            path = _fetch(order, name, partial(tell, name))
            its.done(name)
            if order.entry.repair and name in items:  # what opening the session will ask for
                _repair(order, name, partial(tell, f"{name}, repair"))
                its.done(f"{name}, repair")
            return path

        outcome = at_once(work, [*items, *[IMAGES] * order.pictures], jobs)
    failed = {name: result for name, result in outcome.items() if isinstance(result, NeuroDataError)}
    if failed:
        raise one_error(order.entry.name, len(outcome), failed, order.what)
    return {name: path for name, path in outcome.items() if isinstance(path, Path)}


def arrived(order: Order) -> dict[str, Path]:
    """Return the whole files of an order that are in the cache by now, by session; nobody is asked."""
    found = {item.session: store.cached(order.entry, item.session) for item in order.items}
    return {session: path for session, path in found.items() if path is not None}


def _fetch(order: Order, name: str, progress: Progress) -> Path:
    """Fetch the file of a session, parts of it, or the pictures."""
    if name == IMAGES and order.pictures:
        from neurodata4ml.data.supplements import fetch_images

        return fetch_images(order.entry, progress)
    if not order.what:
        return store.obtain(order.entry, name, progress)
    from neurodata4ml.data.excerpts import excerpt

    return excerpt.fetch(order.entry, name, order.what, progress)


def _repair(order: Order, session: str, progress: Progress) -> None:
    from neurodata4ml.data import repair

    repair.fetch(order.entry, session, progress=progress)


def _check_room(order: Order) -> None:
    if order.missing and not order.what:
        folder = next(folder for folder in (cache_folder(), *cache_folder().parents) if folder.is_dir())
        room.check_room(folder, order.missing, f"{order.entry.name} ({len(order.items)} sessions)")


def _refuse_too_much(order: Order, its: Board, max_size: int | None) -> None:
    """Raise where it turns out only on the way how much there is: of pictures nobody states it before."""
    is_known = order.is_measured and not order.pictures and all(item.size for item in order.items)
    size = its.total[1]
    if max_size is not None and not is_known and size > max_size:
        message = (
            f"{', '.join([*order.what, *[IMAGES] * order.pictures]) or 'files'} of {order.entry.name} need "
            f"{readable_bytes(size)}, more than the {readable_bytes(max_size)} allowed. Choose fewer sessions or "
            "parts, or allow more with --max-size."
        )
        raise NeuroDataError(message)
