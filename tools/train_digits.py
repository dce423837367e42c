"""Train the small digits network that the demo is compared with, and write it and its untrained twin as ONNX.

    python tools/train_digits.py [--out catalog/networks]

Data: the 1,797 handwritten digits that come with scikit-learn (8 x 8 pixels, 16 gray levels). 100 of them, 10 of each
class, are set aside as the stimuli of ``demo``; 400 more are held out; the other 1,297 are trained on. The indices of
all three sets are written into the ONNX files' metadata, so that the claim can be checked on the file itself.

The four stages should hold four different pictures of a digit, or a comparison could not tell them apart. Hence three
terms beside the cross-entropy: conv1 is kept sparse and its kernels balanced (zero mean), as the edge detectors of
early vision are, and a linear decoder, thrown away later, redraws the image from the penultimate stage, which therefore
keeps how a digit was written and not only which digit it is. Their weights, and the label smoothing, were chosen by how
far apart the stages lie on the 100 stimuli (see make_demo_responses.py), not by the held-out accuracy.

Seeded and on one thread: the same machine and version of torch write the same bytes again. Needs the extra [torch].
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import tomli_w
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

SEED = 0
N_STIMULI_PER_CLASS = 10
N_HELD_OUT = 400
N_EPOCHS = 40
BATCH = 64
SPARSITY = 4.0
BALANCE = 10.0
REDRAW = 3.0
LABEL_SMOOTHING = 0.3
LAYERS = ("conv1", "conv2", "penultimate", "logits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "catalog" / "networks")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    images, classes = digits()
    sets = split(classes)
    untrained = network()
    trained = train(network(), images[sets["train_index"]], classes[sets["train_index"]])
    for name, model in (("digits", trained), ("digits-untrained", untrained)):
        accuracy = held_out_accuracy(model, images[sets["held_out_index"]], classes[sets["held_out_index"]])
        shown = sets if name == "digits" else {**sets, "train_index": np.array([], dtype=int)}
        path = write_onnx(model, out / f"{name}.onnx", shown)
        write_toml(path, accuracy=accuracy, n_train=len(shown["train_index"]))
        print(f"{path.name}: {path.stat().st_size:,} bytes, accuracy on {N_HELD_OUT} held-out digits {accuracy:.4f}")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return all digits, float32 (index, 1, 8, 8) in [0, 1] by way of 8-bit gray as shown, and their classes."""
    source = load_digits()
    shown = np.rint(source.images * (255 / 16)).astype(np.uint8)
    return (shown[:, None] / 255).astype(np.float32), source.target


