"""The sections of a report, in the order of the page."""

from __future__ import annotations

from neurodata4ml.report.sections import sessions as of_many
from neurodata4ml.report.sections import sessions_activity as units_of_many
from neurodata4ml.report.sections import sessions_candidates as candidates_of_many
from neurodata4ml.report.sections import sessions_geometry as geometry_of_many
from neurodata4ml.report.sections import sessions_methods as methods_of_many
from neurodata4ml.report.sections.activity import psth, reliability
from neurodata4ml.report.sections.comparison import rdms
from neurodata4ml.report.sections.controls import controls
from neurodata4ml.report.sections.decoding import decoding
from neurodata4ml.report.sections.encoding import encoding
from neurodata4ml.report.sections.population import dimensionality, latents
from neurodata4ml.report.sections.section import Maker
from neurodata4ml.report.sections.similarity import similarity
from neurodata4ml.report.sections.study import methods, overview
from neurodata4ml.report.sections.truth import truth

SECTIONS: dict[str, Maker] = {
    "overview": overview,
    "psth": psth,
    "decoding": decoding,
    "latents": latents,
    "dimensionality": dimensionality,
    "reliability": reliability,
    "rdms": rdms,
    "encoding": encoding,
    "similarity": similarity,
    "truth": truth,
    "controls": controls,
    "methods": methods,
}
"""Name -> function(results) -> Section. A new section is one function and its place here."""

SECTIONS_OF_MANY: dict[str, Maker] = {
    "overview": of_many.overview,
    "recordings": of_many.recordings,
    "psth": units_of_many.psth,
    "decoding": units_of_many.decoding,
    "dimensionality": units_of_many.dimensionality,
    "reliability": units_of_many.reliability,
    "rdms": geometry_of_many.rdms,
    "encoding": candidates_of_many.encoding,
    "similarity": candidates_of_many.similarity,
    "methods": methods_of_many.methods,
}
"""The same of a study of many recordings: what they say together, and each as one dot beside the others."""
