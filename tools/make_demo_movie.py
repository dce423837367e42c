"""Make the demo's movie, a digit that moves and morphs, with the responses that its units would have to each frame.

    python tools/make_demo_movie.py [--out catalog/demo-movie.npz]

Each second another of the demo's digits is shown, three of each class: half a second as it is, half a second turning
into the next, and all the while it drifts to and fro, by up to REACH pixels. The units are those of
``make_demo_responses.py``: they read the same features with the same weights, and what a frame would evoke if it stood
still is here; latency and memory belong to the simulation. Rates below LOWEST are cut off. The tool refuses to write
unless the scenes' responses come out as they are shipped.

Writes mean_rate (frame, unit) in Hz, area (unit), images (frame, y, x) uint8, label (frame; the digit that weighs
most). Seeded, and without time stamps: the same bytes again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.ndimage import shift

import make_demo_responses as scenes
from neurodata4ml.places import catalog_folder

SEED = 1
FRAMES_PER_SECOND, SECONDS = 30, 30
PER_CLASS = 3
REACH = (1.0, 1.5)
"""Pixels up or down, and left or right: a digit fills the height."""

PERIODS = (1.9, 3.1, 1.3, 4.3)
"""Seconds of the waves of which the path is made: two up and down, two left and right."""

LOWEST = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "catalog" / "demo-movie.npz")
    out = parser.parse_args().out

    _, shown, label = scenes.stimuli()
    frames, labels = movie(shown.values, label, np.random.default_rng(SEED))
    still, moving = responses(shown, frames)
    with np.load(catalog_folder() / "demo-responses.npz") as shipped:
        if np.abs(still - shipped["mean_rate"]).max() > 0.011:
            raise SystemExit("These are not the units of demo-responses.npz; nothing written.")
        area = shipped["area"]
    print(f"{np.mean(moving < LOWEST):.3%} of the rates are cut off at {LOWEST} Hz")
    arrays = {
        "mean_rate": np.maximum(moving, LOWEST).astype(np.float16),
        "area": area,
        "images": frames.values,
        "label": labels,
    }
    scenes.write_npz(out, arrays)
    print(f"{out.name}: {out.stat().st_size:,} bytes")


def movie(digits: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> tuple[xr.DataArray, np.ndarray]:
    """Return the frames (stimulus, y, x) and the class that weighs most in each."""
    own = [rng.permutation(np.flatnonzero(label == name))[:PER_CLASS] for name in np.unique(label)]
    order = np.concatenate([rng.permutation(turn) for turn in np.transpose(own)])  # each class once in ten seconds
    time = np.arange(SECONDS * FRAMES_PER_SECOND) / FRAMES_PER_SECOND
    first = order[time.astype(int)]
    second = order[np.minimum(time.astype(int) + 1, SECONDS - 1)]
    turned = np.clip(2 * (time % 1) - 1, 0, 1)
    turned = 0.5 - 0.5 * np.cos(np.pi * turned)
    mixed = (1 - turned)[:, None, None] * digits[first] + turned[:, None, None] * digits[second]
    moved = np.stack([shift(image, by, order=1) for image, by in zip(mixed, path(time, rng), strict=True)])
    moved *= 255 / moved.max(axis=(1, 2), keepdims=True)  # a mixture is dim, and a digit's brightest pixel is white
    shown = xr.DataArray(
        np.rint(moved).astype(np.uint8), dims=("stimulus", "y", "x"), coords={"stimulus": np.arange(len(time))}
    )
    return shown, np.where(turned < 0.5, label[first], label[second])


def path(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return by how many pixels each frame is shifted, (frame, 2): smooth, and never beyond REACH."""
    phase = rng.uniform(0, 2 * np.pi, len(PERIODS))
    waves = np.sin(2 * np.pi * time[:, None] / np.array(PERIODS) + phase)
    return np.stack([REACH[0] * waves[:, :2].mean(axis=1), REACH[1] * waves[:, 2:].mean(axis=1)], axis=1)


def responses(shown: xr.DataArray, frames: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean rates of all units to the scenes and to the frames, drawing as the scenes' tool does."""
    rng = np.random.default_rng(scenes.SEED)
    found = []
    for area, z_of in (("early", early), ("late", late)):
        still, moving = z_of(shown, frames, rng)
        centre, spread = still.mean(axis=0), still.std(axis=0)
        mean = rng.uniform(*scenes.MEAN_RATE, size=scenes.N_UNITS)
        z = [(x - centre) / spread for x in (still, moving)]
        depth = np.minimum(scenes.DEPTH[area], (1 - scenes.LOWEST_RATE / mean) / -z[0].min(axis=0))
        found.append([np.round(mean * (1 + depth * x), 2) for x in z])
    return np.hstack([still for still, _ in found]), np.hstack([moving for _, moving in found])


def early(shown: xr.DataArray, frames: xr.DataArray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return what units of the early area read of scenes and of frames, on the scale of the scenes."""
    (stage, edges), (stage_moving, edges_moving) = scenes.early_features(shown), scenes.early_features(frames)
    read = scenes.draw_readout(stage, rng)
    chosen = scenes.spread_draw(edges.var(axis=0), scenes.N_UNITS, rng)
    own = on_scale(read(stage), read(stage_moving))
    energy = on_scale(edges[:, chosen], edges_moving[:, chosen])
    share = scenes.GABOR_SHARE
    still, moving = (np.sqrt(1 - share**2) * a + share * b for a, b in zip(own, energy, strict=True))
    return still, moving


def late(shown: xr.DataArray, frames: xr.DataArray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return what units of the late area read of scenes and of frames."""
    stage = scenes.late_features(shown)
    read = scenes.draw_readout(stage, rng)
    return read(stage), read(scenes.late_features(frames))


def on_scale(still: np.ndarray, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both with mean 0 and standard deviation 1 over the scenes."""
    return scenes.standardised(still), (moving - still.mean(axis=0)) / still.std(axis=0)


if __name__ == "__main__":
    main()
