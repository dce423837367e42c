"""Whatever options a study chooses, each section computes with them, and the page says what was computed."""

from dataclasses import replace

import pytest

from neurodata4ml.report.sections.sections import SECTIONS
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies.answers.answers import ANSWERS
from neurodata4ml.studies.material import prepare

TINY = Spec(
    "demo",
    where="frame < 14",
    areas=("late",),
    units="local_index % 3 == 0",
    layers=("conv2", "logits"),
    n_shuffles=9,
)
"""Fourteen scenes, twenty trials of each, twenty units; two layers of a network and of its twin."""


@pytest.fixture(scope="module")
def tiny():
    return prepare(TINY)


def answered(material, folder, section, analysis, **options):
    """Return the section's array, and what the page says of it once it is read back from its file."""
    chosen = replace(material.spec, options={analysis: options})
    array = ANSWERS[section](replace(material, spec=chosen))
    results = Results(chosen.to_dict(), {"areas": material.area_sizes}, {section: array})
    return array, SECTIONS[section](Results.load(results.save(folder / "results.json")))


CASES = [
    ("decoding", "decode", {"decoder": "ridge"}, "The read-out is ridge regression", "linear discriminant"),
    ("decoding", "decode", {"scoring": "accuracy"}, "with an accuracy of", "balanced"),
    ("decoding", "decode", {"scoring": "auc"}, "area under the ROC curve", "balanced"),
    ("decoding", "decode", {"over": "time"}, "Bin by bin", "whole window"),
    ("decoding", "decode", {"correction": "none"}, "of each bin alone", "corrected"),
    ("decoding", "decode", {"n_shuffles": 0}, "p not available", "p = 0"),
    ("decoding", "decode", {"decoder": "bayes", "n_folds": 3}, "Bayes' rule", "linear discriminant"),
    ("latents", "latents", {"method": "fa"}, "two factors", "principal"),
    ("latents", "latents", {"method": "ica", "n_components": 2}, "independent components", "ordered by the variance"),
    ("latents", "latents", {"method": "nmf"}, "non-negative parts", "principal"),
    ("latents", "latents", {"method": "dpca"}, "(stimulus)", "principal"),
    ("latents", "latents", {"method": "tca"}, "tensor components", "directions in the space of units"),
    ("latents", "latents", {"method": "gpfa", "max_iter": 2}, "Paths of single trials", "Trial-averaged"),
    ("latents", "latents", {"n_components": 1}, "first of the principal components carries", "two principal"),
    ("latents", "latents", {"n_components": "auto"}, "principal components", "factors"),
    ("dimensionality", "dimensionality", {"method": "cvpca"}, "of the mean responses is signal", "participation"),
    ("dimensionality", "dimensionality", {"method": "parallel", "n_shuffles": 19}, "unrelated units", "participation"),
    (
        "reliability",
        "reliability",
        {"method": "split_half", "n_splits": 5},
        "Spearman and Brown",
        "analysis of variance",
    ),
    ("rdms", "rdm", {"distance": "correlation"}, "correlation distance (1 − r)", "crossnobis"),
    ("rdms", "rdm", {"distance": "euclidean"}, "squared Euclidean distance per unit", "crossnobis"),
    ("rdms", "rdm", {"distance": "poisson"}, "poisson (areas) and squared Euclidean (networks)", "crossnobis"),
    ("rdms", "rdm", {"precision": "diagonal"}, "weighed by the noise precision (diagonal)", "correlation"),
    ("rdms", "rdm", {"over": "time"}, "rdms/rdm_over_time", "correlation"),
    ("rdms", "rdm", {"by": "quality"}, "late, quality good", "correlation"),
    ("encoding", "encode", {"scores": ["r2"]}, "median R²", "median correlation"),
    ("encoding", "encode", {"encoder": "pls", "n_components": 2}, "partial least squares", "ridge regression"),
    (
        "encoding",
        "encode",
        {"scores": ["deviance"], "encoder": "poisson", "alphas": [1.0]},
        "share of deviance",
        "ceiling 0",
    ),
    ("similarity", "compare", {"metric": "cka", "n_shuffles": 9}, "Linear CKA compares", "0 is expected"),
    ("similarity", "compare", {"metric": "rsa_spearman", "n_shuffles": 9}, "RSA, Spearman", "unbiased linear CKA"),
    ("similarity", "compare", {"metric": "procrustes", "n_shuffles": 9}, "Procrustes similarity", "0 is expected"),
    (
        "similarity",
        "compare",
        {"metric": "predictivity", "n_shuffles": 9},
        "is matched best by",
        "shares most geometry",
    ),
    ("similarity", "compare", {"distance": "correlation"}, "correlation distance (1 − r) in the brain", "crossnobis"),
    ("similarity", "compare", {"confidence": 0.9, "n_shuffles": 9}, "90\u00a0% interval", "95\u00a0% interval"),
    ("similarity", "compare", {"over": "stimulus", "n_shuffles": 9}, "intervals over stimuli", "over trials"),
    ("similarity", "compare", {"over": [], "n_shuffles": 0}, "unbiased linear CKA", "% interval 0."),
    ("similarity", "compare", {"correction": "holm", "n_shuffles": 9}, "(Holm)", "max-T"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "analysis", "options", "said", "unsaid"), CASES, ids=lambda v: str(v) if isinstance(v, dict) else ""
)
def test_an_option_is_used_and_the_page_says_so_and_nothing_else(
    tiny, tmp_path, section, analysis, options, said, unsaid
):
    array, shown = answered(tiny, tmp_path, section, analysis, **options)
    text = all_of(shown)
    assert said in text
    assert unsaid not in text
    assert not shown.missing
    assert array.sizes


def all_of(section):
    """Return every word that a section prints."""
    tables = [
        cell for table in section.tables for row in (table.columns, *table.rows) for cell in (table.caption, *row)
    ]
    figures = [word for shown in section.figures for word in (shown.caption, shown.picture.alt)]
    return "\n".join([*section.answer, *figures, *tables, *section.reading, *section.warnings])
