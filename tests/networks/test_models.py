"""Networks are found by name, checked against their digest, and described by a checked TOML."""

import hashlib
import importlib.util
import json
import shutil
import tomllib

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits

from neurodata4ml.errors import CatalogError, ChecksumError, DesignError, NotCachedError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.models import MODELS, from_module, from_onnx, load_model, read_model, require_cached
from neurodata4ml.places import catalog_folder

SHIPPED = catalog_folder() / "networks"


@pytest.fixture
def entry(tmp_path):
    """Return a function that writes a copy of the digits' entry with some keys changed, and its path."""

    def write(stem="digits", **changed):
        shutil.copy(SHIPPED / "digits.onnx", tmp_path)
        known = {**tomllib.loads((SHIPPED / "digits.toml").read_text(encoding="utf-8")), **changed}
        lines = [f"{key} = {json.dumps(value)}" for key, value in known.items() if value is not None]
        path = tmp_path / f"{stem}.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


def told(name):
    """Return the index sets that an ONNX file tells in its metadata."""
    props = onnx.load(SHIPPED / f"{name}.onnx").metadata_props
    return {prop.key: np.array(json.loads(prop.value), dtype=int) for prop in props}


@pytest.mark.parametrize("name", MODELS)
def test_every_network_loads_and_shows_each_of_its_layers(name):
    model = load_model(name)
    images = np.random.default_rng(0).random((2, *model.input_size))
    found = activations(model, images)
    assert tuple(found) == model.layers
    assert all(np.isfinite(layer.values).all() and layer.values.std() > 0 for layer in found.values())


@pytest.mark.parametrize("name", ["digits", "digits-untrained"])
def test_the_shipped_file_is_small_and_has_the_stated_digest(name):
    file = SHIPPED / f"{name}.onnx"
    stated = tomllib.loads(file.with_suffix(".toml").read_text(encoding="utf-8"))
    assert file.stat().st_size < 300_000
    assert hashlib.sha256(file.read_bytes()).hexdigest() == stated["sha256"] == load_model(name).sha256


def test_the_digits_network_names_97_percent_of_digits_it_was_never_trained_on():
    index, digits = told("digits")["held_out_index"], load_digits()
    assert len(index) >= 300
    shown = np.rint(digits.images[index] * (255 / 16)).astype(np.uint8)
    answer = activations("digits", shown, layers=["logits"])["logits"].values.argmax(axis=1)
    assert (answer == digits.target[index]).mean() >= 0.97


def test_the_untrained_twin_has_the_same_shape_and_is_near_chance():
    index, digits = told("digits-untrained")["held_out_index"], load_digits()
    found = activations("digits-untrained", digits.images[index] / 16)
    trained = activations("digits", digits.images[index] / 16)
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in trained.items()}
    assert (found["logits"].values.argmax(axis=1) == digits.target[index]).mean() < 0.2


def test_training_stimuli_and_held_out_digits_share_none():
    sets = told("digits")
    assert {name: len(index) for name, index in sets.items()} == {
        "stimulus_index": 100,
        "train_index": 1297,
        "held_out_index": 400,
    }
    assert sorted(np.concatenate(list(sets.values()))) == list(range(1797))
    assert len(told("digits-untrained")["train_index"]) == 0


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(CatalogError, match=r"no network 'digit'. Did you mean 'digits'\? Known: digits, digits-untr"):
        load_model("digit")


def test_a_path_without_a_file_is_named(tmp_path):
    with pytest.raises(CatalogError, match=r"There is no file .*nothing.onnx. Type the path of an .onnx file"):
        load_model(tmp_path / "nothing.onnx")


def test_any_onnx_file_is_a_network_with_its_stages_as_layers(tmp_path):
    shutil.copy(SHIPPED / "digits.onnx", tmp_path / "mine.onnx")
    model = load_model(tmp_path / "mine.onnx")
    assert (model.name, model.layers) == ("mine", ("conv1", "conv2", "penultimate", "logits"))
    assert (model.input_size, model.n_channels) == ((8, 8), 1)
    assert "conv1.conv" in model.known_layers


def test_a_loaded_model_is_returned_as_it_is():
    model = from_onnx(SHIPPED / "digits.onnx", scale=255.0)
    assert load_model(model) is model


