"""What torchlens extracted is read as our own activations are: same rows, same features, ids and checksums heeded."""

import json

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.interop.extractions import from_torchlens

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "neurodata4ml[torch]"')
torchlens = pytest.importorskip("torchlens", reason="torchlens is not installed: pip install torchlens")

LAYERS = ["1", "flatten_1_3"]


def network():
    torch.manual_seed(0)
    parts = [torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(108, 4)]
    return torch.nn.Sequential(*parts).eval()


def images():
    return torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def folder(tmp_path):
    ids = [f"image {k}" for k in range(7)]
    options = {"output_dir": tmp_path / "layers", "stimulus_ids": ids, "batch_size": 3, "progress": False}
    torchlens.extract_dataset(network(), images(), layers=LAYERS, **options)
    return tmp_path / "layers"


def expected():
    with torch.no_grad():
        return network()[:2](images()).numpy().reshape(7, -1)


@pytest.mark.slow
def test_a_folder_gives_the_layers_with_the_ids_of_the_stimuli(folder):
    found = from_torchlens(folder)
    assert list(found) == LAYERS
    layer = found["1"]
    assert layer.dims == ("stimulus", "feature")
    assert layer.stimulus.values.tolist() == [f"image {k}" for k in range(7)]
    np.testing.assert_allclose(layer, expected(), atol=1e-6)
    assert layer.attrs["shape"] == [3, 6, 6]
    assert layer.attrs["model_digest"].startswith("blake2b:")
    assert json.loads(layer.attrs["steps"])[-1]["step"] == "from_torchlens"


def test_the_same_network_gives_the_same_activations_either_way(folder):
    from neurodata4ml.networks.activations import activations

    shown = xr.DataArray(images().numpy(), dims=("stimulus", "channel", "y", "x"))
    ours = activations(network(), shown, layers=["1"])["1"]
    np.testing.assert_allclose(from_torchlens(folder, layers=["1"])["1"], ours, atol=1e-6)


def test_labels_of_ours_take_the_place_of_ids_that_are_text(folder):
    found = from_torchlens(folder, stimuli=xr.DataArray(np.arange(7) + 10, dims="stimulus"))["1"]
    assert found.indexes["stimulus"].tolist() == list(range(10, 17))
    with pytest.raises(DimensionError, match="7 rows and there are 6 stimuli"):
        from_torchlens(folder, stimuli=range(6))


def test_a_damaged_shard_is_refused(folder):
    shard = sorted(folder.glob("batch_*"))[1]
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(DesignError, match="CRC-32"):
        from_torchlens(folder)


def test_an_unfinished_extraction_is_refused(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete"', '"running"'))
    with pytest.raises(DesignError, match="cannot read the extraction"):
        from_torchlens(folder)


def test_objects_of_torchlens_are_read_like_the_folder(folder):
    from torchlens.dataset_extraction import load_extraction, open_extraction

    whole = from_torchlens(folder)
    for source in (open_extraction(folder), load_extraction(folder)):
        found = from_torchlens(source)
        for layer in LAYERS:
            xr.testing.assert_identical(found[layer], whole[layer])


def test_tensors_in_memory_have_no_labels_unless_they_are_given():
    tensors = torchlens.extract_dataset(network(), images(), layers=LAYERS, progress=False)
    found = from_torchlens(tensors)["1"]
    assert "stimulus" not in found.coords
    np.testing.assert_allclose(found, expected(), atol=1e-6)
    assert from_torchlens(tensors, stimuli=range(7))["1"].stimulus.values.tolist() == list(range(7))


def test_a_trace_gives_every_saved_layer():
    found = from_torchlens(torchlens.trace(network(), images()))
    assert list(found) == ["input_1", "conv2d_1_1", "relu_1_2", "flatten_1_3", "linear_1_4", "output_1"]
    np.testing.assert_allclose(found["relu_1_2"], expected(), atol=1e-6)
    assert found["relu_1_2"].attrs["model"] == "Sequential"


def test_a_layer_that_runs_twice_has_both_passes_and_buffers_are_no_layers():
    class Loop(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 4)
            self.norm = torch.nn.BatchNorm1d(4)

        def forward(self, x):
            for _ in range(2):
                x = torch.relu(self.linear(x))
            return self.norm(x)

    found = from_torchlens(torchlens.trace(Loop().eval(), torch.rand(4, 4)))
    assert {"relu_1_2:1", "relu_1_2:2"} < set(found)
    assert not [name for name in found if "buffer" in name]


def test_bfloat16_becomes_float32():
    found = from_torchlens({"a": torch.ones(2, 3, dtype=torch.bfloat16)})["a"]
    assert found.dtype == np.float32


def test_what_is_no_extraction_is_refused(folder, tmp_path):
    with pytest.raises(DesignError, match=r"it has no manifest\.json"):
        from_torchlens(tmp_path)
    with pytest.raises(DesignError, match=r"has not saved a layer 'flaten_1_3'.*Did you mean 'flatten_1_3'"):
        from_torchlens(folder, layers=["flaten_1_3"])
    with pytest.raises(DesignError, match="rows of several shapes"):
        from_torchlens({"a": [torch.ones(2), torch.ones(3)]})
    with pytest.raises(DimensionError, match="got a int"):
        from_torchlens(3)
    with pytest.raises(DesignError, match="finds no saved layer"):
        from_torchlens({})
