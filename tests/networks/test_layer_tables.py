"""All layers are listed with what they give, and what reading them takes is said before."""

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from clocks import own_time
from neurodata4ml.errors import DesignError
from neurodata4ml.networks import costs
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.costs import activation_cost, layer_table
from neurodata4ml.networks.models import from_onnx, load_model


@pytest.fixture
def branching(tmp_path):
    """Return an ONNX file with tensors that are no response to an image: a shape, a constant, a mean over images."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Relu", ["image"], ["up"]),
        helper.make_node("Shape", ["image"], ["size"]),
        helper.make_node("ReduceMean", ["image"], ["over_images"], axes=[0], keepdims=1),
        helper.make_node("Exp", ["constant"], ["constant_too"]),
        helper.make_node("Add", ["up", "constant_too"], ["out"]),
    ]
    constant = onnx.numpy_helper.from_array(np.zeros((2, 1, 1, 1), np.float32)[:1], "constant")
    images = helper.make_tensor_value_info("image", kind, ["batch", 1, 4, 4])
    out = helper.make_tensor_value_info("out", kind, ["batch", 1, 4, 4])
    graph = helper.make_graph(nodes, "g", [images], [out], [constant])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "b.onnx")
    return tmp_path / "b.onnx"


def test_every_tensor_of_a_file_is_listed_with_its_operator_and_shape():
    table = layer_table("digits", np.zeros((100, 8, 8))).set_index("layer")
    assert list(table.index[:3]) == ["conv1.linear", "conv1", "pool"]
    assert table.loc["pool"].to_dict() == {
        "kind": "MaxPool",
        "shape": (16, 4, 4),
        "n_features": 256,
        "bytes": 102_400,
        "default": False,
        "problem": "",
    }
    assert tuple(table.index[table["default"]]) == load_model("digits").layers


def test_all_layers_are_those_of_the_table_without_a_problem():
    found = activations("digits", np.zeros((3, 8, 8)), layers="all")
    table = layer_table("digits", np.zeros((3, 8, 8)))
    assert list(found) == table["layer"].tolist()
    assert [x.sizes["feature"] for x in found.values()] == table["n_features"].tolist()


def test_what_is_no_response_to_an_image_is_listed_with_the_reason_and_left_out(branching):
    table = layer_table(branching, np.zeros((5, 4, 4))).set_index("layer")
    assert "constant_too" not in table.index, "it does not depend on the image"
    assert table.loc["size", "problem"] == "not a real, floating-point response"
    assert "shape (1, 1, 4, 4) for 2 images" in table.loc["over_images", "problem"]
    for n_images in (1, 2, 5):  # one image must not make a mean over images look like a response
        assert list(activations(branching, np.zeros((n_images, 4, 4)), layers="all")) == ["up", "out"]


@pytest.mark.torch
def test_the_parts_of_a_module_are_listed_in_the_order_in_which_they_answer():
    torch = pytest.importorskip("torch")

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unused, self.last = torch.nn.Linear(2, 2), torch.nn.Flatten()
            self.twice, self.first = torch.nn.ReLU(), torch.nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return self.last(self.twice(self.twice(self.first(x))))

    table = layer_table(Odd(), np.zeros((3, 5, 5))).set_index("layer")
    assert list(table.index) == ["first", "twice", "last", "unused"]
    assert table["problem"].to_dict() == {
        "first": "",
        "twice": "runs 2 times in one pass",
        "last": "",
        "unused": "runs 0 times in one pass",
    }
    assert table.loc["first", "shape"] == (2, 3, 3)
    assert list(activations(Odd(), np.zeros((3, 5, 5)), layers="all")) == ["first", "last"]


def test_a_network_that_takes_any_size_must_be_shown_images(tmp_path):
    free = replace(load_model("digits"), input_size=None)
    with pytest.raises(DesignError, match="layer_table needs images: 'digits' takes any size"):
        layer_table(free)
    assert len(layer_table(free, np.zeros((2, 8, 8)))) == 9


def test_a_network_that_lists_nothing_is_asked_for_each_of_its_layers():
    model = replace(load_model("digits"), survey=None, known_layers=("conv1", "logits"))
    assert layer_table(model)["n_features"].tolist() == [1024, 10]


def test_the_result_is_counted_to_the_byte_and_a_projection_makes_it_smaller():
    images = np.zeros((1000, 8, 8))
    cost = activation_cost("digits", images, layers=["conv1", "logits"], batch_size=64)
    assert (cost.result, cost.n_batches, cost.n_layers) == (4 * 1000 * 1034, 16, 2)
    assert cost.peak == cost.result + cost.working == cost.result + cost.peak_with_store
    assert activation_cost("digits", images, layers=["conv1", "logits"], project=100).result == 4 * 1000 * 110
    assert activation_cost("digits", images, layers=["conv1.relu"]).result == 4 * 1000 * 1024, "a node's name"
    assert "2 layers of 1000 images in 16 batches: 4.14 MB of activations" in str(cost)


MEASURED = """
import re, sys
from pathlib import Path
import numpy as np, torch
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.costs import activation_cost
from neurodata4ml.networks.models import from_module

