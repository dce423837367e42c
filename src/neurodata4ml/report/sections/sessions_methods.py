"""How the numbers of many recordings were made, with the sources, and how to cite them and to make them again."""

from __future__ import annotations

from dataclasses import replace

from neurodata4ml.report.figures import study as figures_study
from neurodata4ml.report.methods import paragraphs
from neurodata4ml.report.reproduce import citations, how_to_run, steps, study_file
from neurodata4ml.report.sections.section import Listing, Section, Shown, Table
from neurodata4ml.report.sections.sessions_words import recordings_of
from neurodata4ml.report.sources import OVER_RECORDINGS, references
from neurodata4ml.report.words import count, plain
from neurodata4ml.results import Results


def methods(results: Results) -> Section:
    """How the page was made, how to make it again, and whom to cite."""
    seed, one = results.spec.get("seed"), _as_one(results)
    software = tuple((name, version) for name, version in sorted(results.software.items()))
    return Section(
        "Methods",
        question="How was this page made, and how is it made again?",
        answer=(
            "Each recording was analysed by itself, with the same choices; what they say together is made from those "
            "numbers alone, and the page and results.json hold the same values."
            + (
                f" Every random choice follows from the seed {plain(seed)} and the recording's name."
                * (seed is not None)
            ),
        ),
        figures=(
            Shown(
                figures_study.provenance(steps(one), one.spec.get("window"), one.spec.get("bin_width")),
                "The way of the data of every recording, and the window of one trial; counts are of all together.",
            ),
        ),
        tables=(_lock_table(results), *((Table("Software", ("package", "version"), software),) if software else ())),
        listings=(
            Listing("Make it again, verify it, compare the two", how_to_run(results)),
            Listing(
                "The study as a file: study.toml (what it does not name has the default of the version above)",
                study_file(results),
            ),
            Listing("Cite", citations(results)),
        ),
        reading=(*paragraphs(one), _over(results)),
        references=references(one, OVER_RECORDINGS),
    )


_NOT_SHOWN = ("latents", "truth")
"""What each recording has of its own, and is not summed up."""


def _as_one(results: Results) -> Results:
    """Return the study as if of one recording: the choices of the first, the counts of all, one array per section."""
    every = list(results.sessions.values())
    arrays = {name: array for one in reversed(every) for name, array in one.arrays.items() if name not in _NOT_SHOWN}
    order = [name for name in every[0].arrays if name in arrays] + [n for n in arrays if n not in every[0].arrays]
    known = {name: value for name, value in results.spec.items() if value not in (None, "", [], {}, ())}
    return replace(
        results,
        spec={**every[0].spec, **known, "options": results.spec.get("options") or {}},
        data={"session": f"{len(every)} recordings", **results.data},
        arrays={name: arrays[name] for name in order},
        sessions={},
    )


def _over(results: Results) -> str:
    kept = results.arrays["sessions"]
    by_animal = kept.attrs.get("sampled") == "animal"
    samples = (
        "animals, after the mean within each (Holmes & Friston 1998; Aarts et al. 2014)"
        if by_animal
        else "recordings, which count as independent of each other"
    )
    return (
        f"Over {recordings_of(kept)}: means have 95\u00a0% intervals of Student's t (1908) over {samples}; "
        "candidates are set beside the highest by paired differences with Bonferroni's correction (Dunn 1961), "
        "p-values of decoding are counted (Allefeld et al. 2016) and combined (Fisher 1925), and distances of each "
        "recording are set beside the mean of the others (Nili et al. 2014)."
    )


def _lock_table(results: Results) -> Table:
    rows = []
    for key, one in results.sessions.items():
        data = one.data
        digest = plain(data.get("sha256") or "not known")
        rows.append((key, plain(data.get("asset") or data.get("source") or "–"), digest, plain(one.spec.get("seed"))))
    return Table(
        f"What {count(len(rows), 'recording')} were read from", ("recording", "file", "SHA-256", "seed"), tuple(rows)
    )
