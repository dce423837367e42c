"""A network's layers become arrays (stimulus, feature), and the network stays as it was."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import xarray as xr
from scipy.signal import correlate

from neurodata4ml.errors import CatalogError, DesignError, DimensionError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.models import from_module, from_onnx
from neurodata4ml.places import catalog_folder

DIGITS = catalog_folder() / "networks" / "digits.onnx"


@pytest.fixture
def images():
    values = np.random.default_rng(0).integers(0, 256, (13, 8, 8), dtype=np.uint8)
    labels = {"stimulus": np.arange(13) * 3, "digit": ("stimulus", np.arange(13) % 10)}
    return xr.DataArray(values, dims=("stimulus", "y", "x"), coords=labels, attrs={"dataset": "demo", "sha256": "abc"})


@pytest.fixture
def module():
    """Return a small torch network whose ReLU works in place, in training mode."""
    nn = pytest.importorskip("torch").nn
    import torch

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(), nn.Linear(4 * 36, 5)
    )


def write_graph(path, nodes, *, batch="batch", channels=1, side=4, output="out"):
    """Write an ONNX file with one image input and return its path."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shape = [batch, channels, side, side]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", kind, shape)],
        [onnx.ValueInfoProto(name=output, type=helper.make_tensor_type_proto(kind, None))],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_the_first_stage_is_the_rectified_correlation_with_its_kernels(images):
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in onnx.load(DIGITS).graph.initializer}
    found = activations("digits", images, layers=["conv1"])["conv1"].values.reshape(13, 16, 8, 8)
    pixels = images.values / 255
    for channel in (0, 7, 15):
        kernel, bias = weights["conv1.weight"][channel, 0], weights["conv1.bias"][channel]
        expected = np.maximum(np.stack([correlate(p, kernel, mode="same") for p in pixels]) + bias, 0)
        np.testing.assert_allclose(found[:, channel], expected, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 13, 1000])
def test_the_batch_size_changes_no_bit_of_a_shipped_network(images, batch_size):
    once = activations("digits", images)
    again = activations("digits", images, batch_size=batch_size)
    for layer, response in once.items():
        np.testing.assert_array_equal(again[layer].values, response.values)


def test_labels_and_origin_are_carried_over(images):
    found = activations("digits", images)["penultimate"]
    assert found.dims == ("stimulus", "feature")
    np.testing.assert_array_equal(found["stimulus"], images["stimulus"])
    np.testing.assert_array_equal(found["digit"], images["digit"])
    np.testing.assert_array_equal(found["feature"], np.arange(96))
    assert found.attrs["dataset"] == "demo"
    assert found.attrs["sha256"] == "abc", "the recording's digest, which a network must not overwrite"
    assert (found.attrs["model"], found.attrs["layer"], found.attrs["units"]) == ("digits", "penultimate", "1")
    step = json.loads(found.attrs["steps"])[-1]
    assert step["step"] == "activations"
    assert step["sha256"] == found.attrs["model_sha256"]


def test_eight_bit_and_fractions_of_white_are_the_same_image(images):
    one = activations("digits", images, layers=["logits"])["logits"]
    two = activations("digits", images.values / 255, layers="logits")["logits"]
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(two["stimulus"], np.arange(13))


def test_a_node_can_be_named_instead_of_its_tensor(images):
    found = activations("digits", images, layers=["conv1.relu", "conv1", "conv1.conv"])
    np.testing.assert_array_equal(found["conv1.relu"].values, found["conv1"].values)
    np.testing.assert_array_equal(np.maximum(found["conv1.conv"].values, 0), found["conv1"].values)


def test_images_of_another_size_are_resized_and_it_is_said(images):
    large = np.kron(images.values, np.ones((5, 5), dtype=np.uint8))
    found = activations("digits", large, layers=["logits"])["logits"]
    assert "resized from 40 x 40 to 8 x 8 (antialiased bilinear)" in found.attrs["preprocessing"]
    kept = activations("digits", np.repeat(images.values[:, :1, :1], 8, 1).repeat(8, 2), layers=["logits"])["logits"]
    uniform = activations("digits", np.repeat(images.values[:, :1, :1], 40, 1).repeat(40, 2), layers=["logits"])
    np.testing.assert_allclose(uniform["logits"].values, kept.values, atol=1e-5)


def test_pixels_are_scaled_and_normalised_as_the_network_asks(tmp_path):
    path = write_graph(tmp_path / "same.onnx", [onnx.helper.make_node("Identity", ["image"], ["out"])], channels=3)
    model = from_onnx(path, scale=2.0, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))
    found = activations(model, np.full((2, 4, 4), 0.5))["out"]
    np.testing.assert_allclose(found.values.reshape(2, 3, 16)[:, :, 0], [[0.9, 0.4, 0.175]] * 2, rtol=1e-6)
    assert "gray repeated over 3 channels; times 2; minus [0.1, 0.2, 0.3]" in found.attrs["preprocessing"]


def test_a_file_exported_for_a_fixed_batch_is_fed_in_such_parts(tmp_path, images):
    node = onnx.helper.make_node("Relu", ["image"], ["out"])
    path = write_graph(tmp_path / "four.onnx", [node], batch=4, side=8)
    found = activations(path, images, batch_size=6)["out"]
    np.testing.assert_allclose(found.values, images.values.reshape(13, -1) / 255, rtol=1e-6)


