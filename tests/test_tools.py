"""What the tools made is what is shipped, and they would make it again."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits

from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.baselines import gabor, pixels
from neurodata4ml.places import catalog_folder

TOOLS = Path(__file__).parents[1] / "tools"
TRUE_STAGE = {"early": "digits/conv1", "late": "digits/penultimate"}


@pytest.fixture(scope="module")
def demo():
    with np.load(catalog_folder() / "demo-responses.npz", allow_pickle=False) as file:
        return dict(file)


def run(tool, *arguments):
    """Run a tool as a user would and return what it printed."""
    done = subprocess.run([sys.executable, TOOLS / tool, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def unbiased_cka(x, y):
    """Linear CKA with HSIC_1 of Song et al. 2012, written out with matrices of ones as in the paper."""

    def hsic(k, m):
        n, ones = len(k), np.ones(len(k))
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + middle - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def test_the_similarity_used_here_gives_the_golden_number():
    x = np.random.RandomState(0).randn(20, 8)
    y = 0.5 * x[:, :5] + np.random.RandomState(1).randn(20, 5)
    # statistics.md section 3; HSIC_1 sums over pairs, so it needs the columns centred only up to their mean
    assert unbiased_cka(x - x.mean(axis=0), y - y.mean(axis=0)) == pytest.approx(0.2708069080, abs=1e-9)


def test_the_demo_shows_ten_digits_of_each_class_as_scikit_learn_has_them(demo):
    source = load_digits()
    np.testing.assert_array_equal(np.bincount(demo["label"]), [10] * 10)
    np.testing.assert_array_equal(source.target[demo["digits_index"]], demo["label"])
    np.testing.assert_array_equal(np.rint(source.images[demo["digits_index"]] * 255 / 16), demo["images"])


def test_no_stimulus_of_the_demo_was_trained_on_or_held_out(demo):
    props = onnx.load(catalog_folder() / "networks" / "digits.onnx").metadata_props
    told = {prop.key: json.loads(prop.value) for prop in props}
    assert told["stimulus_index"] == demo["digits_index"].tolist()
    assert not set(told["stimulus_index"]) & {*told["train_index"], *told["held_out_index"]}


def test_rates_are_those_of_cortical_units(demo):
    rate = demo["mean_rate"].astype(float)
    assert rate.shape == (100, 120)
    assert list(demo["area"]) == ["early"] * 60 + ["late"] * 60
    assert rate.min() >= 4
    assert 8 <= rate.mean(axis=0).min() <= rate.mean(axis=0).max() <= 25
    modulation = rate.std(axis=0) / rate.mean(axis=0)
    assert np.median(modulation) > 0.29
    assert modulation.max() < 0.5


@pytest.mark.parametrize("area", TRUE_STAGE)
def test_the_true_stage_leads_every_other_candidate(demo, area):
    candidates = {"pixels": pixels(demo["images"]), "gabor": gabor(demo["images"])}
    for network in ("digits", "digits-untrained"):
        found = activations(network, demo["images"])
        candidates |= {f"{network}/{layer}": response for layer, response in found.items()}
    rate = demo["mean_rate"][:, demo["area"] == area].astype(float)
    table = {name: unbiased_cka(rate, x.values.astype(float)) for name, x in candidates.items()}
    best, second = sorted(table, key=table.get, reverse=True)[:2]
    assert best == TRUE_STAGE[area]
    assert table[best] - table[second] >= 0.05


@pytest.mark.slow
def test_making_the_demo_again_gives_the_same_bytes_and_the_shipped_rates(demo, tmp_path):
    printed = run("make_demo_responses.py", "--out", tmp_path / "one.npz")
    run("make_demo_responses.py", "--out", tmp_path / "two.npz")
    assert "early: digits/conv1 leads" in printed
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as again:
        assert set(again) == set(demo)
        for name in set(demo) - {"mean_rate"}:
            np.testing.assert_array_equal(again[name], demo[name])
        # another processor may round the network's sums differently, by far less than the 0.01 Hz that are kept
        np.testing.assert_allclose(again["mean_rate"], demo["mean_rate"], atol=0.011)
    assert (catalog_folder() / "demo-responses.npz").stat().st_size < 200_000


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the extra [torch]")
def test_training_again_gives_the_same_bytes_and_97_percent(tmp_path):
    printed = [run("train_digits.py", "--out", tmp_path / name) for name in ("one", "two")]
    assert float(printed[0].splitlines()[0].rpartition(" ")[2]) >= 0.97
    for name in ("digits.onnx", "digits.toml", "digits-untrained.onnx", "digits-untrained.toml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.torch
def test_the_graph_that_is_written_is_the_network_that_was_trained(tmp_path):
    torch = pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("train_digits", TOOLS / "train_digits.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    model, images = tool.network(), tool.digits()[0][:20]
    path = tool.write_onnx(model, tmp_path / "net.onnx", {})
    with torch.no_grad():
        expected = tool.forward(model, torch.from_numpy(images))
    for layer, response in activations(path, images, layers=tool.LAYERS).items():
        np.testing.assert_allclose(response.values, expected[layer].flatten(1).numpy(), atol=1e-5)
