"""Every way to compare two representations, by name, with its promises."""

from __future__ import annotations

from neurodata4ml.analysis.similarity.centring import centred, centred_gram, cosine
from neurodata4ml.analysis.similarity.cka import (
    RBF_FRACTION,
    centred_rbf_gram,
    cka,
    cka_unbiased,
    hsic,
    null_of_cka,
    u_centred,
    u_centred_gram,
    u_centred_rbf_gram,
)
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.metrics_of_units import OF_UNITS
from neurodata4ml.analysis.similarity.metrics_on_rdms import ON_RDMS
from neurodata4ml.analysis.similarity.shapes import aligned, angular, frame, procrustes

__all__ = [
    "METRICS",
    "Metric",
    "centred",
    "cka",
    "cka_unbiased",
    "hsic",
    "null_of_cka",
    "procrustes",
    "u_centred",
]

_MAPS = frozenset({"rotation", "scale", "offset", "permutation"})
"""What a Gram matrix of centred patterns cannot see."""

_FEW_UNITS = (
    "Few units bring it down, since a sample of units has a geometry of its own: compare areas at one unit count."
)
_KORNBLITH = "Kornblith et al. 2019, arXiv:1905.00414"
_SONG = "Song et al. 2012, JMLR 13:1393; Murphy et al. 2024, arXiv:2405.01012"
_WILLIAMS = "Williams et al. 2021, arXiv:2110.14739"

METRICS: dict[str, Metric] = {
    "cka": Metric(
        cosine,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference=_KORNBLITH,
        prepare=centred_gram,
        direct=cka,
        null=null_of_cka,
        form="gram",
        about="The cosine between the two centred matrices of inner products of stimuli, as they are in this sample.",
        bias="Grows with the number of features over that of stimuli: 0.57 for unrelated data of 118 stimuli, 4,096 "
        "features and 60 units. The null value beside it says how much.",
        breaks="More features than stimuli, and comparisons between sides of different sizes; one direction of large "
        "variance decides it.",
    ),
    "cka_unbiased": Metric(
        cosine,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(-1.0, 1.0),
        unbiased=True,
        reference=_SONG,
        min_stimuli=4,
        prepare=u_centred_gram,
        direct=cka_unbiased,
        form="gram",
        about="The cosine between the inner products of different stimuli, as in the population they are drawn from.",
        bias=f"About none from the number of stimuli; the ratio is off by a term of order 1 / n_stimuli. {_FEW_UNITS}",
        breaks="Copies of a stimulus (resampling must remove their pairs); noise shared by both sides; one direction "
        "of large variance decides it.",
    ),
    "cka_rbf": Metric(
        cosine,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference=_KORNBLITH,
        prepare=centred_rbf_gram,
        form="gram",
        about=f"As cka, with Gaussians of distance for inner products, {RBF_FRACTION} of the median distance wide: "
        "near stimuli count more.",
        bias="More biased than cka: with many features all distances are alike, and so are all representations.",
        breaks="More features than stimuli; a change of the bandwidth, which is a choice.",
    ),
    "cka_rbf_unbiased": Metric(
        cosine,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(-1.0, 1.0),
        unbiased=True,
        reference=_SONG,
        min_stimuli=4,
        prepare=u_centred_rbf_gram,
        form="gram",
        about=f"As cka_unbiased, with Gaussians of distance for inner products, {RBF_FRACTION} of the median distance "
        "wide.",
        bias=f"About none from the number of stimuli. {_FEW_UNITS}",
        breaks="Copies of a stimulus; trial noise, which moves near stimuli apart; a change of the bandwidth.",
    ),
    "procrustes": Metric(
        aligned,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference=_WILLIAMS,
        prepare=frame,
        about="The cosine of the angle between the two representations after the best rotation of one onto the other.",
        bias="The rotation is fitted to these stimuli: 0.67 for unrelated data of 118 stimuli, 4,096 features and 60 "
        "units, and nearer 1 the more features there are.",
        breaks="More features than stimuli; trial noise in any direction, also those the other side lacks.",
    ),
    "angular": Metric(
        angular,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference=_WILLIAMS,
        prepare=frame,
        about="1 minus the angle between the two representations, best rotated, over a right angle: a distance that "
        "may be averaged and clustered.",
        bias="That of procrustes: the rotation is fitted to these stimuli.",
        breaks="More features than stimuli; trial noise.",
    ),
    **ON_RDMS,
    **OF_UNITS,
}
"""Every metric by name."""
