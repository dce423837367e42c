"""Sections on the study itself: what was asked and kept, how it stands beside the truth, how it was made."""

from __future__ import annotations

from neurodata4ml.report.answer import three_sentences
from neurodata4ml.report.facts import SIMULATED, asked_for, colours_of, is_simulated
from neurodata4ml.report.figures import study as figures_study
from neurodata4ml.report.methods import paragraphs
from neurodata4ml.report.reproduce import citations, how_to_run, steps, study_file
from neurodata4ml.report.sections.section import Listing, Section, Shown, Table
from neurodata4ml.report.sources import references
from neurodata4ml.report.words import compact, count, event_words, listing, named, plain
from neurodata4ml.results import Results


def overview(results: Results) -> Section:
    """What was asked, the answer in three sentences, the data, and what was kept."""
    units, trials, kept = _kept(results)
    return Section(
        "Overview",
        question=question(results),
        answer=three_sentences(results),
        figures=(
            Shown(
                figures_study.kept(units, trials, kept, colours_of(results)),
                "What was analysed (in colour) and what was left out, by reason (in grey).",
            ),
        ),
        tables=(_data_table(results), _kept_table(results)),
        reading=_about(results),
        warnings=tuple(results.warnings),
    )


def question(results: Results) -> str:
    """Return what was asked, in one sentence."""
    spec, data = results.spec, results.data
    areas, window = list(data.get("areas") or {}), spec.get("window")
    where = f"{listing([named(a) for a in areas])} of " if areas else ""
    source = named(data.get("dataset") or data.get("source") or spec.get("source") or "this recording")
    when = f", from {compact(window[0])} to {compact(window[1])}\u00a0s around " if window else ""
    when += event_words(spec.get("align")) if window else ""
    chosen = f", on trials where {plain(spec['where'])}" if spec.get("where") else ""
    simulated = " (simulated)" if is_simulated(results) else ""
    verb = "represent" if len(areas) > 1 else "represents"
    compared = ""
    if "similarity" in results.arrays:
        n = results.arrays["similarity"].sizes["candidate"]
        compared = f", and which of {count(n, 'candidate representation')} shares that geometry"
    return f"How {where}{source}{simulated} {verb} the {asked_for(results)}{when}{chosen}{compared}."


def _about(results: Results) -> tuple[str, ...]:
    data, said = results.data, []
    if is_simulated(results):
        said.append(f"{SIMULATED} {plain(data.get('note') or '')}".strip())
    elif data.get("note"):
        said.append(plain(data["note"]))
    said += [f"Known about these data: {plain(caveat)}" for caveat in _as_list(data.get("caveats"))]
    return tuple(said)


def _kept(results: Results) -> tuple[dict[str, int], dict[str, int], list[str]]:
    """Return the bars of the figure, units and trials, with the names of those that were kept."""
    data = results.data
    units = {str(a): int(n) for a, n in (data.get("areas") or {"kept": data.get("n_units") or 0}).items()}
    trials = {"kept": int(data.get("n_trials") or 0)}
    kept = [*units, "kept"]
    units |= {f"dropped: {why}": int(n) for why, n in (data.get("units_dropped") or {}).items()}
    trials |= {f"dropped: {why}": int(n) for why, n in (data.get("trials_dropped") or {}).items()}
    return units, trials, kept


def _kept_table(results: Results) -> Table:
    data, rows = results.data, []
    for what in ("units", "trials"):
        rows.append((f"{what}, in the recording", _integer(data.get(f"n_{what}_total"))))
        for why, n in (data.get(f"{what}_dropped") or {}).items():
            rows.append((f"{what}, dropped: {why}", _integer(n)))
        rows.append((f"{what}, analysed", _integer(data.get(f"n_{what}"))))
    rows.append((f"conditions ({asked_for(results)})", _integer(data.get("n_conditions"))))
    return Table("What was kept and what was dropped", ("what", "number"), tuple(rows))


def _data_table(results: Results) -> Table:
    data = results.data
    size = data.get("size")
    facts = {
        "dataset": data.get("dataset"),
        "title": data.get("title"),
        "simulated": "yes" if is_simulated(results) else "no",
        "version": data.get("version"),
        "session": data.get("session"),
        "asset": data.get("asset"),
        "source": data.get("source"),
        "species": data.get("species"),
        "modality": data.get("modality"),
        "licence": data.get("license") or "not stated: ask where the file came from before you share its data",
        "citation": data.get("citation") or "not stated",
        "DOI": f"doi:{plain(data['doi']).removeprefix('doi:')}" if data.get("doi") else None,
        "size": f"{size / 1e6:,.1f} MB" if isinstance(size, int | float) else size,
        f"SHA-256{', of the excerpt' * bool(data.get('excerpt'))}": data.get("sha256"),
        "SHA-256, of the whole file, by its ETag": data.get("source_sha256"),
        "read from an excerpt": f"{data['excerpt']}; left out: {data['not_in_excerpt']}"
        if data.get("excerpt")
        else None,
        "repaired": data.get("repaired"),
    }
    rows = tuple(
        (name, ", ".join(map(str, _as_list(fact)))) for name, fact in facts.items() if fact not in (None, "", [])
    )
    return Table("The data", ("fact", "value"), rows)


def methods(results: Results) -> Section:
    """How the page was made, how to make it again, and whom to cite."""
    spec = results.spec
    seed = spec.get("seed")
    software = tuple((name, version) for name, version in sorted(results.software.items()))
    return Section(
        "Methods",
        question="How was this page made, and how is it made again?",
        answer=(
            "Every number above comes from one run. results.json holds them; medians, ranges and peaks that this page "
            "tells are of its values. "
            + (f"All random choices derive from the seed {plain(seed)}." if seed is not None else ""),
        ),
        figures=(
            Shown(
                figures_study.provenance(steps(results), spec.get("window"), spec.get("bin_width")),
                "The way of the data, and the window of one trial.",
            ),
        ),
        tables=(Table("Software", ("package", "version"), software),) if software else (),
        listings=(
            Listing("Make it again, verify it, compare the two", how_to_run(results)),
            Listing(
                "The study as a file: study.toml (what it does not name has the default of the version above)",
                study_file(results),
            ),
            Listing("Cite", citations(results)),
        ),
        reading=paragraphs(results),
        references=references(results),
    )


def _integer(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "not known" if value is None else str(value)


def _as_list(value: object) -> list[object]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple | set) else [value]
