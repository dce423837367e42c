"""What else is worth knowing before a study is begun."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.supplements import images_cached
from neurodata4ml.spec import Spec
from neurodata4ml.studies.planned import Part
from neurodata4ml.study_keys import ANALYSES

N_FOLDS = signature(decode).parameters["n_folds"].default
"""Of ``decode``, where a study names none."""


def notes_on(spec: Spec, parts: tuple[Part, ...]) -> Iterator[str]:
    """Yield what else is worth knowing before a study is begun."""
    for part in parts:
        if part.problem:
            yield f"{part.key}: {part.problem}"
        elif part.lacks:
            yield f"{part.key}: {part.lacks} That analysis is left out of it."
        elif part.is_opened and (lacking := [one for one in spec.order or () if one not in part.size.areas]):
            yield f"{part.key}: order names {', '.join(lacking)}, not among its areas: it gets no hierarchy score."
    reading = spec.options.get("decode", {})
    n_folds = reading.get("n_folds", N_FOLDS) if "target" not in reading else 0
    for part in parts if spec.analyses is None or "decode" in spec.analyses else ():
        if 0 < part.fewest < n_folds:
            yield f"{part.key}: its rarest condition has {part.fewest} trials, too few for decode's {n_folds} folds."
    unseen = [part for part in parts if not part.is_opened and not part.problem and part.place != "made here"]
    if unseen:
        size = unseen[0].size
        yield (
            f"{len(unseen)} of {len(parts)} recordings are not here and were not looked into: each is taken for "
            f"{size.n_trials:,} trials of {size.n_conditions} conditions and {size.n_units} units. "
            "Check again when they are fetched."
        )
    asked = spec.analyses or tuple(ANALYSES)
    for table in spec.options:
        if table in ANALYSES and table not in asked:
            yield f"[{table}] changes nothing: {table} is not among the analyses."
    if spec.source in catalog.names():
        yield from _notes_of(catalog.describe(spec.source), spec)


def _notes_of(entry: Entry, spec: Spec) -> Iterator[str]:
    if not entry.layout.units:
        yield f"{entry.name} holds no spikes, which a report counts: see align_series in docs/align.md."
    if entry.images_from and not images_cached(entry):
        yield f"{entry.images_from.count} pictures are fetched besides, one by one; their sizes are not published."
    unlisted = entry.n_sessions - len(entry.sessions)
    if spec.sessions == ("all",) and unlisted:
        yield f"{unlisted} more sessions are in the archive's own list, which was not asked; a report asks for it."
