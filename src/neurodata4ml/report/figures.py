"""The figures of a report: one function per kind of result, each returns a picture and the sentence for it."""

from __future__ import annotations

from collections.abc import Callable

from neurodata4ml.report.canvas import Picture
from neurodata4ml.report.figures_across import hierarchy, matched_similarity
from neurodata4ml.report.figures_activity import (
    decoding_over_time,
    decoding_whole_window,
    raster,
    rate,
    rate_by_condition,
    reliability,
)
from neurodata4ml.report.figures_comparison import biased_similarity, rdms, similarity
from neurodata4ml.report.figures_population import dimensionality, latents
from neurodata4ml.report.figures_truth import estimate_beside_truth, points_beside_truth

FIGURES: dict[str, tuple[str, Callable[..., Picture]]] = {
    "raster": ("psth", raster),
    "rate": ("psth", rate),
    "rate_by_condition": ("psth", rate_by_condition),
    "decoding_over_time": ("decoding", decoding_over_time),
    "decoding_whole_window": ("decoding", decoding_whole_window),
    "latents": ("latents", latents),
    "dimensionality": ("dimensionality", dimensionality),
    "reliability": ("reliability", reliability),
    "rdms": ("rdms", rdms),
    "similarity": ("similarity", similarity),
    "matched_similarity": ("similarity", matched_similarity),
    "hierarchy": ("similarity", hierarchy),
    "biased_similarity": ("similarity", biased_similarity),
    "estimate_beside_truth": ("truth", estimate_beside_truth),
    "points_beside_truth": ("truth", points_beside_truth),
}
"""Name -> (the entry of ``Results.arrays`` that it draws, the function)."""
