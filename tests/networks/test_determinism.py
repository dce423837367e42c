"""Two runs give the same bits, in any company; what cannot is refused (the question of Net2Brain issue 81)."""

import numpy as np
import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.activations import activations

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture
def images():
    return np.random.default_rng(0).random((9, 1, 12, 12))


@pytest.fixture
def module():
    nn = torch.nn
    torch.manual_seed(0)
    parts = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.GELU(), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(800, 6)]
    found = nn.Sequential(*parts)
    found(torch.rand(20, 1, 12, 12) * 3)  # running statistics of its own
    return found


def test_two_runs_give_the_same_bits_whatever_is_drawn_between_them(module, images):
    one = activations(module.train(), images)
    torch.manual_seed(99)
    np.random.default_rng().random()
    two = activations(module.eval(), images)
    for layer in one:
        np.testing.assert_array_equal(one[layer].values, two[layer].values)


def test_a_layer_has_the_same_bits_alone_and_among_all(module, images):
    among = activations(module, images, layers="all")
    for layer in among:
        np.testing.assert_array_equal(activations(module, images, layers=layer)[layer].values, among[layer].values)


def test_a_layer_of_a_shipped_file_has_the_same_bits_alone_and_among_all():
    images = np.random.default_rng(0).random((9, 8, 8))
    among = activations("digits", images, layers="all")
    for layer in among:
        np.testing.assert_array_equal(activations("digits", images, layers=layer)[layer].values, among[layer].values)


def test_an_image_has_the_same_response_in_any_company(module, images):
    together = activations(module, images)
    for k in (0, 4, 8):
        alone = activations(module, images[[k]])
        for layer in together:
            np.testing.assert_allclose(alone[layer].values[0], together[layer].values[k], atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float16])
def test_the_precision_of_the_module_is_kept_inside_and_float32_comes_out(module, images, kind):
    exact = activations(module, images, layers=["5"])["5"]
    found = activations(module.to(kind), images, layers=["5"])["5"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.values, exact.values, atol={torch.float64: 1e-6}.get(kind, 0.05))
    assert module[0].weight.dtype == kind


def test_a_dropout_that_is_always_on_is_refused(images):
    class Careless(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return torch.nn.functional.dropout(self.conv(x))

    with pytest.raises(DesignError, match=r"Careless draws random numbers although it is not in training.*F\.dropout"):
        activations(Careless(), images)


def test_complex_responses_are_no_responses(images):
    class Fourier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def forward(self, x):
            return self.inner(x).abs()

    class Inner(torch.nn.Module):
        def forward(self, x):
            return torch.fft.rfft2(x)

    with pytest.raises(DesignError, match="'inner' does not return a tensor"):
        activations(Fourier(), images, layers=["inner"])
