"""What is no area, no layer or no order is refused by hierarchy, not read as something else."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError, DimensionError

RNG = np.random.default_rng(0)


def side(dim):
    return xr.DataArray(RNG.normal(size=(8, 6)), dims=("stimulus", dim), coords={"stimulus": np.arange(8)})


AREAS = {"A": side("unit"), "B": side("unit"), "C": side("unit")}
LAYERS = {"l1": side("feature"), "l2": side("feature")}


@pytest.mark.parametrize(
    ("areas", "layers", "message"),
    [
        (AREAS, {**LAYERS, "l2": rdm(LAYERS["l2"])}, r"not RDMs.*l2 has \(stimulus, stimulus2\)"),
        (AREAS, {**LAYERS, "l2": LAYERS["l2"].expand_dims(h=2)}, r"x.stack.*l2 has \(h, stimulus, feature\)"),
        ({**AREAS, "A": rdm(AREAS["A"])}, LAYERS, r"takes responses .*; A has \(stimulus, stimulus2\)"),
    ],
)
def test_only_matrices_of_stimuli_are_ranked(areas, layers, message):
    with pytest.raises(DimensionError, match=message):
        hierarchy(areas, layers, order=["A", "B", "C"], n_resamples=2)


def test_three_stimuli_have_no_unbiased_cka():
    few = [{name: x[:3] for name, x in given.items()} for given in (AREAS, LAYERS)]
    with pytest.raises(DesignError, match="hierarchy needs at least 4 stimuli, as unbiased CKA does; got 3"):
        hierarchy(*few, order=["A", "B", "C"], n_resamples=2)


@pytest.mark.parametrize("order", [None, 3, [["A"], ["B"], ["C"]]])
def test_an_order_is_names(order):
    with pytest.raises(DesignError, match=r"order takes names; got .*Type order="):
        hierarchy(AREAS, LAYERS, order=order, n_resamples=2)
