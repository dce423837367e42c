"""What an order is: which sessions of a dataset, which of their bytes lack, and where they will lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from neurodata4ml.data.archives import sources
from neurodata4ml.data.cache import disk, store
from neurodata4ml.data.cache.known import EXCERPT, known
from neurodata4ml.data.cache.parts import arrived
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.entries.sizes import readable_bytes
from neurodata4ml.data.orders.failures import IMAGES
from neurodata4ml.data.orders.pool import at_once
from neurodata4ml.errors import CatalogError, NeuroDataError, NotCachedError
from neurodata4ml.places import offline

JOBS = 4
"""Files at a time: enough to fill a line over which one file comes slowly, few enough to be a polite guest."""


@dataclass(frozen=True)
class Item:
    """One session of an order: ``size`` bytes (0: not known), of which ``here`` arrived in an earlier try.

    ``parts`` are the bytes of those parts that are wanted; None where they were not measured.
    """

    session: str
    path: Path
    size: int
    here: int = 0
    cached: bool = False
    parts: int | None = None

    @property
    def missing(self) -> int:
        """Bytes still to move; 0 too where nobody knows."""
        wanted = max(0, self.size - self.here) if self.parts is None else self.parts
        return 0 if self.cached else wanted


@dataclass(frozen=True)
class Order:
    """What is to be fetched of a dataset: whole files, or of each the parts ``what``; and its pictures."""

    entry: Entry
    items: tuple[Item, ...]
    what: tuple[str, ...] = ()
    pictures: bool = False

    @property
    def missing(self) -> int:
        """Bytes still to move; of parts that were not measured, those of the whole files, which is more than needed."""
        # by file: a zip archive that holds several sessions moves once
        return sum({self.entry.asset(item.session).path: item.missing for item in self.items}.values())

    @property
    def is_measured(self) -> bool:
        """Whether ``missing`` are the bytes that have to move, and not only no fewer than those."""
        return not self.what or all(item.cached or item.parts is not None for item in self.items)

    @property
    def can_be_parts(self) -> bool:
        """Whether parts of the files can be fetched: not where they lie in a zip or tar archive."""
        return not any(self.entry.asset(item.session).member for item in self.items)


def plan(
    entry: Entry, sessions: str | int | Iterable[str | int] | None = None, *, what: str | Iterable[str] | None = None
) -> Order:
    """Return what has to be done for these sessions (all when left out); nothing is downloaded.

    The archive is asked only for what the catalog does not pin: its list of sessions, and sizes. Offline, it is not,
    and sizes that are not known stay so.

    Raises
    ------
    CatalogError
        When there is no such session, or no such part.
    NotCachedError
        In offline mode, when only the archive could say which sessions there are.
    """
    words = tuple(dict.fromkeys(word.strip() for word in (what.split(",") if isinstance(what, str) else what or ())))
    if what is not None:
        from neurodata4ml.data.excerpts import excerpt

        excerpt.check_words(entry, words)
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


def measured(order: Order, *, jobs: int = JOBS) -> Order:
    """Return the order with the bytes of the parts that are wanted: each file is opened, which moves little of it.

    A file that cannot be opened stays without; fetching it will say why. Offline, nothing is opened.
    """
    if order.is_measured or offline():
        return order
    from neurodata4ml.data.excerpts import excerpt

    def work(session: str, go_on: Callable[[], None]) -> int:
        return excerpt.measure(order.entry, session, order.what)

    found = at_once(work, [item.session for item in order.items if not item.cached], jobs)
    sizes = {session: size for session, size in found.items() if isinstance(size, int)}
    return replace(order, items=tuple(replace(item, parts=sizes.get(item.session)) for item in order.items))


def check_size(order: Order, max_size: int | None) -> None:
    """Raise where an order would move more than ``max_size`` bytes; of parts, it must be ``measured``."""
    if max_size is None or order.missing <= max_size or not order.is_measured:
        return
    name, n_missing = order.entry.name, sum(not item.cached for item in order.items)
    if order.what:
        message = (
            f"{', '.join(order.what)} of {name} need {readable_bytes(order.missing)}, more than the "
            f"{readable_bytes(max_size)} allowed; nothing was fetched. Choose fewer sessions or parts, or allow more "
            "with --max-size."
        )
        raise NeuroDataError(message)
    message = (
        f"{n_missing} sessions of {name} still need {readable_bytes(order.missing)}, more than the "
        f"{readable_bytes(max_size)} allowed; nothing was fetched. Choose some with --session (sizes: neurodata4ml "
        f"fetch {name} --all --dry-run), only parts with --what, or allow more with --max-size."
    )
    raise NeuroDataError(message)


def _with_all_sessions(entry: Entry) -> Entry:
    try:
        return replace(entry, sessions=sources.listing(entry))
    except NotCachedError as error:
        message = (
            f"which sessions {entry.name} has is asked of its archive, and NEURODATA4ML_OFFLINE forbids it. Name them; "
            f"in the catalog are: {', '.join(entry.sessions)}. Where there is a network, unset it and type: "
            f"neurodata4ml fetch {entry.name} --all"
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
    size = asset.size or _stated_size(entry, session)
    return Item(session, disk.beside(path, EXCERPT), size) if parts else Item(session, path, size, here=arrived(path))


def _excerpt(entry: Entry, session: str, parts: tuple[str, ...]) -> Path | None:
    from neurodata4ml.data.excerpts import excerpt

    return excerpt.cached(entry, session, what=parts)


def _stated_size(entry: Entry, session: str) -> int:
    try:
        return 0 if offline() else sources.resolve(entry, session).size
    except CatalogError:  # there is no such file: fetching it says so, and does not keep the others from coming
        return 0
