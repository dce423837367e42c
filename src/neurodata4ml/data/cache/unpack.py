"""Take one member out of a zip or tar archive, after all its members were found harmless."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from neurodata4ml import names
from neurodata4ml.data.cache.digests import BLOCK, Digests
from neurodata4ml.data.cache.inflate import NO_ARCHIVE, inflated, most
from neurodata4ml.errors import CatalogError, ChecksumError

MOST_MEMBERS = 1_000_000

READ = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Compressions of zip that are read; of the others, Python unpacks as much at once as it is given."""


@dataclass(frozen=True)
class Member:
    """One member of an archive; ``fault`` says why nobody should take it out (empty: nothing is wrong)."""

    name: str
    size: int
    is_folder: bool
    fault: str
    stored: Any


@contextlib.contextmanager
def member(archive: Path, name: str) -> Iterator[tuple[int, BinaryIO]]:
    """Yield size and bytes of the member ``name``; the archive as a whole is never extracted.

    Raises
    ------
    CatalogError
        When the file is no such archive, has no such member, or any of its members is hostile: then the whole archive
        is refused.
    ChecksumError
        When the archive is damaged.
    """
    with _damage_told(archive), contextlib.ExitStack() as stack:
        packed: Any
        if zipfile.is_zipfile(archive):
            packed = stack.enter_context(zipfile.ZipFile(archive))
            chosen = _choose(archive, name, map(_in_zip, packed.infolist()))
            file = packed.open(chosen.stored)
        else:
            packed = stack.enter_context(tarfile.open(fileobj=stack.enter_context(inflated(archive)), mode="r:"))
            chosen = _choose(archive, name, map(_in_tar, packed))
            file = packed.extractfile(chosen.stored)
        yield chosen.size, stack.enter_context(file)


def copy(source: BinaryIO, target: BinaryIO, size: int, what: str) -> dict[str, Any]:
    """Copy the ``size`` bytes of a member into a file, onto the disk; return their digests.

    Raises
    ------
    ChecksumError
        When there are fewer or more than the archive declares.
    """
    seen = Digests()
    while seen.size <= size and (block := source.read(BLOCK)):
        target.write(block)
        seen.update(block)
    if seen.size != size:
        message = f"{what} has {seen.size:,} bytes where its archive declares {size:,}; nothing was kept of it."
        raise ChecksumError(message)
    target.flush()
    os.fsync(target.fileno())
    return seen.found()


def _choose(archive: Path, name: str, members: Iterable[Member]) -> Member:
    """Return the member ``name``, after a look at all: a hostile one refuses the whole archive."""
    seen: dict[str, Member] = {}
    total = 0
    for each in members:
        total += each.size
        where = PurePosixPath(each.name)
        fault = each.fault or _fault_of_name(each, seen)
        if not fault and (total > most(archive) or len(seen) > MOST_MEMBERS):
            fault = f"with it, more than {most(archive):,} bytes, or {MOST_MEMBERS:,} members, would come out."
        if fault:
            message = f"{archive.name} is refused because of its member {each.name!r}: {fault} Nothing was taken out."
            raise CatalogError(message)
        for folder in where.parents:
            seen.setdefault(names.key(folder), Member(str(folder), 0, True, "", None))
        seen[names.key(where)] = each
    chosen = seen.get(names.key(PurePosixPath(name)))
    if chosen is None or chosen.name != name or chosen.is_folder:
        first = ", ".join([each.name for each in seen.values() if not each.is_folder][:5])
        message = f"{archive.name} has no member {name!r}; its first are: {first}. Correct the entry."
        raise CatalogError(message)
    return chosen


def _fault_of_name(each: Member, seen: dict[str, Member]) -> str:
    """Return what is wrong with a name, on any system, or beside the names before it; empty if nothing is."""
    if each.name == "." and each.is_folder:
        return ""
    try:
        path = names.safe(each.name, "its name")
    except CatalogError as error:
        return str(error)
    twin = seen.get(names.key(path))
    if twin is not None and not (twin.is_folder and each.is_folder and twin.name == each.name):
        return f"where case does not count, {twin.name!r} is the same name."
    above = [seen.get(names.key(folder)) for folder in path.parents]
    file = next((other for other in above if other is not None and not other.is_folder), None)
    return "" if file is None else f"{file.name!r} is a file, and it would lie inside."


def _in_zip(info: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    fault = ""
    if info.flag_bits & 1:
        fault = "it is encrypted."
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "it is neither a file nor a folder, but a link or a device."
    elif info.compress_type not in READ:
        fault = f"its compression (number {info.compress_type}) is not read; deflate is."
    # the name as it is written there: Python's own reading ends at a NUL, and changes backslashes on Windows
    name = info.orig_filename.removesuffix("/") if info.is_dir() else info.orig_filename
    return Member(name, info.file_size, info.is_dir(), fault, info)


def _in_tar(info: tarfile.TarInfo) -> Member:
    plain = info.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not info.issparse()
    fault = "" if plain or info.isdir() else "it is neither a plain file nor a folder, but a link or a device."
    return Member(info.name.removeprefix("./"), info.size, info.isdir(), fault, info)


@contextlib.contextmanager
def _damage_told(archive: Path) -> Iterator[None]:
    try:
        yield
    except (*NO_ARCHIVE, NotImplementedError, UnicodeDecodeError) as error:
        message = f"{archive.name} is no zip or tar archive that can be read ({error}). Correct the entry."
        raise CatalogError(message) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        # of the others the disk is in trouble; bz2 has no number, and zip seeks where a wrong header says
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        message = f"{archive.name} is damaged ({error}); nothing was taken out of it."
        raise ChecksumError(message) from error
