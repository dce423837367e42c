"""How to run a study again, and how to cite it: commands, study file, BibTeX."""

from __future__ import annotations

import re
import shlex
from typing import Any

import tomli_w

from neurodata4ml.report.facts import asked_for
from neurodata4ml.report.words import compact, count, plain
from neurodata4ml.results import Results

ANALYSES = {
    "psth": "rates",
    "decoding": "decoding",
    "latents": "latents",
    "dimensionality": "dimensionality",
    "reliability": "reliability",
    "rdms": "RDMs",
    "similarity": "similarity",
    "truth": "truth",
}


def how_to_run(results: Results) -> str:
    """Return the command that makes this page again, every choice written out."""
    spec = results.spec
    source = spec.get("source") or spec.get("file") or spec.get("dataset") or results.data.get("dataset")
    words = ["neurodata4ml", "report", str(source or "STUDY.toml")]
    for option in ("session", "trials", "by", "align", "window", "where", "bin_width", "seed"):
        value = spec.get(option)
        if value not in (None, "", []):
            written = value if isinstance(value, list | tuple) else [value]
            words += [f"--{option.replace('_', '-')}", *(f"{v:g}" if isinstance(v, float) else str(v) for v in written)]
    for option, name in (("--network", "networks"), ("--order", "order")):
        for value in spec.get(name) or ():
            words += [option, str(value)]
    return " ".join(shlex.quote(plain(word)) for word in words)


def study_file(results: Results) -> str:
    """Return the whole study as the TOML that ``neurodata4ml report STUDY.toml`` reads; where it went is left out."""
    spec = {k: v for k, v in results.to_dict()["spec"].items() if k != "out" and v not in (None, "", [])}
    source = spec.pop("source", None)
    if source is not None:
        spec = {"file" if str(source).endswith(".nwb") else "dataset": source, **spec}
    return tomli_w.dumps(_without_none(spec))


def citations(results: Results) -> str:
    """Return BibTeX for the data and for this software."""
    data = results.data
    key = re.sub(r"[^A-Za-z0-9]+", "", str(data.get("dataset") or "data")) or "data"
    fields = {
        "title": data.get("title") or data.get("dataset") or data.get("source"),
        "note": data.get("citation"),
        "version": data.get("version"),
        "doi": re.sub(r"^(doi:|https?://(dx\.)?doi\.org/)", "", str(data.get("doi") or "")),
    }
    software = {"title": "neurodata4ml", "version": results.software.get("neurodata4ml")}
    return f"{_bibtex(key, fields)}\n\n{_bibtex('neurodata4ml', software)}"


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


def _bibtex(key: str, fields: dict[str, Any]) -> str:
    lines = [f"  {name} = {{{plain(value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(v) for name, v in value.items() if v is not None}
    return [_without_none(v) for v in value if v is not None] if isinstance(value, list) else value
