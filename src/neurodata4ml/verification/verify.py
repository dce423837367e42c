"""Verify a report: its bytes against its lock, its data by digest, its numbers against a second run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurodata4ml.errors import ChecksumError, DesignError, DimensionError, LayoutError, NeuroDataError
from neurodata4ml.record import study_lock
from neurodata4ml.record.environment import environment
from neurodata4ml.record.study_lock import StudyLock
from neurodata4ml.require import require_whole
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.progress import Progress
from neurodata4ml.studies.recordings import recordings
from neurodata4ml.verification import again, given
from neurodata4ml.verification.checks import (
    ATTRIBUTES,
    DIFFERENT,
    DRAWN,
    TAMPERED,
    WITHIN,
    WORDS,
    Check,
    compare_results,
    compare_study,
    compare_words,
    different,
    tampered,
    worst,
)
from neurodata4ml.verification.follows import drawings_can_be_compared, from_results, page_can_be_compared
from neurodata4ml.verification.reasons import Reason, reasons_between
from neurodata4ml.verification.tampering import against_lock, read_stored, untouched_study
from neurodata4ml.verification.verdict import Verification


@dataclass(frozen=True)
class _Asked:
    """How a report is to be verified."""

    quick: bool
    data: Path | None
    workers: int
    seed: int
    progress: Progress | None


def verify(
    folder: str | Path,
    *,
    quick: bool = False,
    data: str | Path | None = None,
    workers: int = 1,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Find out whether a report is what it says: read its lock, find its data again, run its study again, compare.

    First each file and array in the folder is compared with the digests in ``study.lock``, and the page and the arrays
    with what follows from ``results.json``. Then the data are found by
    digest and the study of the lock is run again in this environment. Each number is then identical, within the
    tolerance that is stated for it (``verification/tolerances.py``), or different.

    Parameters
    ----------
    folder : path
        A report: ``index.html``, ``results.json``, ``study.lock``. Nothing in it is changed.
    quick : bool
        Run only a random tenth of the sections of the recordings again.
    data : path, optional
        The NWB file, or the folder of the files, where they no longer lie where they did. Sessions of the catalog come
        from the cache.
    workers : int
        Processes, for a study of many recordings.
    seed : int, optional
        Chooses the tenth; drawn when left out, so that nobody knows before which numbers will be looked at.
    progress : callable, optional
        Told each :class:`~neurodata4ml.studies.progress.Step`.

    Returns
    -------
    Verification
        ``verdict``, ``exit_code``, and each comparison in ``checks``.

    Raises
    ------
    DesignError
        No report, or no lock, in the folder.
    CatalogError
        The lock was written by another version of this package, whose locks this one does not read.
    NotCachedError, ArchiveError
        The data cannot be had; the message says what to type.
    """
    folder = Path(folder)
    require_whole(seed, "seed", least=0, left_out="one that nobody knows before")
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
    asked = _Asked(quick, None if data is None else Path(data), workers, seed, progress)
    try:
        lock = _lock_of(folder)
    except ChecksumError as error:
        check = tampered(study_lock.NAME, "", str(error))
        return Verification(str(folder), (check,), (), "nothing was run again")
    stored, unreadable = read_stored(folder)
    checks = against_lock(folder, lock, stored)
    reasons = reasons_between(lock.environment, environment().words())
    if stored is None:
        note = f"it cannot be read ({unreadable}), so there is no number to compare"
        checks.append(tampered("results.json", "", note))
        return Verification(str(folder), tuple(checks), reasons, "nothing was run again")
    if worst(checks) != TAMPERED:  # else it is told already what was changed
        checks += from_results(folder, stored, reasons)
    try:
        more, scope = _run_again(folder, lock, stored, asked)
    except NeuroDataError as error:
        if worst(checks) != TAMPERED:
            raise
        more, scope = [], f"nothing was run again: {error}"
    if not any(reason.explains for reason in reasons):
        more = [_in_equal_environment(check) for check in more]
    if not page_can_be_compared(reasons):
        scope += "; the page was not compared, since another version of neurodata4ml wrote it"
    elif not drawings_can_be_compared(reasons):
        scope += "; the drawings on the page were not compared, since other versions draw otherwise"
    if unpinned := list(_without_digest(stored)):
        scope += f"; nothing in the lock says which bytes {', '.join(unpinned[:3])} had: they were read as they are now"
    return Verification(str(folder), (*checks, *more), _with_data(reasons, more), scope)


def _without_digest(stored: Results) -> Iterator[str]:
    """Yield the recordings that have no digest: those that were read from an address."""
    for one in (stored.sessions or {"": stored}).values():
        if not one.data.get("sha256") and not one.data.get("simulated"):
            yield str(one.data.get("source") or "the data")


def _in_equal_environment(check: Check) -> Check:
    """Return a check where nothing can explain a deviation: there, the words are the same, and so is every draw."""
    is_words = check.variable in (ATTRIBUTES, WORDS) or check.section == "warnings"
    if check.verdict == WITHIN and (is_words or DRAWN in check.note):
        note = (
            f"{check.note}; nothing in the lock differs here that would lead to another draw, or to other words".lstrip(
                "; "
            )
        )
        return replace(check, verdict=DIFFERENT, note=note.replace(DRAWN, ""))
    return check


