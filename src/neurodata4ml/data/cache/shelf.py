"""Look after the cache: what is in it, what was left unfinished, whether it is still right, and how it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neurodata4ml.data.cache import disk, parts, receipts, room
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.data.cache.known import EXCERPT
from neurodata4ml.data.cache.receipts import Held
from neurodata4ml.errors import NeuroDataError
from neurodata4ml.lock import place, read_lock
from neurodata4ml.places import cache_folder
from neurodata4ml.suggest import did_you_mean

IMAGES = "images"
"""What stands for a session in the receipts of pictures that lie beside the recordings."""


@dataclass(frozen=True)
class Left:
    """Bytes of a file that did not become whole; ``is_alive``: somebody writes them now."""

    path: Path
    dataset: str
    session: str
    size: int
    is_alive: bool


@dataclass(frozen=True)
class Kept:
    """What reading left in the cache, to be quicker the next time: what it is, and when something came last."""

    path: Path
    what: str
    size: int
    came: float


@dataclass(frozen=True)
class Fault:
    """A file that is not what it was verified to be, why, and what to do."""

    held: Held
    why: str
    is_locked_out: bool = False

    @property
    def cure(self) -> str:
        """What to do."""
        held = self.held
        if self.is_locked_out:
            return (
                "The work was done with other bytes: bring them back, or go on with the present ones by deleting "
                f"the [[asset]] with dataset = {held.dataset!r}, session = {held.session!r} from {place()}"
            )
        return f"To get it anew: {self._line}"

    @property
    def _line(self) -> str:
        held = self.held
        session = f" --session {held.session}" if held.session else ""
        if held.session == IMAGES:
            return f"{held.line} --yes, then neurodata4ml fetch {held.dataset} --what {IMAGES}"
        if is_excerpt(held):
            what = held.what.replace(", ", ",")
            return f"{held.line} --excerpts --yes, then neurodata4ml fetch {held.dataset}{session} --what {what}"
        return f"{held.line} --yes, then neurodata4ml fetch {held.dataset}{session}"


def unfinished() -> Iterator[Left]:
    """Yield what was left, or is being written, anywhere in the cache; links are not followed."""
    root = cache_folder()
    for where, folders, names in os.walk(root):
        folders[:] = disk.datasets(where, folders)
        for name in sorted(names):
            path = Path(where, name)
            final = parts.of(path)
            try:
                if final is not None and not path.is_symlink():
                    dataset = path.relative_to(root).parts[0]
                    session = parts.session_of(path.with_name(path.name.removesuffix(".json")))
                    yield Left(path, dataset, session, path.stat().st_size, not parts.is_abandoned(path))
            except FileNotFoundError:  # its writer was quicker
                continue


def kept() -> list[Kept]:
    """Return what reading left in the cache: it may go at any time, and comes back where it is needed."""
    found = []
    for name, what in ((disk.BLOCKS, "parts of remote files"), (disk.INDEX, "what is where in files")):
        folder = cache_folder() / name
        if folder.is_dir() and (size := room.size_of(folder)):
            found.append(Kept(folder, what, size, folder.stat().st_mtime))
    return found


def is_excerpt(held: Held) -> bool:
    """Return whether a file holds parts of a session, beside which its whole file may lie."""
    return held.path.name.endswith(EXCERPT)


def grouped(held: list[Held]) -> Iterator[tuple[str, list[Held]]]:
    """Yield what files hold, in words, with the files: each by itself, but the pictures of a dataset together."""
    whole = {(each.dataset, each.version, each.session) for each in held if not each.what}
    pictures: dict[str, list[Held]] = {}
    for each in held:
        if each.session == IMAGES:
            pictures.setdefault(each.dataset, []).append(each)
        elif is_excerpt(each) and (each.dataset, each.version, each.session) in whole:
            yield f"{each.what} (not needed: the whole file is here)", [each]
        else:
            yield each.what or "whole", [each]
    for of in pictures.values():
        yield f"{len(of)} pictures", of


def chosen(
    name: str = "", session: str = "", *, unfinished_only: bool = False, excerpts_only: bool = False
) -> tuple[list[Held], list[Left]]:
    """Return the files of a dataset (all when left out), or of one of its sessions, and what was left of them.

    What is being written now is never among them. With ``..._only`` nothing else is.

    Raises
    ------
    NeuroDataError
        When nothing in the cache is of that name and session; what is there is suggested.
    """
    held = [each for each in receipts.all_held() if name in ("", each.dataset)]
    left = [each for each in unfinished() if name in ("", each.dataset)]
    if name and not held and not left:
        there = {each.dataset for each in receipts.all_held()}
        message = f"nothing of {name!r} is in the cache{did_you_mean(name, there)} What is: neurodata4ml cache ls"
        raise NeuroDataError(message)
    if session:
        held = [each for each in held if each.session == session]
        left = [each for each in left if each.session == session]
        if not held and not left:
            message = f"nothing of session {session!r} of {name} is in the cache. What is: neurodata4ml cache ls"
            raise NeuroDataError(message)
    held = [each for each in held if is_excerpt(each)] if excerpts_only else held
    left = [each for each in left if not each.is_alive and (unfinished_only or not excerpts_only)]
    return held if excerpts_only or not unfinished_only else [], left


def remove(held: list[Held], left: list[Left]) -> int:
    """Remove files with their receipts, and what was left; return how many bytes went.

    A link is removed, and never what it leads to. A file loses its name before its receipt goes: at no instant is there
    a file that looks verified and is not.

    Raises
    ------
    DiskError
        When the cache cannot be written to.
    """
    root, gone = cache_folder(), 0
    with disk.refuse_trouble("what is to go"):
        for path in [*(each.path for each in held), *(receipts.place(each.path) for each in held)]:
            gone += _unlink(root, path)
        for each in left:
            gone += _unlink(root, each.path) if parts.is_abandoned(each.path) else 0
        for folder in {path.parent for path in [*(e.path for e in held), *(e.path for e in left)]}:
            _remove_empty(root, folder)
    return gone


def remove_kept(left: list[Kept]) -> None:
    """Remove what reading left; of a link the link, and what another process writes meanwhile may stay.

    Raises
    ------
    DiskError
        When the cache cannot be written to.
    """
    with disk.refuse_trouble("what is to go"):
        for each in left:
            if each.path.is_symlink():
                each.path.unlink()
                continue
            for where, folders, names in os.walk(each.path, topdown=False):
                for name in names:
                    Path(where, name).unlink(missing_ok=True)
                for name in folders:
                    _remove_empty(each.path, Path(where, name))
            _remove_empty(cache_folder(), each.path)


def faults(held: list[Held], tell: Callable[[int, int], None] | None = None) -> Iterator[Fault]:
    """Read files anew and yield those that are not as verified, or not as the lock of the present work says.

    ``tell`` is called with (bytes read, bytes in all).
    """

    def told(before: int, n: int) -> None:
        if tell is not None:
            tell(before + n, total)

    locked = read_lock(place())
    total, before = sum(each.size for each in held), 0
    for each in held:
        its = receipts.receipt(each.path)
        with open(each.path, "rb") as file:
            read = digests(file, tell=partial(told, before))
        before += each.size
        lock = locked.get((each.dataset, each.session))
        if (read["size"], read["sha256"]) != (its["size"], its["sha256"]):
            yield Fault(each, f"has sha256 {read['sha256']}; {its['sha256']} was verified when it came in")
        elif lock and not each.what and lock.version == each.version and lock.sha256 != read["sha256"]:
            yield Fault(each, f"has sha256 {read['sha256']}; {place()} pins {lock.sha256}", is_locked_out=True)


def _unlink(root: Path, path: Path) -> int:
    if not path.parent.resolve().is_relative_to(root.resolve()):
        return 0
    size = path.lstat().st_size if path.is_symlink() or path.exists() else 0
    path.unlink(missing_ok=True)
    return size


def _remove_empty(root: Path, folder: Path) -> None:
    """Remove a folder and those above it, up to the cache, as long as nothing is in them."""
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
