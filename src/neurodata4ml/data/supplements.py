"""The pictures that an archive keeps beside the recordings, one file each: in the cache, where they are pictures."""

from __future__ import annotations

import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import dask.array as da
import numpy as np
from dask import delayed

from neurodata4ml import lock, names
from neurodata4ml.data.archives.remote import Remote, https, reach_beside
from neurodata4ml.data.cache import receipts, store
from neurodata4ml.data.cache.progress import Progress, shown
from neurodata4ml.data.entries.records import Entry, Images
from neurodata4ml.data.orders.pool import at_once
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, LayoutError, NotCachedError
from neurodata4ml.places import cache_folder, offline, shared_caches

FORMATS = ("TIFF", "PNG", "JPEG", "BMP")
"""What a picture may be. Pillow knows more, and starts other programs for some of them."""

MODES = {
    "L": (1, "uint8"),
    "I;16": (1, "uint16"),
    "I;16B": (1, ">u2"),
    "I": (1, "int32"),
    "F": (1, "float32"),
    "RGB": (3, "uint8"),
    "RGBA": (4, "uint8"),
}
"""Pillow's modes that are grey or colours, as the channels and the type of the array; palettes and bits are neither."""

NO_PICTURE = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, struct.error)
"""What Pillow raises where bytes are no picture, or only the beginning of one."""


def fetch_images(entry: Entry, progress: Progress | bool | None = None, jobs: int = 8) -> Path:
    """Return the folder with all pictures of a dataset, after fetching those that are not in the cache.

    Parameters
    ----------
    entry : Entry
        With ``images_from``.
    progress : callable or bool, optional
        Called with (bytes there, bytes in all, as far as they are known). False: show nothing.
    jobs : int
        Pictures fetched at once.

    Raises
    ------
    CatalogError
        The dataset has no pictures of its own.
    NotCachedError
        In offline mode, when pictures are missing.
    ArchiveError
        When the archive does not deliver, or sends something that is no picture; that is not kept.
    """
    there = image_paths(entry)
    if there is not None:
        return _held(entry, next(iter(there.values())).parent)
    paths = _paths(entry, cache_folder())
    missing = {n: path for n, path in paths.items() if not is_kept(path)}
    folder = next(iter(paths.values())).parent
    if offline():
        message = (
            f"{len(missing)} of the {len(paths)} pictures of {entry.name} are not in the cache ({folder}), and "
            "NEURODATA4ML_OFFLINE forbids to fetch them. Where there is a network, unset it and type: "
            f"neurodata4ml fetch {entry.name} --what images"
        )
        raise NotCachedError(message)
    with shown(progress, f"{entry.name} pictures") as show:
        total = _Total(show, len(missing))

        def work(number: str, go_on: Callable[[], None]) -> None:
            _fetch_one(entry, int(number), missing[int(number)], total.of(int(number), go_on))

        at_once(work, list(map(str, missing)), jobs, all_or_none=True)
    return _held(entry, folder)


def images_cached(entry: Entry) -> bool:
    """Return whether all pictures of a dataset are in the cache, so that no network is needed for them."""
    return entry.images_from is not None and image_paths(entry) is not None


def image_paths(entry: Entry) -> dict[int, Path] | None:
    """Return the file of each picture by its number: from the first cache that has all of them, None where none has."""
    for cache in (cache_folder(), *shared_caches()):
        paths = _paths(entry, cache)
        if all(map(is_kept, paths.values())):
            return paths
    return None


def numbers(images: Images) -> range:
    """Return the numbers of the pictures, which are those of the stimuli."""
    return range(images.first, images.first + images.count)


def pictures(entry: Entry, folder: Path) -> dict[int, da.Array]:
    """Return each picture of ``folder`` by its number, unread; their headers are looked at.

    Raises
    ------
    LayoutError
        When they are not all of one size and type; those that differ from most are named.
    """
    paths = {number: folder / path.name for number, path in _paths(entry, cache_folder()).items()}
    kinds = {number: _kind(path) for number, path in paths.items()}
    (kind, _), *_ = Counter(kinds.values()).most_common()
    odd = {paths[number].name: found for number, found in kinds.items() if found != kind}
    if odd:
        named = ", ".join(f"{name} is {_words(found)}" for name, found in list(odd.items())[:5])
        message = (
            f"the pictures of {entry.name} are not of one size: {len(kinds) - len(odd)} are {_words(kind)}, and "
            f"{named}. Delete {folder} and fetch them anew: neurodata4ml fetch {entry.name} --what images"
        )
        raise LayoutError(message)
    shape, dtype = kind
    return {n: da.from_delayed(delayed(read_picture)(path), shape, dtype) for n, path in paths.items()}


def read_picture(path: Path) -> np.ndarray:
    """Return a picture, (y, x) or (y, x, channel), as stored.

    Raises
    ------
    LayoutError
        When the file is not one picture in grey or in colours.
    """
    with _opened(path) as picture:
        return np.asarray(picture)


