"""A store holds what memory would, to the bit, whatever interrupted it, and nothing else under its name."""

import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.data.storage.file import open_stored
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.errors import DesignError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.models import load_model, untrained_twin
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.networks.store import open_activations, portable

IMAGES = """
import numpy as np, xarray as xr
rng = np.random.default_rng(0)
labels = {"stimulus": [f"im{k:02}" for k in range(22)], "digit": ("stimulus", np.arange(22) % 10), "session": "s1"}
images = xr.DataArray(rng.integers(0, 256, (22, 8, 8), dtype=np.uint8), dims=("stimulus", "y", "x"), coords=labels)
"""


@pytest.fixture(scope="module")
def images():
    known = {}
    exec(IMAGES, known)
    return known["images"].assign_attrs(dataset="demo", sha256="abc")


def counting(shown):
    """Return the digits network with a note of how many images each of its batches had."""
    model = load_model("digits")

    def run(batches, layers):
        def noted():
            for batch in batches:
                shown.append(len(batch))
                yield batch

        yield from model.run(noted(), layers)

    return replace(model, run=run)


def interrupted(after, tell):
    def progress(have, total):
        tell.append((have, total))
        if len(tell) == after:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("project", [None, 50])
def test_a_store_gives_what_memory_would(images, tmp_path, project):
    here = activations("digits", images, layers="all", project=project)
    there = activations("digits", images, layers="all", project=project, store=tmp_path / "a.zarr", batch_size=5)
    assert list(there) == list(here)
    for layer, response in here.items():
        assert there[layer].chunks is not None, "lazy"
        xr.testing.assert_identical(there[layer].load(), response)
        assert {n: type(v) for n, v in there[layer].attrs.items()} == {n: type(v) for n, v in response.attrs.items()}
        assert there[layer].dtype == np.float32


def test_xarray_and_our_own_reader_open_it(images, tmp_path):
    found = activations("digits", images, store=tmp_path / "a.zarr")
    table = xr.open_zarr(tmp_path / "a.zarr")
    assert table.attrs["complete"]
    np.testing.assert_array_equal(table["conv1"].values, found["conv1"].values)
    np.testing.assert_array_equal(table["digit"].values, images["digit"].values)
    assert table["conv1"].attrs["layer"] == "conv1"
    stored = open_stored(Folder(tmp_path / "a.zarr"))
    assert not stored.index.damaged
    np.testing.assert_array_equal(stored.values(stored.find("/conv2").object), found["conv2"].values)
    assert list(stored.values(stored.find("/stimulus").object)) == list(images["stimulus"].values)


def test_an_interrupted_run_goes_on_where_it_was(images, tmp_path):
    shown, told, path = [], [], tmp_path / "a.zarr"
    with pytest.raises(KeyboardInterrupt):
        activations(counting(shown), images, store=path, batch_size=5, progress=interrupted(2, told))
    assert shown == [5, 5]
    with pytest.raises(DesignError, match=r"is not complete: 2 of 5 batches\. Type the same activations"):
        open_activations(path)
    assert not xr.open_zarr(path, consolidated=False).attrs["complete"]
    found = activations(counting(shown), images, store=path, batch_size=5, progress=interrupted(-1, told))
    assert shown == [5, 5, 5, 5, 2], "no image twice"
    assert told == [(5, 22), (10, 22), (15, 22), (20, 22), (22, 22)]
    activations(counting(shown), images, store=path, batch_size=5)
    assert len(shown) == 5, "a complete store is only opened"
    for layer, response in activations("digits", images).items():
        np.testing.assert_array_equal(found[layer].values, response.values)


KILLED = (
    IMAGES
    + """
import os, signal, sys
from neurodata4ml.networks import store
from neurodata4ml.networks.activations import activations

if sys.argv[2] == "between":
    kept = store.Writer._say
    def _say(self, **told):
        if told.get("n_done") == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        kept(self, **told)
    store.Writer._say = _say
if sys.argv[2] == "describing":
    os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

def progress(have, total):
    if sys.argv[2] == "after" and have == 10:
        os.kill(os.getpid(), signal.SIGKILL)

activations("digits", images, store=sys.argv[1], batch_size=5, progress=progress)
"""
)


@pytest.mark.parametrize(
    ("when", "left"),
    [
        ("between", 3),
        pytest.param("after", 3, marks=pytest.mark.slow),
        pytest.param("describing", 5, marks=pytest.mark.slow),
    ],
)
def test_what_a_killed_process_finished_is_not_done_again_and_the_bits_are_the_same(images, tmp_path, when, left):
    path, shown = tmp_path / "a.zarr", []
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), when], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert path.exists() == (when != "describing")
    found = activations(counting(shown), images, store=path, batch_size=5)
    assert len(shown) == left
    whole = activations("digits", images, store=tmp_path / "b.zarr", batch_size=5)
    for layer in whole:
        xr.testing.assert_identical(found[layer].drop_attrs().load(), whole[layer].drop_attrs().load())
    assert not list(path.rglob("*.partial"))


def test_another_process_that_writes_is_not_disturbed(images, tmp_path):
    def meanwhile(have, total):
        with pytest.raises(DesignError, match=r"Another process is writing .*a\.zarr"):
            activations("digits", images, store=tmp_path / "a.zarr")

    activations("digits", images, store=tmp_path / "a.zarr", progress=meanwhile)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": untrained_twin("digits")}, "model, model_sha256 differ; model is 'digits' there"),
        ({"preprocessing": Preprocessing(contrast=0.2)}, "preprocessing differs; preprocessing is 'pixels in"),
        ({"layers": ["conv1"]}, "layers differs"),
        ({"project": 50}, r"projection differs; projection is None there, and \[50, 0\] is asked for"),
        ({"batch_size": 7}, "batch_size, n_batches differ"),
    ],
)
def test_a_store_of_something_else_is_refused(images, tmp_path, changed, said):
    asked = {"model": "digits", "images": images, "store": tmp_path / "a.zarr", "progress": False}
    activations(**asked)
    with pytest.raises(DesignError, match=f"holds other activations: {said}.* Name another store"):
        activations(**{**asked, **changed})


