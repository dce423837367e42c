"""The page of many recordings begins: the answer over all of them, and what each kept, dropped and failed at."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import SIMULATED, asked_for, colours_of, is_simulated
from neurodata4ml.report.figures import sessions as figures_sessions
from neurodata4ml.report.sections.section import Section, Shown, Table
from neurodata4ml.report.sections.sessions_activity import (
    decoding_in_short,
    dimensionality_sentences,
    reliability_sentences,
)
from neurodata4ml.report.sections.sessions_sets import best_sentences, set_sentences
from neurodata4ml.report.sections.sessions_words import means_reading, recordings_of
from neurodata4ml.report.words import (
    compact,
    count,
    event_words,
    labels,
    listing,
    named,
    plain,
    sentence,
    texts,
    values,
)
from neurodata4ml.results import Results

FAILED = "sessions/"
"""What the name of a failed recording begins with, in ``Results.missing``."""

UNEQUAL = 5.0
"""From this ratio of the largest to the smallest recording on, a reader is told that they are unequal."""


def overview(results: Results) -> Section:
    """What was asked of how many recordings, and the answer over all of them in three sentences."""
    return Section(
        "Overview",
        question=_question(results),
        answer=_three_sentences(results),
        tables=(_data_table(results),),
        reading=(*_about(results), means_reading(results.arrays["sessions"])),
        warnings=(*_warned(results), *results.warnings),
    )


def _question(results: Results) -> str:
    data, kept = results.data, results.arrays["sessions"]
    first = next(iter(results.sessions.values()))
    areas = [named(area) for area in data.get("areas") or {}]
    source = named(data.get("dataset") or "these files")
    simulated = " (simulated)" if is_simulated(results) else ""
    window = first.spec.get("window")
    when = f", from {compact(window[0])} to {compact(window[1])}\u00a0s around " if window else ""
    when += event_words(first.spec.get("align")) if window else ""
    chosen = f", on trials where {plain(results.spec['where'])}" if results.spec.get("where") else ""
    verb = "represent" if len(areas) > 1 else "represents"
    return (
        f"How {listing(areas) or 'the brain'} in {recordings_of(kept)} of {source}{simulated} {verb} the "
        f"{asked_for(first)}{when}{chosen}, and what the recordings say together."
    )


def _three_sentences(results: Results) -> tuple[str, ...]:
    """Return what is shared over recordings, what fits as well, and what can be read out; else what there is."""
    arrays, said = results.arrays, []
    if "similarity_sessions" in arrays:
        said += [best_sentences(results), set_sentences(results)]
    if "decoding_sessions" in arrays:
        said.append(decoding_in_short(results))
    for name, make in (("dimensionality", dimensionality_sentences), ("reliability", reliability_sentences)):
        if f"{name}_sessions" in arrays:
            said.append(" ".join(make(results)))
    return tuple(said[:3]) or ("These recordings made no result that can be summed up.",)


def _about(results: Results) -> tuple[str, ...]:
    said = [SIMULATED] if is_simulated(results) else []
    caveats = results.data.get("caveats") or ()
    said += [
        f"Known about these data: {plain(caveat)}" for caveat in ([caveats] if isinstance(caveats, str) else caveats)
    ]
    return tuple(said)


def failures(results: Results) -> dict[str, str]:
    """Return why recordings failed, by their keys."""
    return {name.removeprefix(FAILED): why for name, why in results.missing.items() if name.startswith(FAILED)}


def _warned(results: Results) -> tuple[str, ...]:
    """Return what a reader must know of these recordings before believing what they say together."""
    kept, said = results.arrays["sessions"], []
    n, failed = kept.sizes["session"], failures(results)
    if failed:
        first, why = next(iter(failed.items()))
        which = named(first) if len(failed) == 1 else f"{named(first)}, the first,"
        what = (
            f"{count(len(failed), 'recording')} of {n + len(failed)} failed and {'is' if len(failed) == 1 else 'are'}"
        )
        said.append(f"{what} in no number here: {which} because: {plain(why, 300)}")
    if n < 3:
        said.append(
            f"{count(n, 'recording')}: fewer than 3, so no interval over recordings is given, and no claim made."
        )
    animals = kept.attrs.get("n_animals", 0)
    if animals == 1:
        said.append("All recordings are of one animal: what they say together holds for it, and not for others.")
    elif kept.attrs.get("sampled") == "animal" and animals < 3:
        said.append(
            f"{count(animals, 'animal')}: fewer than 3, so no interval over animals is given, and no claim made."
        )
    return (*said, *_unequal(kept))


def _unequal(kept: xr.Dataset) -> tuple[str, ...]:
    said = []
    for name, what in (("n_units", "units"), ("n_trials", "trials")):
        found = values(kept, name)
        found = found[np.isfinite(found) & (found > 0)]
        if found.size > 1 and found.max() / found.min() >= UNEQUAL:
            said.append(
                f"Recordings are very unequal: {compact(found.min())} to {found.max():,.0f} {what}. Each counts the "
                "same in every mean, the small ones with their larger noise."
            )
    return tuple(said)


def _data_table(results: Results) -> Table:
    data, kept = results.data, results.arrays["sessions"]
    failed, size = len(failures(results)), data.get("size")
    animals = kept.attrs.get("n_animals", 0)
    facts = {
        "dataset": data.get("dataset"),
        "title": data.get("title"),
        "simulated": "yes" if is_simulated(results) else "no",
        "version": data.get("version"),
        "recordings": f"{kept.sizes['session']}" + (f", and {failed} that failed" if failed else ""),
        "animals": f"{animals}" if animals else "not known",
        "species": data.get("species"),
        "modality": data.get("modality"),
        "units, analysed of all": _of_all(data, "units"),
        "trials, analysed of all": _of_all(data, "trials"),
        "licence": data.get("license") or "not stated: ask where the files came from before you share their data",
        "citation": data.get("citation") or "not stated",
        "DOI": f"doi:{plain(data['doi']).removeprefix('doi:')}" if data.get("doi") else None,
        "size": f"{size / 1e6:,.1f} MB" if isinstance(size, int | float) and size else None,
    }
    rows = tuple((name, plain(fact)) for name, fact in facts.items() if fact not in (None, ""))
    return Table("The data", ("fact", "value"), rows)


def _of_all(data: dict[str, object], what: str) -> str:
    kept, whole = data.get(f"n_{what}"), data.get(f"n_{what}_total")
    return f"{kept:,} of {whole:,}" if isinstance(kept, int) and isinstance(whole, int) else "not known"


def recordings(results: Results) -> Section:
    """What each recording kept, dropped and failed at."""
    kept, failed = results.arrays["sessions"], failures(results)
    areas = labels(kept, "area")
    figures = []
    if areas:
        figures.append(
            Shown(
                figures_sessions.recording_sizes(kept, colours_of(results)),
                "Each dot is one recording: how many units of the area were analysed. Where an area is not in a "
                "recording, there is no dot.",
            )
        )
    return Section(
        "Recordings",
        question="What did each recording keep, what did it drop, and which failed?",
        answer=(_kept_sentence(results), *_area_sentence(kept)),
        figures=tuple(figures),
        tables=(_table(results), *_failed_table(failed)),
        reading=(
            "An area that a recording lacks is counted as lacking, and never filled in: every mean below says over how "
            "many recordings it is.",
            "All arrays of every recording, its latents among them, are in the folder sessions beside this page.",
        ),
    )


def _kept_sentence(results: Results) -> str:
    kept, failed = results.arrays["sessions"], failures(results)
    trials, units = (values(kept, name) for name in ("n_trials", "n_units"))
    said = f"{recordings_of(kept)} {'was' if kept.sizes['session'] == 1 else 'were'} analysed"
    said += f", {len(failed)} failed" if failed else ", none failed"
    return f"{said}. Each has {_span(units, 'unit')} and {_span(trials, 'trial')}."


def _area_sentence(kept: xr.Dataset) -> tuple[str, ...]:
    n = kept.sizes["session"]
    found = {area: int(np.isfinite(values(kept, "n_units_of_area", area=area)).sum()) for area in labels(kept, "area")}
    partial = {area: k for area, k in found.items() if k < n}
    if not partial:
        return ("Every area is in every recording.",) if len(found) > 1 else ()
    return (f"Of {n} recordings, {listing([f'{named(area)} is in {k}' for area, k in partial.items()], 12)}.",)


def _span(found: np.ndarray, noun: str) -> str:
    low, high = np.nanmin(found), np.nanmax(found)
    return count(high, noun) if low == high else f"{low:,.0f} to {count(high, noun)}"


def _table(results: Results) -> Table:
    kept = results.arrays["sessions"]
    animals = texts(kept, "subject")
    known = any(animals)
    rows = []
    for key, animal in zip(labels(kept, "session"), animals, strict=True):
        one = results.sessions[key]
        data = one.data
        parts = [f"{area}\u00a0{size:,}" for area, size in (data.get("areas") or {}).items()]
        row = [key, *([animal or "–"] if known else [])]
        row += [
            _whole_of(data, "n_trials"),
            _whole_of(data, "n_units"),
            ", ".join(parts) or "–",
            _whole_of(data, "n_conditions"),
        ]
        rows.append(
            (*row, _dropped(data), "; ".join(f"{name}: {why}" for name, why in one.missing.items()) or "nothing")
        )
    columns = ("recording", *(["animal"] if known else []), "trials", "units", "units by area", "conditions")
    return Table("What each recording kept", (*columns, "dropped", "could not answer"), tuple(rows))


def _whole_of(data: dict[str, object], name: str) -> str:
    found = data.get(name)
    return f"{found:,}" if isinstance(found, int) else "–"


def _dropped(data: dict[str, object]) -> str:
    said = []
    for what in ("trials", "units"):
        found = data.get(f"{what}_dropped")
        said += [f"{n:,} {what}: {why}" for why, n in found.items() if n] if isinstance(found, dict) else []
    return "; ".join(said) or "nothing"


def _failed_table(failed: dict[str, str]) -> tuple[Table, ...]:
    if not failed:
        return ()
    rows = tuple((key, sentence(plain(why, 600))) for key, why in failed.items())
    return (Table("Recordings that failed", ("recording", "why"), rows),)