@pytest.mark.slow
def test_an_onnx_network_needs_no_torch():
    line = "import sys, numpy; from neurodata4ml.networks.activations import activations; "
    line += "activations('digits', numpy.zeros((1, 8, 8))); print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_an_unknown_layer_is_listed_against_the_known():
    with pytest.raises(
        CatalogError, match=r"'digits' has no layer 'conv9'. Did you mean 'conv\d'\? It has .*penultimate"
    ):
        activations("digits", np.zeros((1, 8, 8)), layers=["conv9"])


def test_no_layer_at_all_is_refused():
    with pytest.raises(CatalogError, match="at least one layer of 'digits'; it has conv1"):
        activations("digits", np.zeros((1, 8, 8)), layers=[])


@pytest.mark.parametrize("bad", [0, -1, 2.5])
def test_a_batch_without_whole_images_is_refused(bad):
    with pytest.raises(DesignError, match=f"batch_size of at least 1; got {bad}"):
        activations("digits", np.zeros((1, 8, 8)), batch_size=bad)


def test_a_bad_pixel_in_a_late_batch_is_still_found():
    images = np.zeros((5, 8, 8))
    images[4, 0, 0] = 7
    with pytest.raises(DimensionError, match="found 7"):
        activations("digits", images, batch_size=2)


def test_a_tensor_that_is_not_one_response_per_image_is_refused(tmp_path):
    node = onnx.helper.make_node("ReduceMean", ["image"], ["out"], keepdims=0)
    path = write_graph(tmp_path / "mean.onnx", [node])
    with pytest.raises(DesignError, match=r"'out' of 'mean' gives an array of shape .*not one response per image"):
        activations(path, np.zeros((3, 4, 4)))


@pytest.mark.torch
def test_hooks_give_what_the_module_itself_would(module, images):
    import torch

    found = activations(module, images)
    assert list(found) == ["0", "1", "2", "3", "4", "5"]
    module.eval()
    x = torch.from_numpy(np.repeat(images.values[:, None] / 255, 3, axis=1).astype(np.float32))
    with torch.no_grad():
        for layer, part in module.named_children():
            x = part(x)
            np.testing.assert_allclose(found[layer].values, x.numpy().reshape(13, -1), atol=1e-6)


@pytest.mark.torch
def test_a_relu_that_works_in_place_does_not_reach_back_into_the_layer_before(module, images):
    assert activations(module, images, layers=["1"])["1"].values.min() < 0


@pytest.mark.torch
@pytest.mark.parametrize("batch_size", [1, 4, 13])
def test_the_batch_size_does_not_matter_to_a_module_with_batch_norm_and_dropout(module, images, batch_size):
    once, again = activations(module, images), activations(module, images, batch_size=batch_size)
    for layer, response in once.items():
        np.testing.assert_allclose(again[layer].values, response.values, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("fails", [False, True])
def test_a_module_is_left_as_it_was_found(module, images, fails):
    module[1].eval()  # frozen on purpose
    before = {name: value.clone() for name, value in module.state_dict().items()}
    if fails:
        with pytest.raises(RuntimeError):
            activations(module, images.values[:, :2, :2])
    else:
        activations(module, images)
    assert [part.training for part in module] == [True, False, True, True, True, True]
    assert not any(part._forward_hooks for part in module.modules())
    assert all((module.state_dict()[name] == value).all() for name, value in before.items())


@pytest.mark.torch
def test_the_digest_of_a_module_follows_its_weights(module, images):
    import torch

    one = from_module(module).sha256
    with torch.no_grad():
        module[0].weight[0, 0, 0, 0] += 1
    assert from_module(module).sha256 != one


@pytest.mark.torch
def test_a_part_that_runs_twice_has_no_one_response():
    torch = pytest.importorskip("torch")

    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.relu, self.pair = torch.nn.ReLU(), Pair()

        def forward(self, x):
            return self.pair(self.relu(self.relu(x)))[0]

    class Pair(torch.nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(DesignError, match="'relu' ran 2 times in one pass"):
        activations(Twice(), np.zeros((1, 4, 4)), layers=["relu"])
    with pytest.raises(DesignError, match="'pair' does not return a tensor"):
        activations(Twice(), np.zeros((1, 4, 4)), layers=["pair"])


@pytest.mark.torch
def test_an_onnx_file_and_the_torch_module_it_describes_agree(images):
    torch = pytest.importorskip("torch")
    weights = {w.name: torch.tensor(onnx.numpy_helper.to_array(w)) for w in onnx.load(DIGITS).graph.initializer}
    conv = torch.nn.Conv2d(1, 16, 5, padding=2)
    conv.load_state_dict({"weight": weights["conv1.weight"], "bias": weights["conv1.bias"]})
    ours = activations(torch.nn.Sequential(conv, torch.nn.ReLU()), images, layers=["1"])["1"]
    np.testing.assert_allclose(ours.values, activations("digits", images)["conv1"].values, atol=1e-5)


def test_layers_and_seed_are_what_they_are_called():
    images = np.zeros((2, 8, 8))
    with pytest.raises(CatalogError, match='takes layers= as names, such as \\["conv1"\\], or "all"; got 5'):
        activations("digits", images, layers=5)
    with pytest.raises(DesignError, match="seed takes a whole number"):
        activations("digits", images, seed=None)
