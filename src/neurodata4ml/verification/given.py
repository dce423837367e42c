"""The recordings of a report, found again: by digest, where they lay, where the user says, or in the cache."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurodata4ml.data.storage.zarr.walk import is_store
from neurodata4ml.errors import ChecksumError, DesignError, NotCachedError
from neurodata4ml.lock import Locked, write_lock
from neurodata4ml.record.files import sha256_of, size_of
from neurodata4ml.record.lock_contents import LockedFile
from neurodata4ml.record.study_lock import StudyLock
from neurodata4ml.verification.checks import DIFFERENT, IDENTICAL, Check


def find_files(folder: Path, lock: StudyLock, data: Path | None) -> dict[str, Path]:
    """Return where each plain file of a report lies, by its recording.

    Parameters
    ----------
    folder : Path
        The report: paths in its lock are relative to it.
    lock : StudyLock
    data : Path, optional
        The file, or a folder that holds the files, where they are no longer where they were.

    Raises
    ------
    NotCachedError
        When one is nowhere; the message says what to type.
    DesignError
        One file is given for a report of several.
    """
    recordings = [file for file in lock.files if file.network is None]
    if data is not None and _is_recording(data) and len(recordings) > 1:
        message = f"{data} is one recording, and the report has {len(recordings)}. Name their folder: --data FOLDER"
        raise DesignError(message)
    return {file.key: _found(folder, file, data) for file in lock.files}


def _found(folder: Path, file: LockedFile, data: Path | None) -> Path:
    what = "recording" if file.network is None else "network"
    if data is None or (_is_recording(data) and what == "network"):
        place = folder / file.path
    elif _is_recording(data):
        place = data
    else:
        place = data / file.name
        if not _is_recording(place) or sha256_of(place) != file.sha256:  # under another name, or elsewhere, perhaps
            sizes = (one for one in sorted(data.rglob("*")) if _is_recording(one) and size_of(one) == file.size)
            place = next((one for one in sizes if sha256_of(one) == file.sha256), place)
    if not _is_recording(place):
        message = (
            f"the {what} {file.name} (sha256 {file.sha256}) is not at {place}. Say where it is: "
            f"neurodata4ml verify {folder} --data FILE_OR_FOLDER"
        )
        raise NotCachedError(message)
    return place


def _is_recording(path: Path) -> bool:
    try:
        return path.is_file() or is_store(path)
    except OSError:  # a path that is too long
        return False


def same_bytes(lock: StudyLock, places: dict[str, Path]) -> list[Check]:
    """Compare the digest of each plain file with that of the lock."""
    return [
        _same(file.key if file.network is None else "", file.name, file.sha256, places[file.key]) for file in lock.files
    ]


def _same(recording: str, name: str, wanted: str, place: Path) -> Check:
    found = sha256_of(place)
    if found == wanted:
        return Check(recording, "data", name, IDENTICAL)
    note = f"another file than the report is about: {place} has sha256 {found}, the lock {wanted}"
    return Check(recording, "data", name, DIFFERENT, float("inf"), 0.0, note)


def same_assets(lock: StudyLock, trials: str | None) -> list[Check]:
    """Bring each session of the catalog that a report is about into the cache, and compare its digest with the lock's.

    Raises
    ------
    NotCachedError, ArchiveError, CatalogError
        When one cannot be had.
    """
    return [_same_asset(asset, trials) for asset in lock.assets if not _is_simulated(asset)]


def _same_asset(asset: Locked, trials: str | None) -> Check:
    from neurodata4ml.data.cache import store
    from neurodata4ml.data.entries.catalog import describe
    from neurodata4ml.data.whereabouts import bring

    name = f"{asset.dataset} {asset.session}"
    try:
        bring(asset.dataset, asset.session, trials)
    except ChecksumError as error:
        note = f"other bytes than the report is about, whose sha256 is {asset.sha256}: {error}"
        return Check("", "data", name, DIFFERENT, float("inf"), 0.0, note)
    place = store.cached(describe(asset.dataset), asset.session)
    if place is None:  # an excerpt of it is here; its digest is among the counts
        return Check("", "data", name, IDENTICAL)
    return _same("", name, asset.sha256, place)


def _is_simulated(asset: Locked) -> bool:
    from neurodata4ml.data.entries.catalog import describe, names

    return asset.dataset in names() and describe(asset.dataset).archive == "simulated"


@contextlib.contextmanager
def pinned(lock: StudyLock) -> Iterator[None]:
    """Let the cache take the files that the report was made from, and no others, while this lasts.

    A simulated session is made anew on each machine, and compared by its numbers.
    """
    pins = [asset for asset in lock.assets if not _is_simulated(asset)]
    if not pins:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="neurodata4ml-") as folder, _environment("NEURODATA4ML_LOCK") as put:
        put(str(write_lock(Path(folder) / "neurodata4ml.lock", pins)))
        yield


@contextlib.contextmanager
def _environment(name: str) -> Iterator[Any]:
    """Yield what sets a variable that other processes of the run inherit; it is put back afterwards."""
    before = os.environ.get(name)

    def put(value: str) -> None:
        os.environ[name] = value

    try:
        yield put
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


@contextlib.contextmanager
def as_they_were_called(lock: StudyLock, places: dict[str, Path]) -> Iterator[dict[str, Path]]:
    """Yield the files under the names that they had: of many recordings, a name is a key, and decides on a seed."""
    renamed = {file.key: file.name for file in lock.files if places[file.key].name != file.name}
    with contextlib.ExitStack() as stack:
        links = dict(places)
        for key, name in renamed.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="neurodata4ml-")))
            links[key] = folder / name
            _put(places[key].resolve(), links[key])
        yield links


def _put(place: Path, link: Path) -> None:
    """Let a recording lie under another name too; where no links may be made, as a copy."""
    try:
        link.symlink_to(place, target_is_directory=place.is_dir())
    except OSError:
        (shutil.copytree if place.is_dir() else shutil.copyfile)(place, link)


def with_places(study: dict[str, Any], lock: StudyLock, places: dict[str, Path]) -> dict[str, Any]:
    """Return the study with its plain files, networks among them, where they were found."""
    networks, files = list(study.get("networks") or ()), []
    for file in lock.files:
        if file.network is None:
            files.append(str(places[file.key]))
        elif file.network < len(networks):
            networks[file.network] = str(places[file.key])
    found: dict[str, Any] = {"networks": networks} if networks else {}
    if files:
        found |= {"source": files[0]} | ({"files": files} if study.get("files") else {})
    return {**study, **found}
