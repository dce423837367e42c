"""How to run a study again, and how to cite it: commands, study file, BibTeX."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tomli_w

from neurodata4ml.citing import cite_software, cite_unlisted
from neurodata4ml.report.facts import asked_for
from neurodata4ml.report.words import compact, count, listing, plain
from neurodata4ml.results import Results

ANALYSES = {
    "psth": "rates",
    "decoding": "decoding",
    "latents": "latents",
    "dimensionality": "dimensionality",
    "reliability": "reliability",
    "rdms": "RDMs",
    "encoding": "encoding",
    "similarity": "similarity",
    "truth": "truth",
}


def how_to_run(results: Results) -> str:
    """Return the commands that make this page again, ask whether its numbers hold, and show where two pages differ."""
    beside = [plain(Path(str(name)).name, 80) for name in _files(results)]
    where = f", beside {listing(beside)}" if beside else ""
    return "\n".join(
        (
            f"# save the study file below as study.toml in the folder of this page{where}; then type there:",
            "neurodata4ml report study.toml --out again",
            "neurodata4ml verify .",
            "neurodata4ml diff . again",
        )
    )


def _files(results: Results) -> list[str]:
    """Return the files that the study was made from, where it names files and no dataset."""
    spec = results.spec
    source = str(spec.get("source") or "")
    return list(spec.get("files") or ([] if not source or _is_name(source) else [source]))


def _is_name(source: str) -> bool:
    """Return whether a source is the name of a dataset: a path or an address has a stop, a slash or a colon."""
    return re.fullmatch(r"[A-Za-z0-9_-]+", source) is not None


def study_file(results: Results) -> str:
    """Return the whole study as the TOML that ``neurodata4ml report STUDY.toml`` reads; where it went is left out."""
    spec = {k: v for k, v in results.spec.items() if k != "out" and v not in (None, "", [], (), {})}
    source = spec.pop("source", None)
    spec |= spec.pop("options", {})
    if source is not None and "files" not in spec:
        spec = {"dataset" if _is_name(str(source)) else "file": source, **spec}
    return _short_lists(tomli_w.dumps(_without_none(spec)))


def citations(results: Results) -> str:
    """Return BibTeX for the data with the papers about them, as the catalog knows them, and for this software."""
    known = str(results.data.get("bibtex") or "")
    if known.startswith("@misc{neurodata4ml,"):  # the demo is this software
        return known
    return f"{known or _of_data(results)}\n\n{cite_software(plain(results.software.get('neurodata4ml') or ''))}"


def _of_data(results: Results) -> str:
    """Return BibTeX for data that are not in the catalog, from what is known of them."""
    data = results.data
    return cite_unlisted(
        str(data.get("dataset") or "data"),
        title=plain(data.get("title") or data.get("dataset") or data.get("source") or ""),
        note=plain(data.get("citation") or ""),
        version=plain(data.get("version") or ""),
        doi=re.sub(r"^(doi:|https?://(dx\.)?doi\.org/)", "", plain(data.get("doi") or "")),
    )


def steps(results: Results) -> tuple[tuple[str, str], ...]:
    """Return the way from the recording to the page: name and detail of each step."""
    spec, data = results.spec, results.data
    digest = f" sha256 {str(data['sha256'])[:8]}…" if data.get("sha256") else ""
    window = spec.get("window")
    bins = spec.get("bin_width")
    when = f" {compact(window[0])} to {compact(window[1])} s" if window else ""
    width = f", bins of {compact(1000 * bins)} ms" if isinstance(bins, int | float) else ""
    areas = len(data.get("areas") or {})
    made = [word for name, word in ANALYSES.items() if name in results.arrays]
    return (
        (
            "recording",
            f"{data.get('dataset') or data.get('source') or 'file'} {plain(data.get('session') or '', 24)}{digest}",
        ),
        ("spike counts", f"{spec.get('align') or 'onset'}{when}{width}"),
        (
            "kept",
            f"{count(data.get('n_trials'), 'trial')}, {count(data.get('n_units'), 'unit')}, {count(areas, 'area')}",
        ),
        ("averages", f"by {asked_for(results)}: {count(data.get('n_conditions'), 'condition')}"),
        ("analyses", ", ".join(made)),
        ("page", "index.html and results.json"),
    )


def _short_lists(text: str) -> str:
    """Write lists that fit in a line as people write them: ``window = [-1.2, 0.6]``."""
    return re.sub(r"^(\S+ = )\[\n((?:    (?!\[).*,\n)+)\]$", _in_one_line, text, flags=re.MULTILINE)


def _in_one_line(found: re.Match[str]) -> str:
    items = [line.strip().rstrip(",") for line in found[2].splitlines()]
    line = f"{found[1]}[{', '.join(items)}]"
    return line if len(line) <= 110 else found[0]


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(v) for name, v in value.items() if v is not None}
    return [_without_none(v) for v in value if v is not None] if isinstance(value, list) else value
