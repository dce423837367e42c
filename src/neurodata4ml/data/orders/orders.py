"""An order: sessions of a dataset, planned before a byte moves, several files at a time, each failure told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path

from neurodata4ml.data.archives import sources
from neurodata4ml.data.cache import room, store
from neurodata4ml.data.cache.known import known
from neurodata4ml.data.cache.progress import Board, Progress, board
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.entries.sizes import parse_size, readable_bytes
from neurodata4ml.data.orders.pool import at_once
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, DiskError, NeuroDataError, NotCachedError
from neurodata4ml.places import cache_folder, offline

JOBS = 4
"""Files at a time: enough to fill a line over which one file comes slowly, few enough to be a polite guest."""

GRAVEST_FIRST = (ChecksumError, DiskError, NotCachedError, ArchiveError, CatalogError, NeuroDataError)
"""Of several failures, the first kind of these gives the error its type, and the command its exit code."""

IMAGES = "images"
"""The part of a dataset that is no part of its sessions' files, where it has pictures of its own."""


@dataclass(frozen=True)
class Item:
    """One session of an order: ``size`` bytes (0: not known), of which ``here`` arrived in an earlier try."""

    session: str
    path: Path
    size: int
    here: int = 0
    cached: bool = False

    @property
    def missing(self) -> int:
        """Bytes still to move; 0 too where nobody knows."""
        return 0 if self.cached else max(0, self.size - self.here)


@dataclass(frozen=True)
class Order:
    """What is to be fetched of a dataset: whole files, or of each the parts ``what``; and its pictures."""

    entry: Entry
    items: tuple[Item, ...]
    what: tuple[str, ...] = ()
    pictures: bool = False

    @property
    def missing(self) -> int:
        """Bytes still to move; where only parts are wanted, those of the whole files, which is more than needed."""
        # by file: a zip archive that holds several sessions moves once
        return sum({self.entry.asset(item.session).path: item.missing for item in self.items}.values())

    @property
    def can_be_parts(self) -> bool:
        """Whether parts of the files can be fetched: not where they lie in a zip or tar archive."""
        return not any(self.entry.asset(item.session).member for item in self.items)


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
        When there is no such dataset or session.
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


def plan(
    entry: Entry, sessions: str | int | Iterable[str | int] | None = None, *, what: str | Iterable[str] | None = None
) -> Order:
    """Return what has to be done for these sessions (all when left out); nothing is downloaded.

    The archive is asked only for what the catalog does not pin: its list of sessions, and sizes. Offline, it is not,
    and sizes that are not known stay so.

    Raises
    ------
    CatalogError
        When there is no such session.
    NotCachedError
        In offline mode, when only the archive could say which sessions there are.
    """
    words = tuple(dict.fromkeys(word.strip() for word in (what.split(",") if isinstance(what, str) else what or ())))
    parts = tuple(word for word in words if not (word == IMAGES and entry.images_from))
    if words and not parts:
        return Order(entry, (), (), pictures=True)
    if sessions is None:
        entry = _with_all_sessions(entry)
        sessions = entry.sessions
    chosen = list(dict.fromkeys(map(str, [sessions] if isinstance(sessions, str | int) else sessions)))
    for session in chosen:
        if session not in entry.sessions:
            entry = replace(entry, sessions=known(entry, session).sessions)
    items = tuple(_item(entry, entry.session_id(session), parts) for session in chosen)
    return Order(entry, items, parts, words != parts)


def check_size(order: Order, max_size: int | None) -> None:
    """Raise where an order of whole files would move more than ``max_size`` bytes."""
    if max_size is None or order.missing <= max_size or order.what:
        return
    name, n_missing = order.entry.name, sum(not item.cached for item in order.items)
    message = (
        f"{n_missing} sessions of {name} still need {readable_bytes(order.missing)}, more than the "
        f"{readable_bytes(max_size)} allowed; nothing was fetched. Choose some with --session (sizes: neurodata4ml "
        f"fetch {name} --all --dry-run), only parts with --what, or allow more with --max-size."
    )
    raise NeuroDataError(message)


def execute(
    order: Order, *, jobs: int = JOBS, max_size: int | None = None, progress: Progress | bool | None = None
) -> dict[str, Path]:
    """Fetch an order, ``jobs`` files at a time; where some fail the others go on, and one error tells of all.

    Nothing begins where the disk, or ``max_size``, has no room for all of it; of parts it is known only when they are
    found how large they are. Ctrl-C stops all downloads, and what arrived stays for the next try.
    """
    check_size(order, max_size)
    _check_room(order)
    items = {item.session: item for item in order.items}
    sizes = {item.session: 0 if order.what else item.size for item in order.items if not item.cached}
    paths: dict[str, Path] = {}
    if order.pictures:
        from neurodata4ml.data.supplements import fetch_images

        paths[IMAGES] = fetch_images(order.entry, progress)
    with board(progress if sizes else False, order.entry.name, sizes) as its:

        def work(session: str, go_on: Callable[[], None]) -> Path:
            def tell(have: int, size: int) -> None:
                go_on()
                its.tell(session, have, size)
                _refuse_large_parts(order, its, max_size)

            path = _fetch(order, items[session], tell)
            its.done(session)
            return path

        outcome = at_once(work, list(items), jobs)
    failed = {session: result for session, result in outcome.items() if isinstance(result, NeuroDataError)}
    if failed:
        raise _one_error(order, failed)
    return {**{session: path for session, path in outcome.items() if isinstance(path, Path)}, **paths}


