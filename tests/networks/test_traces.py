"""Operations without a module are layers too, where torchlens is installed."""

import importlib.util

import numpy as np
import pytest

from neurodata4ml.errors import CatalogError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.costs import layer_table
from neurodata4ml.networks.models import untrained_twin
from neurodata4ml.networks.traces import with_operations

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


class Residual(torch.nn.Module):
    """A residual block with one ReLU, used twice and in place, and a function."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.drop = torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.Dropout()
        self.norm = torch.nn.BatchNorm2d(4)

    def forward(self, x):
        first = self.relu(self.norm(self.conv(x)))
        return self.relu(torch.tanh(self.drop(first)) + first).flatten(1)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((7, 8, 8))


@pytest.fixture
def module():
    torch.manual_seed(0)
    return Residual()


@pytest.mark.skipif(importlib.util.find_spec("torchlens") is not None, reason="torchlens is installed")
def test_without_torchlens_the_message_says_what_to_type(module):
    with pytest.raises(CatalogError, match=r"needs torchlens 2, which is not installed. Type: pip install torchlens"):
        with_operations(module, (8, 8))


@pytest.mark.slow
def test_every_operation_is_a_layer_and_has_the_values_of_a_plain_pass(module, images):
    pytest.importorskip("torchlens")
    model = with_operations(module, (8, 8))
    found = activations(model, images, layers="all", batch_size=3)
    kinds = layer_table(model, images)["kind"].tolist()
    assert len(found) == len(kinds) == 8
    assert [kind.strip("_") for kind in kinds] == [
        *("conv2d", "batch_norm", "relu", "dropout", "tanh", "add", "relu", "flatten")
    ]
    values = [x.values.reshape(7, 4, 6, 6) for x in found.values()]
    parts = activations(module, images, layers=["conv", "norm"])
    np.testing.assert_allclose(values[0].reshape(7, -1), parts["conv"].values, atol=1e-6)
    np.testing.assert_allclose(values[1].reshape(7, -1), parts["norm"].values, atol=1e-6)
    assert values[1].min() < 0, "the ReLU that works in place does not reach back"
    np.testing.assert_allclose(values[2], np.maximum(values[1], 0))
    np.testing.assert_array_equal(values[3], values[2])
    np.testing.assert_allclose(values[5], np.tanh(values[3]) + values[2], atol=1e-6)
    np.testing.assert_allclose(values[7], np.maximum(values[5], 0))
    assert module.training
    assert untrained_twin(model, seed=1).layers == model.layers
