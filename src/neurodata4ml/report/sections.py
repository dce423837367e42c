"""The sections of a report, in the order of the page."""

from __future__ import annotations

from neurodata4ml.report.section import Maker
from neurodata4ml.report.sections_activity import psth, reliability
from neurodata4ml.report.sections_comparison import rdms
from neurodata4ml.report.sections_decoding import decoding
from neurodata4ml.report.sections_population import dimensionality, latents
from neurodata4ml.report.sections_similarity import similarity
from neurodata4ml.report.sections_study import methods, overview
from neurodata4ml.report.sections_truth import truth

SECTIONS: dict[str, Maker] = {
    "overview": overview,
    "psth": psth,
    "decoding": decoding,
    "latents": latents,
    "dimensionality": dimensionality,
    "reliability": reliability,
    "rdms": rdms,
    "similarity": similarity,
    "truth": truth,
    "methods": methods,
}
"""Name -> function(results) -> Section. A new section is one function and its place here."""
