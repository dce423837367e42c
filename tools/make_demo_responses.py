"""Make the noise-free mean responses of the demo's two simulated areas to its 100 digits.

    python tools/make_demo_responses.py [--out catalog/demo-responses.npz]

early (60 units)   each reads two features of the digits network's first stage (conv1, after ReLU) and a Gabor energy
late  (60 units)   each reads two units of its penultimate stage, averaged over shifts of the image by one pixel

What a unit reads is drawn with a chance in proportion to each feature's variance, all weights are positive, and its
rate is ``mean * (1 + depth * z)`` with z its readout, standardised over stimuli. Every number that is a choice stands
below. The tool prints how similar each area is to each candidate (unbiased
linear CKA on these noise-free responses) and refuses to write unless the true stage leads the second by LEAD.

Writes mean_rate (stimulus, unit) in Hz, area (unit), images (stimulus, y, x) uint8, label (stimulus), digits_index
(stimulus; into sklearn.datasets.load_digits). Seeded, and without time stamps: the same bytes again.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import xarray as xr
from sklearn.datasets import load_digits

from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.baselines import gabor, pixels
from neurodata4ml.places import catalog_folder

SEED = 0
N_UNITS = 60
LEAD = 0.05
TRUE_STAGE = {"early": "digits/conv1", "late": "digits/penultimate"}
SECOND_INPUT = 0.5
GABOR_SHARE = 0.3
MEAN_RATE = (8.0, 25.0)
LOWEST_RATE = 4.0
DEPTH = {"early": 0.4, "late": 0.3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "catalog" / "demo-responses.npz")
    out = parser.parse_args().out

    index, images, label = stimuli()
    rng = np.random.default_rng(SEED)
    areas = {
        "early": rates(early(images, rng), DEPTH["early"], rng),
        "late": rates(late(images, rng), DEPTH["late"], rng),
    }
    table = similarities(areas, candidates(images))
    print_table(table)
    for area, stage in TRUE_STAGE.items():
        best, second = sorted(table[area], key=table[area].get, reverse=True)[:2]
        lead = table[area][best] - table[area][second]
        print(f"{area}: {best} leads {second} by {lead:.3f}")
        if best != stage or lead < LEAD:
            raise SystemExit(f"{area} must be led by {stage} by at least {LEAD}; nothing written.")
    arrays = {
        "digits_index": index,
        "label": label,
        "images": images.values,
        "mean_rate": np.hstack(list(areas.values())).astype(np.float32),
        "area": np.repeat(list(areas), N_UNITS),
    }
    write_npz(out, arrays)
    print(f"{out.name}: {out.stat().st_size:,} bytes")


def stimuli() -> tuple[np.ndarray, xr.DataArray, np.ndarray]:
    """Return the 100 digits that the network's file says it was never trained on."""
    told = {p.key: p.value for p in onnx.load(catalog_folder() / "networks" / "digits.onnx").metadata_props}
    index = np.array(json.loads(told["stimulus_index"]))
    source = load_digits()
    shown = np.rint(source.images[index] * (255 / 16)).astype(np.uint8)
    images = xr.DataArray(shown, dims=("stimulus", "y", "x"), coords={"stimulus": np.arange(len(index))})
    return index.astype(np.int64), images, source.target[index].astype(np.int64)


def early(images: xr.DataArray, rng: np.random.Generator) -> np.ndarray:
    """Return (stimulus, unit): the first stage and, with GABOR_SHARE squared of the variance, Gabor energies."""
    stage, edges = early_features(images)
    own = standardised(draw_readout(stage, rng)(stage))
    energy = standardised(edges[:, spread_draw(edges.var(axis=0), N_UNITS, rng)])
    return np.sqrt(1 - GABOR_SHARE**2) * own + GABOR_SHARE * energy


def late(images: xr.DataArray, rng: np.random.Generator) -> np.ndarray:
    """Return (stimulus, unit): the penultimate stage, averaged over shifts by one pixel (weights 1, 2, 1)."""
    stage = late_features(images)
    return draw_readout(stage, rng)(stage)


