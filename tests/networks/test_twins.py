"""An untrained twin has the architecture and nothing that was learnt, and is drawn by its seed alone."""

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits

from neurodata4ml.errors import ChecksumError, DesignError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.model import Model
from neurodata4ml.networks.models import from_module, load_model, untrained_twin
from neurodata4ml.networks.untrained import redrawn, reset
from neurodata4ml.places import catalog_folder

DIGITS = catalog_folder() / "networks" / "digits.onnx"


@pytest.fixture
def module():
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    found = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    with torch.no_grad():
        for value in found.state_dict().values():
            value += 5
    return found


def test_the_twin_of_a_file_has_its_layers_and_knows_no_digits():
    digits = load_digits()
    images, labels = digits.images[:300] / 16, digits.target[:300]
    for seed in range(3):
        twin = untrained_twin("digits", seed=seed)
        found, trained = activations(twin, images), activations("digits", images)
        assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in trained.items()}
        assert (found["logits"].values.argmax(axis=1) == labels).mean() < 0.3
        ratio = found["conv1"].values.std() / trained["conv1"].values.std()
        assert 0.3 < ratio < 3, "responses of the same size: the scale of each tensor is kept"
    assert (twin.name, twin.trained, twin.title) == ("digits-untrained", False, "Small digits network, untrained")


def test_matrices_keep_their_scale_and_vectors_their_values():
    old = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(DIGITS).graph.initializer}
    new = {t.name: onnx.numpy_helper.to_array(t) for t in redrawn(onnx.load(DIGITS), 0).graph.initializer}
    for name, value in old.items():
        assert new[name].shape == value.shape
        assert new[name].dtype == value.dtype
        if value.ndim >= 2:
            scale = np.sqrt(np.mean(value**2))
            assert np.sqrt(np.mean(new[name] ** 2)) == pytest.approx(scale, rel=5 / np.sqrt(2 * value.size))
            assert abs(np.corrcoef(new[name].ravel(), value.ravel())[0, 1]) < 5 / np.sqrt(value.size)
        elif value.size > 1 and value.dtype == np.float32:
            np.testing.assert_array_equal(np.sort(new[name]), np.sort(value))
            assert (new[name] != value).any()