def test_an_entry_in_a_catalog_folder_of_ones_own_is_found(entry, monkeypatch, tmp_path):
    entry("mine", name="mine", file="digits.onnx", title="Mine")
    (tmp_path / "networks").mkdir()
    for file in ("mine.toml", "digits.onnx"):
        shutil.move(tmp_path / file, tmp_path / "networks" / file)
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    assert load_model("mine").title == "Mine"


def test_a_flipped_byte_is_refused_with_both_digests(entry):
    path = entry()
    file = path.with_suffix(".onnx")
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(ChecksumError, match=r"not the published network 'digits': sha256 \w{64}, expected \w{64}"):
        read_model(path)


def test_a_missing_file_is_refused(entry):
    path = entry()
    path.with_suffix(".onnx").unlink()
    with pytest.raises(ChecksumError, match="sha256 no file, expected"):
        read_model(path)


def test_an_unknown_key_gets_a_suggestion(entry):
    with pytest.raises(CatalogError, match=r"unknown key 'layer'. Did you mean 'layers'\?"):
        read_model(entry(layer=["conv1"]))


def test_a_missing_key_is_named(entry):
    with pytest.raises(CatalogError, match="missing sha256, input_size"):
        read_model(entry(sha256=None, input_size=None))


def test_a_value_of_the_wrong_kind_is_named(entry):
    with pytest.raises(CatalogError, match="'trained' must be bool; got 'yes'"):
        read_model(entry(trained="yes"))


def test_the_name_must_be_the_files(entry):
    with pytest.raises(CatalogError, match="the name 'digits' must be the file's, 'other'"):
        read_model(entry("other"))


def test_a_layer_that_the_file_lacks_gets_a_suggestion(entry):
    with pytest.raises(CatalogError, match=r"digits.onnx has no layer 'conv3'. Did you mean 'conv"):
        read_model(entry(layers=["conv3"]))


def test_what_is_not_toml_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"bad.toml is not TOML: Invalid value"):
        read_model(tmp_path / "bad.toml")


def test_what_is_not_onnx_is_named(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not a network at all")
    with pytest.raises(CatalogError, match=r"bad.onnx cannot be read as an ONNX network .* Export it again"):
        load_model(tmp_path / "bad.onnx")


def test_a_network_that_takes_no_images_is_named(tmp_path):
    helper = onnx.helper
    values = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["batch", 5]) for n in ("tokens", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["tokens"], ["out"])], "g", values[:1], values[1:])
    onnx.save(helper.make_model(graph), tmp_path / "text.onnx")
    with pytest.raises(CatalogError, match=r"must take one input, images \(batch, channel, y, x\).*tokens \(None, 5\)"):
        load_model(tmp_path / "text.onnx")


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
def test_torchvision_that_is_not_installed_says_what_to_type():
    with pytest.raises(
        CatalogError, match=r'torchvision_resnet18 needs torchvision.*pip install "neurodata4ml\[torch\]"'
    ):
        load_model("torchvision_resnet18")


@pytest.mark.torch
def test_weights_are_not_downloaded_while_offline(monkeypatch, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(NotCachedError, match=r"Offline, and torchvision's weights are not in .*net-1.pth. Unset"):
        require_cached("https://example.org/net-1.pth")


@pytest.mark.torch
def test_an_unknown_torchvision_network_gets_a_suggestion():
    pytest.importorskip("torchvision")
    with pytest.raises(CatalogError, match=r"no image classifier 'resnet81'. Did you mean 'resnet18'"):
        load_model("torchvision_resnet81")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"maen": (0.5,)}, "nothing called 'maen' that can be stated; there are: name, layers, .*mean"),
        ({"survey": None}, "nothing called 'survey'"),
        ({"input_size": 8}, r"input_size as two numbers of pixels, \(y, x\); got 8"),
        ({"std": (0.0,)}, "std not 0"),
        ({"mean": (float("nan"),)}, "mean and std as numbers"),
    ],
)
def test_what_is_stated_of_a_network_is_known_and_possible(known, said):
    with pytest.raises(DesignError, match=said):
        from_onnx(SHIPPED / "digits.onnx", **known)


def test_means_are_of_the_channels_that_are_shown():
    model = from_onnx(SHIPPED / "digits.onnx", mean=(0.1, 0.2, 0.3))
    with pytest.raises(DesignError, match="states a mean or std of 3 channels, and is shown 1"):
        activations(model, np.zeros((2, 8, 8)))


def test_what_is_no_module_is_refused():
    with pytest.raises(DesignError, match=r"takes a torch\.nn\.Module; got int"):
        from_module(5)