def arrived(order: Order) -> dict[str, Path]:
    """Return the whole files of an order that are in the cache by now, by session; nobody is asked."""
    found = {item.session: store.cached(order.entry, item.session) for item in order.items}
    return {session: path for session, path in found.items() if path is not None}


def _with_all_sessions(entry: Entry) -> Entry:
    try:
        return replace(entry, sessions=sources.listing(entry))
    except NotCachedError as error:
        message = (
            f"which sessions {entry.name} has is asked of its archive, and NEURODATA4ML_OFFLINE forbids it. Name them; "
            f"in the catalog are: {', '.join(entry.sessions)}."
        )
        raise NotCachedError(message) from error


def _item(entry: Entry, session: str, parts: tuple[str, ...]) -> Item:
    path = store.cached(entry, session) or (_excerpt(entry, session, parts) if parts else None)
    if path is not None:
        return Item(session, path, path.stat().st_size, cached=True)
    entry = known(entry, session)
    asset, path = entry.asset(session), store.place(entry, session)
    if entry.archive == "simulated":
        return Item(session, path, 0)
    if asset.member:
        archive = store.cached(replace(entry, sessions={**entry.sessions, session: replace(asset, member="")}), session)
        return Item(session, path, asset.size, here=asset.size if archive else 0)
    return Item(session, path, asset.size or _stated_size(entry, session), here=_arrived(path))


def _excerpt(entry: Entry, session: str, parts: tuple[str, ...]) -> Path | None:
    from neurodata4ml.data.excerpts import excerpt

    path = excerpt.cached(known(entry, session), session)
    return path if path is not None and set(parts) <= set(store.receipt(path).get("what", [])) else None


def _stated_size(entry: Entry, session: str) -> int:
    try:
        return 0 if offline() else sources.resolve(entry, session).size
    except CatalogError:  # there is no such file: fetching it says so, and does not keep the others from coming
        return 0


def _arrived(final: Path) -> int:
    """Return how much of a file an earlier try left, as far as one can see without reading it."""
    sizes = [0]
    for part in final.parent.glob(f"{escape(final.name)}*.part"):
        with contextlib.suppress(FileNotFoundError):  # another process may take it over just now
            sizes.append(part.stat().st_size)
    return max(sizes)


def _fetch(order: Order, item: Item, progress: Progress) -> Path:
    path = _file(order, item, progress)
    if order.entry.repair:  # what opening the session will ask for
        from neurodata4ml.data import repair

        repair.fetch(order.entry, item.session, progress=False)
    return path


def _file(order: Order, item: Item, progress: Progress) -> Path:
    if not order.what:
        return store.obtain(order.entry, item.session, progress)
    from neurodata4ml.data.excerpts import excerpt

    return excerpt.fetch(order.entry, item.session, order.what, progress)


def _check_room(order: Order) -> None:
    if order.missing and not order.what:
        folder = next(folder for folder in (cache_folder(), *cache_folder().parents) if folder.is_dir())
        room.check_room(folder, order.missing, f"{order.entry.name} ({len(order.items)} sessions)")


def _refuse_large_parts(order: Order, its: Board, max_size: int | None) -> None:
    size = its.total[1]
    if max_size is not None and order.what and size > max_size:
        message = (
            f"{', '.join(order.what)} of {order.entry.name} need {readable_bytes(size)}, more than the "
            f"{readable_bytes(max_size)} allowed. Choose fewer sessions or parts, or allow more with --max-size."
        )
        raise NeuroDataError(message)


def _one_error(order: Order, failed: dict[str, NeuroDataError]) -> NeuroDataError:
    """Return the error that tells of all failures: the only one itself, else one of the gravest kind."""
    errors = list(failed.values())
    if len(order.items) == 1 or (len(errors) > 1 and len(set(map(str, errors))) == 1):
        return errors[0]
    name = order.entry.name
    kind = next(kind for kind in GRAVEST_FIRST if any(isinstance(error, kind) for error in errors))
    if all(isinstance(error, NotCachedError) for error in errors):
        lines = [f"  {session}" for session in failed]
        again = " ".join(f"--session {session}" for session in failed)
        what = f" --what {','.join(order.what)}" if order.what else ""
        head = f"{len(failed)} sessions of {name} are not in the cache, and NEURODATA4ML_OFFLINE forbids to fetch them:"
        cure = f"Where there is a network, unset it and type: neurodata4ml fetch {name} {again}{what}"
    else:
        lines = [f"  {session}: {error}" for session, error in failed.items()]
        head = f"{len(failed)} of {len(order.items)} sessions of {name} did not arrive; all others are there."
        cure = "Run the same line again: it fetches only what lacks."
    return kind("\n".join([head, *lines, cure]))