def most():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1))

nn = torch.nn
module = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())
images = np.random.default_rng(0).random((96, 96, 96)).astype(np.float32)
options = dict(batch_size=24, layers=["1", "3"])
activations(module, images[:1], store=sys.argv[1] + "-warm" if sys.argv[1] else None, progress=False)
cost = activation_cost(module, images, **options)
before = most()
activations(module, images, store=sys.argv[1] or None, progress=False, **options)
print(cost.peak_with_store if sys.argv[1] else cost.peak, most() - before)
"""
"""`ru_maxrss` will not do: it survives `exec`, so a child of a large test process begins with its parent's peak."""


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_the_stated_peak_holds_what_is_measured(tmp_path, stored):
    pytest.importorskip("torch")
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux says what a process held at most")
    line = [sys.executable, "-c", MEASURED, str(tmp_path / "a.zarr") if stored else ""]
    stated, measured = map(int, subprocess.run(line, capture_output=True, text=True, check=True).stdout.split())
    assert measured < 1.1 * stated
    assert measured > stated / 4, "nor is it stated so high that nobody would begin"


def test_what_would_fill_the_memory_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(costs, "_free_memory", lambda: 10_000)
    with pytest.raises(DesignError, match=r"hold 19.7 kB in memory, and 10 kB are free.*store='activations.zarr'"):
        activations("digits", np.zeros((3, 8, 8)))
    activations("digits", np.zeros((3, 8, 8)), layers=["logits"])


def test_the_cost_is_told_to_the_log_before_the_work(caplog):
    with caplog.at_level(logging.INFO, logger="neurodata4ml.networks"):
        activations("digits", np.zeros((3, 8, 8)))
    assert "4 layers of 3 images in 1 batches: 19.7 kB of activations" in caplog.text


def test_progress_is_told_after_every_batch_and_otherwise_short_work_says_nothing(capsys):
    told = []
    activations("digits", np.zeros((7, 8, 8)), batch_size=3, progress=lambda *both: told.append(both))
    assert told == [(3, 7), (6, 7), (7, 7)]
    activations("digits", np.zeros((7, 8, 8)), batch_size=3)
    assert capsys.readouterr() == ("", "")


def test_long_work_says_how_far_it_is_and_how_long_it_will_take(monkeypatch, capsys):
    from neurodata4ml.networks import progress

    clock = iter(range(0, 1000, 20))
    own_time(monkeypatch, progress, monotonic=lambda: next(clock))
    activations("digits", np.zeros((8, 8, 8)), batch_size=2)
    assert capsys.readouterr().err.splitlines() == [
        "activations of digits: 4 of 8 images, about 1 min left",
        "activations of digits: 8 of 8 images, about 0 min left",
    ]


def test_digests_cover_weights_that_lie_beside_the_file(tmp_path):
    proto = onnx.load(load_model_path())
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    one = from_onnx(tmp_path / "m.onnx")
    images = np.random.default_rng(0).random((3, 8, 8))
    np.testing.assert_array_equal(
        activations(one, images)["logits"].values, activations("digits", images)["logits"].values
    )
    content = bytearray((tmp_path / "m.data").read_bytes())
    content[100] ^= 1
    (tmp_path / "m.data").write_bytes(content)
    assert from_onnx(tmp_path / "m.onnx").sha256 != one.sha256


def load_model_path():
    from neurodata4ml.places import catalog_folder

    return catalog_folder() / "networks" / "digits.onnx"