@pytest.mark.parametrize("other", ["pixel", "label", "order"])
def test_a_store_of_other_images_is_refused(images, tmp_path, other):
    activations("digits", images, store=tmp_path / "a.zarr")
    changed = images.copy(deep=True)
    if other == "pixel":
        changed[3, 4, 5] ^= 1
    elif other == "label":
        changed["digit"] = changed["digit"] + 1
    else:
        changed = changed[::-1]
    with pytest.raises(DesignError, match="images_sha256 differs"):
        activations("digits", changed, store=tmp_path / "a.zarr")


@pytest.mark.torch
def test_two_modules_with_the_same_parameters_are_not_the_same_network(images, tmp_path):
    nn = pytest.importorskip("torch").nn
    conv = nn.Conv2d(1, 2, 3)
    activations(nn.Sequential(conv, nn.ReLU()), images, store=tmp_path / "a.zarr")
    with pytest.raises(DesignError, match="architecture differs"):
        activations(nn.Sequential(conv, nn.Tanh()), images, store=tmp_path / "a.zarr")


@pytest.mark.parametrize("there", ["file", "folder"])
def test_what_is_no_store_is_left_alone(images, tmp_path, there):
    path = tmp_path / "mine"
    if there == "file":
        path.write_text("thesis")
    else:
        path.mkdir()
        (path / "thesis.txt").write_text("thesis")
    with pytest.raises(DesignError, match="mine is no store of activations"):
        activations("digits", images, store=path)
    with pytest.raises(DesignError, match="mine is no store of activations"):
        open_activations(path)


def test_nan_zero_and_infinity_come_back_as_they_were(images, tmp_path):
    model = load_model("digits")

    def run(batches, layers):
        for batch in batches:
            yield {"conv1": np.resize(np.array([0, np.nan, np.inf, -0.0], np.float32), (len(batch), 8))}

    odd = replace(model, run=run, layers=("conv1",))
    here, there = activations(odd, images), activations(odd, images, store=tmp_path / "a.zarr", batch_size=5)
    np.testing.assert_array_equal(there["conv1"].values, here["conv1"].values)


def test_hostile_names_of_layers_become_names_of_files_and_stay_names_of_layers(images, tmp_path):
    names = ["/conv/Relu_output_0", "../../up", "Conv", "conv", "a:b", "a;b", "", ".zarray", "é" * 300]
    files = portable(names)
    assert list(files) == names
    assert len({file.casefold() for file in files.values()}) == len(names)
    assert all(file.isascii() and not {"/", ":"} & set(file) and file[0] not in "._" for file in files.values())
    model = load_model("digits")

    def run(batches, layers):
        for batch in batches:
            yield {name: np.full((len(batch), 2), k, np.float32) for k, name in enumerate(names)}

    odd = replace(model, run=run, layers=tuple(names), known_layers=tuple(names))
    found = activations(odd, images, store=tmp_path / "a.zarr")
    assert [int(found[name].values[0, 0]) for name in names] == list(range(len(names)))


def test_the_identity_is_plain_json(images, tmp_path):
    activations("digits", images, store=tmp_path / "a.zarr")
    attrs = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())
    told = json.loads(attrs["identity"])
    assert told["model_sha256"] == load_model("digits").sha256
    assert told["preprocessing"] == "pixels in [0, 1]"


@pytest.mark.parametrize("lost", ["conv1/0.0", "conv1/1.0", "conv1/.zarray"])
def test_a_store_that_lost_a_part_is_no_store_of_zeros(images, tmp_path, lost):
    path = tmp_path / "a.zarr"
    activations("digits", images, layers="conv1", store=path, batch_size=5)
    (path / lost).unlink()
    said = "is damaged: of the layer 'conv1', (1 piece is|all is) missing. Delete the store"
    with pytest.raises(DesignError, match=said):
        open_activations(path)
    with pytest.raises(DesignError, match=said):
        activations("digits", images, layers="conv1", store=path, batch_size=5)


def test_a_layer_that_is_silent_has_all_its_pieces(images, tmp_path):
    model = load_model("digits")

    def run(batches, layers):
        for answer in model.run(batches, layers):
            yield {name: np.zeros_like(values) for name, values in answer.items()}

    found = activations(replace(model, run=run), images, layers="conv1", store=tmp_path / "a.zarr", batch_size=5)
    assert not found["conv1"].values.any()


def test_a_store_whose_description_was_cut_off_is_told(images, tmp_path):
    path = tmp_path / "a.zarr"
    activations("digits", images, layers="conv1", store=path)
    (path / ".zattrs").write_text("{")
    with pytest.raises(DesignError, match="is no store of activations"):
        open_activations(path)


@pytest.mark.parametrize("store", ["", ".", "/", 5])
def test_a_store_has_a_name(images, store):
    with pytest.raises(DesignError, match=r"A store is a new folder with a name.*got"):
        activations("digits", images, layers="conv1", store=store)


def test_a_store_below_a_file_cannot_be_written(images, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DesignError, match=r"cannot be written .* Name another store, in a folder that you may write"):
        activations("digits", images, layers="conv1", store=tmp_path / "file" / "a.zarr")
