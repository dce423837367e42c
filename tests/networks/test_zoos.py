"""Networks of other libraries: by name, with checked weights, never fetched while offline; skipped where not there."""

import hashlib
import importlib.util

import numpy as np
import pytest

from neurodata4ml.errors import CatalogError, ChecksumError, NotCachedError
from neurodata4ml.networks import zoos
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.models import load_model, untrained_twin


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_timm_that_is_not_installed_says_what_to_type():
    with pytest.raises(CatalogError, match=r'timm_resnet10t needs timm.*pip install "neurodata4ml\[torch\]" timm'):
        load_model("timm_resnet10t")


@pytest.mark.torch
def test_a_file_of_weights_must_have_the_digest_that_its_name_says(monkeypatch, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    right = hashlib.sha256(b"weights").hexdigest()[:8]
    (folder / f"net-{right}.pth").write_bytes(b"weights")
    (folder / "net-00000000.pth").write_bytes(b"weights")
    zoos.require_published(f"https://example.org/net-{right}.pth")
    zoos.require_published("https://example.org/net-12345678.pth")  # not there: torch checks what it downloads
    with pytest.raises(
        ChecksumError, match=rf"not the published file of weights: sha256 {right}\w+, expected 00000000"
    ):
        zoos.require_published("https://example.org/net-00000000.pth")


@pytest.mark.torch
def test_an_unknown_timm_network_gets_a_suggestion():
    pytest.importorskip("timm")
    with pytest.raises(CatalogError, match=r"timm has no network 'resnet10x'. Did you mean 'resnet"):
        load_model("timm_resnet10x")


@pytest.mark.torch
def test_timm_does_not_download_while_offline(monkeypatch, tmp_path):
    pytest.importorskip("timm")
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotCachedError, match=r"Offline, and timm's weights of 'resnet10t' .* are not cached"):
        load_model("timm_resnet10t")


@pytest.mark.torch
def test_a_timm_network_is_sized_and_normalised_as_it_asks_and_has_a_twin(monkeypatch):
    timm = pytest.importorskip("timm")
    create, asked = timm.create_model, []

    def without_weights(name, pretrained=False):
        asked.append(pretrained)
        return create(name, pretrained=False)

    monkeypatch.setattr(timm, "create_model", without_weights)
    model = load_model("timm_resnet10t.c3_in1k")
    assert asked == [True]
    assert (model.input_size, model.n_channels, model.trained) == ((176, 176), 3, True)
    assert model.mean == pytest.approx((0.485, 0.456, 0.406))
    found = activations(model, np.random.default_rng(0).random((2, 30, 40)), layers=["layer1", "fc"])
    assert found["fc"].shape == (2, 1000)
    twin, same = untrained_twin(model, seed=3), untrained_twin(model, seed=3)
    assert twin.name == "timm_resnet10t.c3_in1k-untrained"
    assert twin.sha256 == same.sha256 != untrained_twin(model, seed=4).sha256
    assert asked == [True, False, False, False]


@pytest.mark.torch
def test_a_torchvision_network_whose_cached_weights_are_not_the_published_is_refused(monkeypatch, tmp_path):
    pytest.importorskip("torchvision")
    import torch
    from torchvision import models

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match="torchvision's weights are not in"):
        load_model("torchvision_resnet18")
    file = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    torch.save(models.resnet18(weights=None).state_dict(), file)
    with pytest.raises(ChecksumError, match=r"not the published file of weights.*expected f37072fd\.\.\."):
        load_model("torchvision_resnet18")
    monkeypatch.setattr(zoos, "digest", lambda path: "f37072fd")
    model = load_model("torchvision_resnet18")
    assert (model.input_size, model.n_channels) == ((224, 224), 3)
    found = activations(model, np.random.default_rng(0).random((2, 30, 40)))
    assert found["fc"].shape == (2, 1000)
    assert untrained_twin(model).name == "torchvision_resnet18-untrained"
