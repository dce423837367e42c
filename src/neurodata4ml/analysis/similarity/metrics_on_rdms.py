"""The metrics that compare RDMs, with their promises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodata4ml.analysis.similarity.centring import centred, cosine
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.on_rdms import (
    as_floats,
    centred_ranks,
    rho_a,
    whitened_centred_square,
    whitened_square,
)
from neurodata4ml.analysis.similarity.ranks import places, tau_a
from neurodata4ml.analysis.similarity.shapes import aligned, square_root

_MAPS = frozenset({"rotation", "scale", "offset", "permutation"})
"""What a Euclidean RDM cannot see."""

_NILI = "Nili et al. 2014, PLoS Comput Biol 10:e1003553"
_SCHUETT = "Schuett et al. 2023, eLife 12:e82566"
_DIEDRICHSEN = "Diedrichsen et al. 2021, NBDT 5:1"

_FEW = "Noise of trials and few units bring it down, unless the distances are cross-validated."
_SHARED = "Distances that share a stimulus are not independent: permute stimuli, never pairs."
_NO_ZERO = "Distances that are not cross-validated: two RDMs of pure noise then have a cosine of about 0.96."


def _on_rdm(
    function: Callable[[np.ndarray, np.ndarray], float],
    reference: str,
    says: tuple[str, str, str],
    *,
    prepare: Callable[[np.ndarray], np.ndarray],
    form: str = "other",
    unbiased: bool = True,
    low: float = -1.0,
) -> Metric:
    about, bias, breaks = says
    whole = prepare in (whitened_square, whitened_centred_square, square_root)
    return Metric(
        function,
        on="rdm",
        invariant_to=_MAPS,
        identity=1.0,
        range=(low, 1.0),
        unbiased=unbiased,
        reference=reference,
        prepare=prepare,
        form=form,
        whole_rdm=whole,
        about=about,
        bias=bias,
        breaks=breaks,
    )


ON_RDMS: dict[str, Metric] = {
    # 0 means "same" only in crossnobis distances: between other RDMs of pure noise the cosine is about 0.96
    "rsa_cosine": _on_rdm(
        cosine,
        _DIEDRICHSEN,
        (
            "The cosine between the distances of all pairs of stimuli: where 0 means no difference, ratios count.",
            "With distances that are never negative, independent data come near 1; with crossnobis, to about 0.",
            _NO_ZERO,
        ),
        prepare=as_floats,
        form="pairs",
        unbiased=False,
    ),
    "rsa_pearson": _on_rdm(
        cosine,
        _NILI,
        (
            "The correlation over pairs of stimuli between the two sides' distances.",
            f"About none from the number of stimuli. {_FEW}",
            f"A few large distances decide it. {_SHARED}",
        ),
        prepare=centred,
        form="pairs",
    ),
    "rsa_spearman": _on_rdm(
        cosine,
        _NILI,
        (
            "The correlation over pairs of stimuli between the ranks of the two sides' distances.",
            f"About none from the number of stimuli. {_FEW}",
            "Ties: a model that predicts equal distances (a category) is overrated; take rsa_rho_a or rsa_tau_a.",
        ),
        prepare=centred_ranks,
        form="pairs",
    ),
    "rsa_rho_a": _on_rdm(
        rho_a,
        _SCHUETT,
        (
            "Spearman's correlation that would be expected if ties were broken at random.",
            f"About none from the number of stimuli. {_FEW}",
            f"With ties it stays below 1 even for an RDM with itself. {_SHARED}",
        ),
        prepare=centred_ranks,
    ),
    "rsa_tau_a": _on_rdm(
        tau_a,
        _NILI,
        (
            "The fraction of pairs of distances that both sides put in one order, less the fraction they do not.",
            f"About none from the number of stimuli. {_FEW}",
            f"With ties it stays below 1 even for an RDM with itself. {_SHARED}",
        ),
        prepare=places,
    ),
    "rsa_cosine_whitened": _on_rdm(
        cosine,
        _DIEDRICHSEN,
        (
            "The cosine between distances in which errors are alike and independent: of Euclidean RDMs, linear CKA.",
            "With distances that are never negative, that of cka; with crossnobis, independent data come to about 0.",
            "Distances that are not cross-validated; noise that differs much between stimuli (few trials of some).",
        ),
        prepare=whitened_square,
        form="gram",
        unbiased=False,
    ),
    "rsa_pearson_whitened": _on_rdm(
        cosine,
        _DIEDRICHSEN,
        (
            "The correlation between distances in which errors are alike and independent.",
            f"About none from the number of stimuli. {_FEW}",
            "Noise that differs much between stimuli (few trials of some).",
        ),
        prepare=whitened_centred_square,
        form="gram",
    ),
    "bures": _on_rdm(
        aligned,
        "Tang et al. 2020, arXiv:2003.11498; Harvey et al. 2024, arXiv:2311.11436",
        (
            "The overlap of the two kernels of an RDM; of Euclidean RDMs, the cosine of the Procrustes angle.",
            "That of procrustes: independent data come far above 0, and nearer 1 the more features there are.",
            "Distances that are no squared Euclidean ones (crossnobis): their negative eigenvalues count as 0, so that "
            "noise which had cancelled no longer does.",
        ),
        prepare=square_root,
        unbiased=False,
        low=0.0,
    ),
}
"""Metrics on RDMs by name."""