def is_kept(path: Path) -> bool:
    """Return whether a file is in the cache as it came in: whole, and not changed since."""
    return receipts.holds(path, receipts.receipt(path))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a picture; whatever Pillow raises, also while the picture is read, becomes a LayoutError."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as picture:
            if getattr(picture, "n_frames", 1) > 1 or picture.mode not in MODES:
                message = (
                    f"{path} is not one picture in grey or in colours, but {picture.format} in mode {picture.mode}."
                )
                raise LayoutError(message)
            yield picture
    except FileNotFoundError as error:
        message = f"{path} is gone from the cache. Fetch it again: neurodata4ml.stimulus_images(session)."
        raise LayoutError(message) from error
    except (*NO_PICTURE, Image.DecompressionBombError) as error:
        with open(path, "rb") as file:
            message = f"{path} is no picture ({error}); it begins with {file.read(8)!r}."
        raise LayoutError(message) from error


def _kind(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type of a picture from its header."""
    with _opened(path) as picture:
        n_channels, dtype = MODES[picture.mode]
        return (picture.height, picture.width, n_channels)[: 3 if n_channels > 1 else 2], np.dtype(dtype)


def _words(kind: tuple[tuple[int, ...], np.dtype[Any]]) -> str:
    shape, dtype = kind
    return f"{' x '.join(map(str, shape))} {dtype}"


def _images_of(entry: Entry) -> Images:
    if entry.images_from is None:
        message = f"{entry.name} has no pictures beside its recordings: {entry.file} has no images_from."
        raise CatalogError(message)
    return entry.images_from


def _paths(entry: Entry, cache: Path) -> dict[int, Path]:
    """Return where each picture lies in a cache, or will, by its number."""
    images = _images_of(entry)
    name = unquote(PurePosixPath(urlsplit(images.url).path).name)
    name = name if "{n}" in name else "{n}_" + name
    found = {n: f"{entry.name}/images/{name.replace('{n}', str(n))}" for n in numbers(images)}
    return {n: cache / names.safe(path, str(entry.file)) for n, path in found.items()}


def _fetch_one(entry: Entry, number: int, final: Path, progress: Progress) -> None:
    url = https(_images_of(entry).url.replace("{n}", str(number)))
    remote = Remote(
        dataset=entry.name,
        session="images",
        version=entry.version,
        path=f"images/{final.name}",
        **_locked(entry, final.name),
        urls=(url,),
        reach=reach_beside(entry, url),
    )

    def check(part: Path) -> None:
        try:
            read_picture(part)
        except LayoutError as error:
            message = f"{url} sent something else: {error} Nothing was kept of it; try again later."
            raise ArchiveError(message) from error

    try:
        store.fetch_remote(remote, final, progress, check=check)
    except ArchiveError as error:
        message = f"{final.name}: {error} The other pictures are kept."
        raise ArchiveError(message) from error


def _locked(entry: Entry, name: str) -> dict[str, Any]:
    """Return size and digest of a picture as the lock of the present work has them; nothing where it has not."""
    its = lock.read_lock(lock.place()).get((entry.name, f"images/{name}"))
    return {} if its is None else {"size": its.size, "sha256": its.sha256, "note": f"pinned in {lock.place()}"}


def _held(entry: Entry, folder: Path) -> Path:
    """Return the folder, after comparing its pictures with the lock of the present work."""
    locked = lock.read_lock(lock.place())
    for path in _paths(entry, cache_folder()).values():
        receipts.touch(folder / path.name)
        its, found = locked.get((entry.name, f"images/{path.name}")), receipts.receipt(folder / path.name)
        if its is not None and its.sha256 != found["sha256"]:
            message = (
                f"{folder / path.name} has sha256 {found['sha256']}; {lock.place()} pins {its.sha256}. The work "
                "was done with other pictures: bring them back, or delete the images of "
                f"{entry.name} from that file to go on with these."
            )
            raise ChecksumError(message)
    return folder


class _Total:
    """Bytes of all pictures together, while several arrive at once."""

    def __init__(self, show: Progress | None, n_files: int) -> None:
        self.show, self.n_files = show, n_files
        self.lock = threading.Lock()
        self.known: dict[int, tuple[int, int]] = {}

    def of(self, number: int, go_on: Callable[[], None]) -> Progress:
        """Return what is called with the progress of one picture; it calls ``go_on``."""

        def tell(have: int, size: int) -> None:
            go_on()
            self._add(number, have, size)

        return tell

    def _add(self, number: int, have: int, size: int) -> None:
        if self.show is None:
            return
        with self.lock:
            self.known[number] = have, size
            there, stated = (sum(column) for column in zip(*self.known.values(), strict=True))
            self.show(there, stated * self.n_files // len(self.known))  # pictures of a set are of one size