def split(classes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the indices of the demo's stimuli, of the training set and of the held-out set; they share none."""
    rng = np.random.default_rng(SEED)
    chosen = [rng.choice(np.flatnonzero(classes == c), N_STIMULI_PER_CLASS, replace=False) for c in range(10)]
    stimuli = np.concatenate([np.sort(of_class) for of_class in chosen])  # in the order of class: RDMs show blocks
    rest = rng.permutation(np.setdiff1d(np.arange(len(classes)), stimuli))
    return {
        "stimulus_index": stimuli,
        "train_index": np.sort(rest[N_HELD_OUT:]),
        "held_out_index": np.sort(rest[:N_HELD_OUT]),
    }


def network() -> nn.ModuleDict:
    """Return the network at its initialisation; the same on every call."""
    torch.manual_seed(SEED)
    return nn.ModuleDict(
        {
            "conv1": nn.Conv2d(1, 16, 5, padding=2),
            "conv2": nn.Conv2d(16, 32, 3, padding=1),
            "penultimate": nn.Linear(32 * 4 * 4, 96),
            "logits": nn.Linear(96, 10),
        }
    )


def forward(model: nn.ModuleDict, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return every layer's response; :func:`write_onnx` writes the same graph."""
    conv1 = torch.relu(model["conv1"](x))
    conv2 = torch.relu(model["conv2"](functional.max_pool2d(conv1, 2)))
    penultimate = torch.relu(model["penultimate"](conv2.flatten(1)))
    return {
        "conv1": conv1,
        "conv2": conv2,
        "penultimate": penultimate,
        "logits": model["logits"](penultimate),
    }


def train(model: nn.ModuleDict, images: np.ndarray, classes: np.ndarray) -> nn.ModuleDict:
    """Train in place, each batch shifted by at most one pixel, and return the network."""
    chance = torch.Generator().manual_seed(SEED)
    redraw = nn.Linear(model["penultimate"].out_features, images[0].size)
    parameters = [*model.parameters(), *redraw.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=1e-4)
    n_steps = N_EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=n_steps)
    x, y = torch.from_numpy(images), torch.from_numpy(classes)
    for _ in range(N_EPOCHS):
        for batch in torch.randperm(len(x), generator=chance).split(BATCH):
            shown = shifted(x[batch], *torch.randint(-1, 2, (2,), generator=chance).tolist())
            layers = forward(model, shown)
            loss = functional.cross_entropy(layers["logits"], y[batch], label_smoothing=LABEL_SMOOTHING)
            loss = loss + SPARSITY * layers["conv1"].mean()
            loss = loss + BALANCE * model["conv1"].weight.sum((1, 2, 3)).square().mean()
            loss = loss + REDRAW * (redraw(layers["penultimate"]) - shown.flatten(1)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model


def shifted(x: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return the images moved by at most one pixel each way; what comes in at the border is black."""
    height, width = x.shape[-2:]
    return functional.pad(x, (1, 1, 1, 1))[..., 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def held_out_accuracy(model: nn.ModuleDict, images: np.ndarray, classes: np.ndarray) -> float:
    with torch.no_grad():
        answer = forward(model, torch.from_numpy(images))["logits"].argmax(1).numpy()
    return float((answer == classes).mean())


def write_onnx(model: nn.ModuleDict, path: Path, sets: dict[str, np.ndarray]) -> Path:
    """Write the graph of :func:`forward`; each layer's tensor bears the layer's name."""
    nodes = [
        _weighted("Conv", "image", "conv1", kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["conv1.linear"], ["conv1"], name="conv1.relu"),
        helper.make_node("MaxPool", ["conv1"], ["pool"], name="pool.max", kernel_shape=[2, 2], strides=[2, 2]),
        _weighted("Conv", "pool", "conv2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv2.linear"], ["conv2"], name="conv2.relu"),
        helper.make_node("Flatten", ["conv2"], ["flat"], name="flat.flatten", axis=1),
        _weighted("Gemm", "flat", "penultimate", transB=1),
        helper.make_node("Relu", ["penultimate.linear"], ["penultimate"], name="penultimate.relu"),
        _weighted("Gemm", "penultimate", "logits", output="logits", transB=1),
    ]
    weights = [numpy_helper.from_array(value.numpy(), name) for name, value in model.state_dict().items()]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
        weights,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(proto, {name: json.dumps(index.tolist()) for name, index in sets.items()})
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))
    return path


def _weighted(op: str, source: str, layer: str, *, output: str = "", **options: object) -> onnx.NodeProto:
    inputs = [source, f"{layer}.weight", f"{layer}.bias"]
    return helper.make_node(op, inputs, [output or f"{layer}.linear"], name=f"{layer}.{op.lower()}", **options)


def write_toml(path: Path, *, accuracy: float, n_train: int) -> None:
    trained = n_train > 0
    entry = {
        "name": path.stem,
        "title": "Small digits network" if trained else "Small digits network, untrained twin",
        "description": (
            "Two convolutions, a dense stage of 96 units and 10 outputs, trained on scikit-learn's handwritten digits "
            f"({n_train:,} of them, none a stimulus of the demo); names {round(accuracy * N_HELD_OUT)} of {N_HELD_OUT} "
            "held-out digits right."
            if trained
            else "The same architecture at its initialisation, from the same seed: what a trained network must beat."
        ),
        "made_by": f"tools/train_digits.py, seed {SEED}",
        "license": "BSD-3-Clause (network); the digits: E. Alpaydin and C. Kaynak (1998), UCI, CC BY 4.0",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "trained": trained,
        "layers": list(LAYERS),
        "input_size": [8, 8],
        "scale": 1.0,
    }
    path.with_suffix(".toml").write_text(tomli_w.dumps(entry), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
