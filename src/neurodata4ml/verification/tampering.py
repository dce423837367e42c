"""Is a report still what was written: each file, each array and each setting against the digests of its lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neurodata4ml.record.digests import content_digests
from neurodata4ml.record.files import sha256_of
from neurodata4ml.record.keys import SESSIONS, file_name
from neurodata4ml.record.lock_contents import seeds_of, splits_of
from neurodata4ml.record.study_lock import StudyLock
from neurodata4ml.results import Results
from neurodata4ml.verification.checks import IDENTICAL, Check, tampered

RESULTS = "results.json"


def against_lock(folder: Path, lock: StudyLock, stored: Results | None) -> list[Check]:
    """Compare what lies in the folder with the digests in its lock.

    Parameters
    ----------
    folder : Path
        The report.
    lock : StudyLock
        Of it.
    stored : Results or None
        What could be read of ``results.json``.

    Returns
    -------
    list of Check
        ``"tampered"`` for each file, array and setting that is not what the lock says; where all are, one that says so.
    """
    found = [*_own(lock), *_files(folder, lock)]
    if stored is not None:
        found += [*_arrays(lock, stored), *_settings(lock, stored), *_listed(lock, stored)]
    return found or [Check("", "digests", "", IDENTICAL)]


def read_stored(folder: Path) -> tuple[Results | None, str]:
    """Return the results of a report, or why they cannot be read."""
    for path in (folder / RESULTS, *(folder / SESSIONS).glob("*.json")):
        if not path.is_file():  # a pipe would be waited for
            return None, f"{path.relative_to(folder).as_posix()} is no file"
    try:
        stored = Results.load(folder / RESULTS)
        _require_sound(stored)
        content_digests(stored)
    except Exception as error:  # whatever was done to the file
        return None, f"{type(error).__name__}: {error}"
    return stored, ""


def _require_sound(stored: Results) -> None:
    """Refuse what parses, and is nothing that a report holds."""
    for one in (stored, *stored.sessions.values()):
        for name, kind in (("spec", dict), ("data", dict), ("missing", dict), ("software", dict), ("warnings", list)):
            if not isinstance(getattr(one, name), kind):
                message = f"{name} is {type(getattr(one, name)).__name__}, and not {kind.__name__}"
                raise TypeError(message)
        for name, value in (
            *one.missing.items(),
            *one.software.items(),
            *(("warnings", text) for text in one.warnings),
        ):
            if not isinstance(value, str):
                message = f"{name} is {type(value).__name__}, and not text"
                raise TypeError(message)
    seed = stored.spec.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        message = f"the seed is {seed!r}, and not a whole number"
        raise TypeError(message)


def untouched_study(lock: StudyLock, stored: Results) -> dict[str, Any]:
    """Return the study as it was when the report was made: of lock and results, the one that has the lock's digest."""
    if _digest_of_spec(stored) == lock.results.get("spec"):
        return dict(stored.spec)
    return dict(lock.study)


def _digest_of_spec(results: Results) -> str:
    return content_digests(results).get("spec", "")


def _own(lock: StudyLock) -> Iterator[Check]:
    if not lock.is_whole:
        yield tampered("study.lock", "", "its own digest is not that of its text: it was changed after it was written")


def _files(folder: Path, lock: StudyLock) -> Iterator[Check]:
    for name, digest in lock.pages.items():
        path = folder / name
        if not path.is_file():
            yield tampered(name, "", "the file is in the lock, and not in the folder")
        elif (found := sha256_of(path)) != digest:
            yield tampered(name, "", f"sha256 {found}; the lock has {digest}")


def _arrays(lock: StudyLock, stored: Results) -> Iterator[Check]:
    digests = content_digests(stored)
    for path in dict.fromkeys([*lock.results, *digests]):
        recording, section = split(path)
        if path not in digests:
            yield tampered(section, "", "it is in the lock, and not in results.json: it was taken out", recording)
        elif path not in lock.results:
            yield tampered(section, "", "it is in results.json, and not in the lock: it was added", recording)
        elif digests[path] != lock.results[path] and path != "spec":  # of the study, each setting is named
            yield tampered(section, "", "what is stored is not what the lock has the digest of", recording)


def split(path: str) -> tuple[str, str]:
    """Return recording and section of a path: ``"sessions/KEY/decoding"``, or ``"decoding"`` in a study of one."""
    head, _, section = path.rpartition("/")
    return head.removeprefix("sessions/"), section


def _settings(lock: StudyLock, stored: Results) -> Iterator[Check]:
    one, other = (json.loads(json.dumps(study, default=str)) for study in (lock.study, stored.spec))
    is_stored = _digest_of_spec(stored) == lock.results.get("spec")
    for name in dict.fromkeys([*one, *other]):
        if _filled(one, name) != _filled(other, name):
            which = "study.lock" if is_stored else "results.json"
            note = f"{other.get(name)!r} in results.json, {one.get(name)!r} in study.lock; it was changed in {which}"
            yield tampered("study", name, note)


def _listed(lock: StudyLock, stored: Results) -> Iterator[Check]:
    """Compare what the lock lists besides digests with what it follows from: seeds, splits, names of files."""
    for table, held, own in (
        ("seeds", lock.seeds, seeds_of(stored)),
        ("splits", lock.splits, splits_of(stored)),
    ):
        for name in dict.fromkeys([*held, *own]):
            if held.get(name) != own.get(name):
                note = f"{own.get(name)!r} by results.json, {held.get(name)!r} in study.lock"
                yield tampered(f"study.lock: {table}", name, note)
    known = {**lock.environment, "python": lock.environment.get("Python", "").rpartition(" ")[2]}
    for name, version in stored.software.items():
        if known.get(name) != version:
            note = f"{version} by results.json, {known.get(name) or 'none'} in study.lock"
            yield tampered("study.lock: software", name, note)
    files = ("index.html", RESULTS, "results.nc", *(f"{SESSIONS}/{file_name(key)}" for key in stored.sessions))
    for name in files:
        if name not in lock.pages:
            yield tampered("study.lock: pages", name, "the lock has no digest of it: it was taken out")


def _filled(study: Mapping[str, Any], name: str) -> Any:
    """Return a setting; TOML has no null, so nothing and an empty one are the same."""
    value = study.get(name)
    return None if value in (None, "", [], {}) else value
