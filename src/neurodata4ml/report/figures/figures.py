"""The figures of a report: one function per kind of result, each returns a picture and the sentence for it."""

from __future__ import annotations

from collections.abc import Callable

from neurodata4ml.report.figures.across import hierarchy, matched_similarity
from neurodata4ml.report.figures.activity import (
    decoding_over_time,
    decoding_whole_window,
    raster,
    rate,
    rate_by_condition,
    reliability,
)
from neurodata4ml.report.figures.canvas import Picture
from neurodata4ml.report.figures.comparison import biased_similarity, similarity
from neurodata4ml.report.figures.encoding import encoding
from neurodata4ml.report.figures.population import dimensionality, latents
from neurodata4ml.report.figures.sessions import (
    consistency_of_recordings,
    decoding_course_of_recordings,
    decoding_of_recordings,
    rate_course_of_recordings,
    rates_of_recordings,
    recording_sizes,
    reliability_of_recordings,
)
from neurodata4ml.report.figures.sessions_candidates import encoding_of_recordings, similarity_of_recordings
from neurodata4ml.report.figures.squares import squares
from neurodata4ml.report.figures.truth import estimate_beside_truth, points_beside_truth

FIGURES: dict[str, tuple[str, Callable[..., Picture]]] = {
    "raster": ("psth", raster),
    "rate": ("psth", rate),
    "rate_by_condition": ("psth", rate_by_condition),
    "decoding_over_time": ("decoding", decoding_over_time),
    "decoding_whole_window": ("decoding", decoding_whole_window),
    "latents": ("latents", latents),
    "dimensionality": ("dimensionality", dimensionality),
    "reliability": ("reliability", reliability),
    "rdms": ("rdms", squares),
    "encoding": ("encoding", encoding),
    "similarity": ("similarity", similarity),
    "matched_similarity": ("similarity", matched_similarity),
    "hierarchy": ("similarity", hierarchy),
    "biased_similarity": ("similarity", biased_similarity),
    "estimate_beside_truth": ("truth", estimate_beside_truth),
    "points_beside_truth": ("truth", points_beside_truth),
}
"""Name -> (the entry of ``Results.arrays`` that it draws, the function)."""

FIGURES_OF_MANY: dict[str, tuple[str, Callable[..., Picture]]] = {
    "recording_sizes": ("sessions", recording_sizes),
    "rates_of_recordings": ("psth_sessions", rates_of_recordings),
    "rate_course_of_recordings": ("psth_sessions", rate_course_of_recordings),
    "decoding_of_recordings": ("decoding_sessions", decoding_of_recordings),
    "decoding_course_of_recordings": ("decoding_sessions", decoding_course_of_recordings),
    "reliability_of_recordings": ("reliability_sessions", reliability_of_recordings),
    "consistency_of_recordings": ("rdms_sessions", consistency_of_recordings),
    "similarity_of_recordings": ("similarity_sessions", similarity_of_recordings),
    "encoding_of_recordings": ("encoding_sessions", encoding_of_recordings),
}
"""The same for a study of many recordings; most also take ``kept``, the entry "sessions"."""

HOLDS = {
    "raster": "raster_time",
    "rate": "rate",
    "rate_by_condition": "rate_by_condition",
    "decoding_over_time": "accuracy",
    "decoding_whole_window": "accuracy_window",
    "matched_similarity": "matched",
    "hierarchy": "hierarchy_depth",
    "biased_similarity": "biased_null",
    "points_beside_truth": "response_truth",
    "rate_course_of_recordings": "rate",
    "decoding_course_of_recordings": "accuracy",
}
"""Name -> the variable without which its entry has no such figure; of the others the entry is enough."""