def normalising(tmp_path):
    """Return a graph of a normalisation, a matrix product with a bias, and constants that nobody learnt."""
    helper, rng = onnx.helper, np.random.default_rng(0)
    kind = onnx.TensorProto.FLOAT
    known = {
        "gain": rng.random(6),
        "shift": rng.random(6),
        "mean": rng.random(6),
        "var": rng.random(6) + 1,
        "pixel_mean": rng.random((1, 6, 1, 1)),
        "weights": rng.normal(size=(4, 5)),
        "bias": rng.random(5),
        "table": rng.normal(size=(5, 5)),
        "kernel": rng.normal(size=(6, 1, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["c"]),
        helper.make_node("Sub", ["c", "pixel_mean"], ["s"]),
        helper.make_node("BatchNormalization", ["s", "gain", "shift", "mean", "var"], ["n"]),
        helper.make_node("MatMul", ["n", "weights"], ["m"]),
        helper.make_node("Add", ["m", "bias"], ["b"]),
        helper.make_node("Add", ["b", "table"], ["out"]),
    ]
    values = [
        helper.make_tensor_value_info("image", kind, ["batch", 1, 5, 4]),
        helper.make_tensor_value_info("out", kind, ["batch", 6, 5, 5]),
    ]
    constants = [onnx.numpy_helper.from_array(np.float32(value), name) for name, value in known.items()]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(proto, tmp_path / "n.onnx")
    return proto, {name: np.float32(value) for name, value in known.items()}


def test_a_normalisations_numbers_move_together_and_constants_stay(tmp_path):
    proto, old = normalising(tmp_path)
    new = {t.name: onnx.numpy_helper.to_array(t) for t in redrawn(proto, 1).graph.initializer}
    order = [int(np.flatnonzero(old["gain"] == value)[0]) for value in new["gain"]]
    assert order != list(range(6))
    for name in ("shift", "mean", "var"):
        np.testing.assert_array_equal(new[name], old[name][order])
    for name in ("pixel_mean", "table"):
        np.testing.assert_array_equal(new[name], old[name])
    assert sorted(new["bias"]) == sorted(old["bias"])
    assert (new["weights"] != old["weights"]).all()
    assert np.isfinite(activations(untrained_twin(tmp_path / "n.onnx"), np.ones((2, 5, 4)))["out"]).all()


def test_one_seed_is_one_twin():
    one, same, other = (untrained_twin("digits", seed=seed) for seed in (1, 1, 2))
    assert one.sha256 == same.sha256
    assert len({one.sha256, other.sha256, load_model("digits").sha256}) == 3
    images = np.random.default_rng(0).random((3, 8, 8))
    np.testing.assert_array_equal(activations(one, images)["conv2"].values, activations(same, images)["conv2"].values)


def test_a_file_without_weights_has_no_twin():
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(n, kind, ["batch", 1, 4, 4]) for n in ("image", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "g", values[:1], values[1:])
    with pytest.raises(DesignError, match=r"finds nothing learnt in this ONNX file.*without quantisation"):
        redrawn(helper.make_model(graph), 0)


def test_a_network_that_does_not_say_how_it_began_is_refused():
    model = load_model("digits")
    bare = Model("bare", model.layers, model.known_layers, model.run, "0")
    with pytest.raises(DesignError, match=r"'bare' does not say how it was before training. Give a Model with twin="):
        untrained_twin(bare)


def test_the_seed_of_a_twin_is_a_whole_number():
    with pytest.raises(DesignError, match=r"seed takes a whole number, 0 or more; got 1.5"):
        untrained_twin("digits", seed=1.5)


@pytest.mark.torch
def test_the_twin_of_a_module_is_as_its_parts_are_first_made(module):
    import torch

    before, state = torch.get_rng_state(), {k: v.clone() for k, v in module.state_dict().items()}
    twin = reset(module, 7)
    torch.testing.assert_close(torch.get_rng_state(), before)
    assert all(torch.equal(module.state_dict()[k], v) for k, v in state.items()), "the trained one is not touched"
    new = twin.state_dict()
    assert (new["1.weight"] == 1).all()
    assert (new["1.running_mean"] == 0).all()
    assert (new["1.running_var"] == 1).all()
    assert new["1.num_batches_tracked"] == 0
    assert new["0.weight"].abs().max() <= 1 / 3, "uniform within 1 / sqrt(fan in), as Conv2d begins"
    assert all(torch.equal(v, reset(module, 7).state_dict()[k]) for k, v in new.items())
    assert not torch.equal(new["0.weight"], reset(module, 8).state_dict()["0.weight"])


@pytest.mark.torch
def test_the_twin_of_a_module_keeps_how_it_is_shown_images(module):
    model = from_module(module, name="mine", input_size=(9, 9), mean=(0.5,), std=(2.0,), trained=True)
    twin = untrained_twin(model, seed=1)
    assert (twin.name, twin.input_size, twin.mean, twin.trained) == ("mine-untrained", (9, 9), (0.5,), False)
    assert activations(twin, np.zeros((2, 4, 4)))["0"].sizes["feature"] == 4 * 7 * 7
    assert untrained_twin(twin, seed=1).sha256 == twin.sha256
    assert untrained_twin(twin, seed=1).name == "mine-untrained"


@pytest.mark.torch
def test_attention_has_a_twin_too():
    torch = pytest.importorskip("torch")
    attention = torch.nn.MultiheadAttention(8, 2)
    with torch.no_grad():
        attention.in_proj_weight += 9
    assert reset(attention, 0).in_proj_weight.abs().max() < 2


@pytest.mark.torch
def test_a_part_that_cannot_forget_is_named():
    torch = pytest.importorskip("torch")

    class Token(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.token = torch.nn.Parameter(torch.zeros(3))

    with pytest.raises(
        DesignError, match=r"cannot forget what 1 \(Token\) learnt: parameters without reset_parameters"
    ):
        untrained_twin(torch.nn.Sequential(torch.nn.Linear(2, 2), Token()))


def test_another_network_than_the_expected_one_is_refused():
    digest = load_model("digits").sha256
    assert load_model("digits", sha256=digest.upper()).sha256 == digest
    with pytest.raises(ChecksumError, match=rf"'digits' is another network.*sha256 {digest}, expected 00ff"):
        load_model("digits", sha256="00ff")


@pytest.mark.torch
def test_the_expected_digest_of_a_module_is_that_of_its_parameters(module):
    digest = from_module(module).sha256
    assert load_model(module, sha256=digest).sha256 == digest
    import torch

    with torch.no_grad():
        module[0].bias[0] += 1
    with pytest.raises(ChecksumError, match="another network"):
        load_model(module, sha256=digest)