def early_features(images: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first stage and the Gabor energies, each (stimulus, feature)."""
    stage = activations("digits", images, layers=["conv1"])["conv1"].values.astype(float)
    return stage, gabor(images).values


def late_features(images: xr.DataArray) -> np.ndarray:
    """Return (stimulus, feature): the penultimate stage, averaged over shifts by one pixel (weights 1, 2, 1)."""
    total = 0.0
    for down, down_weight in ((-1, 1), (0, 2), (1, 1)):
        for right, right_weight in ((-1, 1), (0, 2), (1, 1)):
            moved = images.shift(y=down, x=right, fill_value=0)
            stage = activations("digits", moved, layers=["penultimate"])["penultimate"].values.astype(float)
            total = total + down_weight * right_weight * stage / 16
    return np.asarray(total)


def draw_readout(features: np.ndarray, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Return how units read features: each unit one and, more weakly, a second one; all weights positive."""
    variance = features.var(axis=0)
    scale = np.where(variance > 0, np.sqrt(variance), 1)
    first, second = (spread_draw(variance, N_UNITS, rng) for _ in range(2))
    weight = SECOND_INPUT * rng.uniform(size=N_UNITS)

    def read(shown: np.ndarray) -> np.ndarray:
        scaled = shown / scale
        return scaled[:, first] + weight * scaled[:, second]

    return read


def spread_draw(weight: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n indices in proportion to weight, evenly spread (systematic sampling), in random order."""
    edges = np.cumsum(weight) / weight.sum()
    drawn = np.searchsorted(edges, (np.arange(n) + rng.uniform()) / n)
    return rng.permutation(np.minimum(drawn, len(weight) - 1))


def standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def rates(response: np.ndarray, deepest: float, rng: np.random.Generator) -> np.ndarray:
    """Return mean rates in Hz, an affine map of each unit's response, so that no geometry is lost to rectification.

    The depth of modulation (signal sd over mean) is lowered for the units that would fall below LOWEST_RATE.
    """
    z = standardised(response)
    mean = rng.uniform(*MEAN_RATE, size=N_UNITS)
    depth = np.minimum(deepest, (1 - LOWEST_RATE / mean) / -z.min(axis=0))
    return np.round(mean * (1 + depth * z), 2)


def candidates(images: xr.DataArray) -> dict[str, np.ndarray]:
    found = {"pixels": pixels(images).values, "gabor": gabor(images).values}
    for network in ("digits", "digits-untrained"):
        for layer, response in activations(network, images).items():
            found[f"{network}/{layer}"] = response.values.astype(float)
    return found


def similarities(areas: dict[str, np.ndarray], known: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    return {area: {name: unbiased_cka(x, y) for name, y in known.items()} for area, x in areas.items()}


def unbiased_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Return linear CKA with HSIC_1 (Song et al. 2012, J. Mach. Learn. Res. 13:1393, eq. 5)."""
    k, l_ = x @ x.T, y @ y.T
    return float(hsic_1(k, l_) / np.sqrt(hsic_1(k, k) * hsic_1(l_, l_)))


def hsic_1(k: np.ndarray, l_: np.ndarray) -> float:
    n = len(k)
    k, l_ = (gram - np.diag(np.diag(gram)) for gram in (k, l_))
    centring = k.sum() * l_.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k.sum(axis=0) @ l_.sum(axis=1))
    return float((np.sum(k * l_) + centring) / (n * (n - 3)))


def print_table(table: dict[str, dict[str, float]]) -> None:
    print(f"{'':30}" + "".join(f"{area:>8}" for area in table))
    for name in sorted(table["early"], key=table["early"].get, reverse=True):
        print(f"{name:30}" + "".join(f"{table[area][name]:8.3f}" for area in table))


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write what ``np.load`` reads, with fixed dates, so that the same arrays are the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # else the byte differs between Windows and the rest
            archive.writestr(member, buffer.getvalue())


if __name__ == "__main__":
    main()