def _lock_of(folder: Path) -> StudyLock:
    if not folder.is_dir():
        message = f"there is no folder {folder}. Type the folder of a report: neurodata4ml verify reports/demo"
        raise DesignError(message)
    if not (folder / study_lock.NAME).is_file():
        message = (
            f"{folder} has no {study_lock.NAME}, which says what a report was made from: there is nothing to verify it "
            "against. Write the report again: neurodata4ml report STUDY.toml"
        )
        raise DesignError(message)
    return study_lock.read(folder)


def _run_again(folder: Path, lock: StudyLock, stored: Results, asked: _Asked) -> tuple[list[Check], str]:
    """Find the data and run the study, or a tenth of it; return what was compared, and how much that is, in words."""
    study = untouched_study(lock, stored)
    places = given.find_files(folder, lock, asked.data)
    checks = given.same_bytes(lock, places)
    with given.pinned(lock), given.as_they_were_called(lock, places) as called:
        if worst(checks) != DIFFERENT:
            checks += given.same_assets(lock, study.get("trials"))
        if worst(checks) == DIFFERENT:
            return checks, "nothing was run again: the data are not those of the report"
        try:
            spec = _spec(given.with_places(study, lock, called), stored)
            compared, scope = _tenth(spec, stored, asked) if asked.quick else _whole(spec, stored, asked)
        except (DesignError, DimensionError, LayoutError) as error:  # what ran when the report was made
            compared = [different("study", "", f"a new run ends with: {error}")]
            scope = "the study could not be run again"
    return [*checks, *compared], scope


def _spec(study: dict[str, object], stored: Results) -> Spec:
    if study.get("sessions") in (["all"], ("all",)):  # those that there were then
        study = {**study, "sessions": list(stored.sessions)}
    if not isinstance(study.get("source"), str):
        message = f"the study in {study_lock.NAME} names no source: nothing can be run again."
        raise NeuroDataError(message)
    options = study.get("options")
    if isinstance(options, dict) and isinstance(options.get("activations"), dict):  # a report says not where to write
        kept = {name: value for name, value in options["activations"].items() if name != "store"}
        study = {**study, "options": {**options, "activations": kept}}
    return read_spec(str(study["source"]), **{name: _given(value) for name, value in study.items() if name != "source"})


def _given(value: object) -> object:
    return None if value in ("", [], {}) else value


def _whole(spec: Spec, stored: Results, asked: _Asked) -> tuple[list[Check], str]:
    made = again.run_whole(spec, asked.workers, asked.progress)
    checks = _compared(stored, made)
    n = sum(len(results.arrays) for results in made.values())
    of = f" of {len(stored.sessions)} recordings and of all together" if stored.sessions else ""
    return checks, f"{'its one section' if n == 1 else f'all {n} sections'}{of}"


def _compared(stored: Results, made: dict[str, Results]) -> list[Check]:
    checks = []
    held = {"": stored, **stored.sessions}
    if stored.sessions:  # those of single recordings are compared; what is said of all must follow from them
        made = {**made, "": replace(made[""], arrays=again.summed_up(stored).arrays)}
    for key in dict.fromkeys([*held, *made]):
        if key not in held or key not in made:
            why = stored.missing.get(f"sessions/{key}") or made[""].missing.get(f"sessions/{key}") or ""
            where = "in the report, and not in a new run" if key in held else "in a new run, and not in the report"
            checks.append(different("", "", f"the recording is {where}. {why}".strip(), key))
        else:
            sections = dict.fromkeys([*again.sections_of(held[key]), *again.sections_of(made[key])])
            checks += compare_results(key, held[key], made[key], sections)
            checks += compare_study(key, held[key], made[key])
    failed = [results.missing for results in (stored, made[""])]
    for name in dict.fromkeys(name for missing in failed for name in missing if name.startswith("sessions/")):
        checks.append(compare_words("", name, *(missing.get(name, "") for missing in failed)))
    return checks


def _tenth(spec: Spec, stored: Results, asked: _Asked) -> tuple[list[Check], str]:
    """Run a tenth again; of many recordings, see besides that what is said of all follows from those stored."""
    parts = recordings(spec)
    pairs = again.all_pairs(stored, parts)
    if not pairs:
        return [], "nothing was run again: the report has no section of a recording of its study"
    chosen = again.a_tenth(pairs, asked.seed)
    made = again.run_part(parts, chosen, asked.progress)
    held = stored.sessions or {"": stored}
    checks = [
        check
        for key in made
        for check in compare_results(key, held[key], made[key], [section for one, section in chosen if one == key])
    ]
    if stored.sessions:
        summed = again.summed_up(stored)
        checks += compare_results("", stored, summed, dict.fromkeys([*stored.arrays, *summed.arrays]))
    named = ", ".join(": ".join(filter(None, pair)) for pair in chosen)
    return checks, f"{len(chosen)} of {len(pairs)} sections, chosen by --seed {asked.seed}: {named}"


def _with_data(reasons: tuple[Reason, ...], checks: list[Check]) -> tuple[Reason, ...]:
    """Put other data before everything else that may be why."""
    other = [c.variable for c in checks if c.section == "data" and c.verdict == DIFFERENT]
    return (*(Reason("data", "those of the lock", f"others ({name})", explains=True) for name in other), *reasons)
