"""Small files to damage, of all the structures that HDF5 has."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import worlds


def sources(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file by a name: structures old and new, and what pynwb writes."""
    made = {
        "old": _made("earliest"),
        "new": _made("latest"),
        "ordered": _made("v110", track_order=True),
        "block": _made("earliest", userblock_size=512),
        "dense_old": _dense("earliest"),
        "dense_new": _dense("latest"),
        "chunks_old": _chunks("earliest"),
        "chunks_new": _chunks("latest"),
    }
    for name in ("one_unit", "stored_latest"):
        made[name] = worlds.WORLDS[name](folder / f"{name}.nwb").read_bytes()
    return made


def _file(libver: str, how: dict[str, Any]) -> tuple[io.BytesIO, h5py.File]:
    buffer = io.BytesIO()
    file = h5py.File(buffer, "w", libver=(libver, "latest" if libver != "earliest" else "v108"), **how)
    file.attrs.update(nwb_version="2.9.0", neurodata_type="NWBFile", namespace="core")
    return buffer, file


def _made(libver: str, **how: Any) -> bytes:
    """A table of units, a series, references, words, codes, pairs: in few bytes."""
    buffer, file = _file(libver, how)
    rng = np.random.default_rng(0)
    units = file.create_group("units")
    units.attrs.update(neurodata_type="Units", namespace="core", colnames=["spike_times", "quality"])
    units["id"] = np.arange(3)
    units.create_dataset("spike_times", data=np.sort(rng.random(40)), chunks=(16,), compression="gzip", shuffle=True)
    units["spike_times_index"] = np.array([10, 25, 40], np.uint8)
    units.create_dataset("quality", data=["good", "noise", "ü"], dtype=h5py.string_dtype())
    units["fixed"] = np.array([b"a", b"bcd", b""], "S3")
    units["flag"] = np.array([True, False, True])
    codes = h5py.enum_dtype({"rest": 0, "run": 1}, basetype="u1")
    units.create_dataset("state", data=np.array([1, 0, 1], "u1"), dtype=codes)
    units["pair"] = np.array([(1, 2.5), (3, 4.5), (5, 6.5)], dtype=[("x", "<i4"), ("y", "<f8")])
    units.create_dataset("where", data=[units.ref, file.ref, units["id"].ref], dtype=h5py.ref_dtype)
    rows = units.create_dataset("rows", (3,), dtype=h5py.vlen_dtype(np.dtype("<i4")))
    for k in range(3):
        rows[k] = np.arange(k + 1)
    series = file.create_group("acquisition/speed")
    series.attrs.update(neurodata_type="TimeSeries", namespace="core")
    series.create_dataset("data", data=rng.integers(0, 99, (20, 3)).astype("<i2"), chunks=(8, 2), fletcher32=True)
    series["data"].attrs.update(unit="V", conversion=0.5)
    series["starting_time"] = 1.0
    series["starting_time"].attrs["rate"] = 10.0
    series.attrs["table"] = units.ref
    file["acquisition/soft"] = h5py.SoftLink("/units/id")
    file["acquisition/hard"] = units
    file["acquisition/speed/up"] = file["acquisition"]  # links in circles are no damage yet
    file["acquisition/round"] = h5py.SoftLink("/acquisition/round")
    file["acquisition/away"] = h5py.ExternalLink("elsewhere.nwb", "/units")
    file.close()
    return buffer.getvalue()


def _dense(libver: str) -> bytes:
    """Many members in a group, many attributes on an object, long ones among them."""
    buffer, file = _file(libver, {})
    many = file.create_group("many")
    for k in range(45):
        many[f"member {k} with a name that is long"] = np.arange(k % 4)
    for k in range(20):
        many.attrs[f"fact {k}"] = "a word " * (1 + 40 * (k % 3)) if k % 2 else np.arange(k)
    file.close()
    return buffer.getvalue()


def _chunks(libver: str) -> bytes:
    """Datasets whose chunks are found in every way: trees, arrays that are fixed or grow, one chunk, none."""
    buffer, file = _file(libver, {})
    rng = np.random.default_rng(1)
    values = rng.integers(0, 9, (60, 6)).astype("<i2")
    ways: dict[str, dict[str, Any]] = {
        "fixed": {"chunks": (7, 4), "compression": "gzip"},
        "plain": {"chunks": (7, 4)},
        "grows": {"chunks": (5, 6), "maxshape": (None, 6), "compression": "gzip"},
        "grows_twice": {"chunks": (10, 3), "maxshape": (None, None)},
        "single": {"chunks": (60, 6), "compression": "gzip"},
        "lzf": {"chunks": (30, 6), "compression": "lzf"},
    }
    group = file.create_group("scratch")
    for name, how in ways.items():
        group.create_dataset(name, data=values, **how)
    group.create_dataset("never", shape=(40, 4), chunks=(10, 4), dtype="<f4", fillvalue=2.5)
    part = group.create_dataset("part", shape=(40, 4), chunks=(10, 4), maxshape=(None, 4), dtype="<f4", fillvalue=1.5)
    part[:15] = 7
    long = group.create_dataset("long", shape=(3000,), chunks=(2,), dtype="u1")  # the pages of a fixed array
    long[:] = 3
    file.close()
    return buffer.getvalue()
