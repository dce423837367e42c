"""The metrics that read one side from the other, or match their units, with their promises."""

from __future__ import annotations

from neurodata4ml.analysis.similarity.canonical import (
    SVCCA_KEPT,
    axes,
    leading_axes,
    mean_correlation,
    own_columns,
    weighted_correlation,
)
from neurodata4ml.analysis.similarity.matching import one_to_one, soft_matching, unit_columns
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.predictivity import (
    no_more_than_the_mean,
    predictivity,
    predictivity_reverse,
    scores,
)

_MAPS = frozenset({"rotation", "scale", "offset", "permutation"})
_CCA_BIAS = (
    "The read-outs are fitted to these stimuli: independent data with p and q units come to 1 as p + q nears the "
    "number of stimuli."
)
_LINEAR = (
    "Stimuli that resemble each other (frames of a movie, pictures of one object): what is left out is then known from "
    "its neighbours. Take encode, with folds of your own."
)

OF_UNITS: dict[str, Metric] = {
    "cca": Metric(
        mean_correlation,
        on="responses",
        invariant_to=_MAPS | {"invertible"},
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference="Hotelling 1936, Biometrika 28:321; Raghu et al. 2017, arXiv:1706.05806",
        prepare=axes,
        about="The mean correlation of the best pairs of linear read-outs, as many as the smaller side has units.",
        bias=_CCA_BIAS,
        breaks="Directions without signal count as much as any; as many units as stimuli, which is refused.",
    ),
    "svcca": Metric(
        mean_correlation,
        on="responses",
        invariant_to=_MAPS,
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference="Raghu et al. 2017, arXiv:1706.05806",
        prepare=leading_axes,
        about=f"As cca, between the principal components that hold {SVCCA_KEPT:.0%} of each side's variance.",
        bias=_CCA_BIAS,
        breaks="As many components as stimuli, which is refused; noise, which spreads variance over components.",
    ),
    "pwcca": Metric(
        weighted_correlation,
        on="responses",
        invariant_to=frozenset({"scale", "offset", "permutation"}),
        identity=1.0,
        range=(0.0, 1.0),
        unbiased=False,
        reference="Morcos et al. 2018, arXiv:1806.05759",
        symmetric=False,
        prepare=own_columns,
        about="As cca, read-outs weighted by how much of the first side's units they account for.",
        bias=_CCA_BIAS,
        breaks="Another basis of the first side, in which its units, and so the weights, are others; as many units as "
        "stimuli, which is refused.",
    ),
    "predictivity": Metric(
        predictivity,
        on="responses",
        invariant_to=_MAPS,
        identity=None,
        range=(float("-inf"), 1.0),
        unbiased=False,
        reference="Kornblith et al. 2019, arXiv:1905.00414; Cook & Weisberg 1982",
        symmetric=False,
        min_stimuli=4,
        prepare=scores,
        null=no_more_than_the_mean,
        about="The fraction of the variance of the second side that ridge regression on the first foretells, for "
        "stimuli it has not learnt from.",
        bias="Rather too low, the more so the fewer the stimuli; independent data come a little below 0.",
        breaks=_LINEAR,
    ),
    "predictivity_reverse": Metric(
        predictivity_reverse,
        on="responses",
        invariant_to=_MAPS,
        identity=None,
        range=(float("-inf"), 1.0),
        unbiased=False,
        reference="Kornblith et al. 2019, arXiv:1905.00414; Cook & Weisberg 1982",
        symmetric=False,
        min_stimuli=4,
        prepare=scores,
        null=no_more_than_the_mean,
        about="The fraction of the variance of the first side that ridge regression on the second foretells, for "
        "stimuli it has not learnt from.",
        bias="Rather too low, the more so the fewer the stimuli; independent data come a little below 0.",
        breaks=_LINEAR,
    ),
    "one_to_one": Metric(
        one_to_one,
        on="responses",
        invariant_to=frozenset({"scale", "offset", "permutation"}),
        identity=1.0,
        range=(-1.0, 1.0),
        unbiased=False,
        reference="Li et al. 2015, arXiv:1511.07543",
        prepare=unit_columns,
        about="The mean correlation of units of the smaller side, each with a partner of its own.",
        bias="Partners are chosen on the stimuli they are judged by: independent data come above 0, the more so the "
        "more units there are to choose from and the fewer stimuli.",
        breaks="Sides of different sizes; trial noise, which lowers every correlation; units that a basis mixes.",
    ),
    "soft_matching": Metric(
        soft_matching,
        on="responses",
        invariant_to=frozenset({"scale", "offset", "permutation"}),
        identity=1.0,
        range=(-1.0, 1.0),
        unbiased=False,
        reference="Khosla & Williams 2024, arXiv:2311.09466",
        prepare=unit_columns,
        about="The mean correlation of units under the best soft matching, in which every unit takes part.",
        bias="Partners are chosen on the stimuli they are judged by: independent data come above 0.",
        breaks="Trial noise, which lowers every correlation; thousands of units, for which it takes minutes.",
    ),
}
"""Metrics of units and of read-outs, by name."""
