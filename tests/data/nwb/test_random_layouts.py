"""However a file stores its values, ours are those that h5py reads: dtypes, chunks, filters, fills, structures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hypothesis.strategies as st
import numpy as np
import xarray as xr
from hypothesis import HealthCheck, Phase, given, settings

from neurodata4ml.data.nwb.engine import open_nwb

NUMBERS = ["i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "u1", "<u2", ">u4", "<u8", "<f2", "<f4", ">f4", "<f8", ">f8"]
KINDS = [*NUMBERS, "bool", "S5", "text", "ascii", "codes"]
VERSIONS = [("earliest", "v108"), ("earliest", "latest"), ("v110", "v110"), ("latest", "latest")]
QUICK: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),  # a smaller example is not worth minutes
    "derandomize": True,
}
WORDS = ["", "a", "bb", "ünï", "c" * 40, "x y"]


@st.composite
def layouts(draw: Any) -> dict[str, Any]:
    """One dataset: its shape, dtype and values, and the way it is stored."""
    n_axes = draw(st.integers(1, 3))
    shape = tuple(draw(st.lists(st.integers(0, 23), min_size=n_axes, max_size=n_axes)))
    layout: dict[str, Any] = {
        "shape": shape,
        "kind": draw(st.sampled_from(KINDS)),
        "seed": draw(st.integers(0, 99)),
        "written": draw(st.sampled_from(["all", "all", "none", "corner"])),
    }
    if draw(st.booleans()):
        layout["fill"] = draw(st.integers(0, 7))
    if draw(st.booleans()) and 0 not in shape:
        layout["chunks"] = tuple(draw(st.integers(1, n)) for n in shape)
        layout["maxshape"] = tuple(draw(st.sampled_from([n, None, n + 5])) for n in shape)
        is_text = layout["kind"] in ("text", "ascii")
        layout["compression"] = draw(st.sampled_from([None, "gzip", "gzip", "lzf"]))
        layout["shuffle"] = draw(st.booleans())
        layout["fletcher32"] = draw(st.booleans()) and not is_text
    return layout


def values_of(layout: dict[str, Any]) -> tuple[np.ndarray, Any]:
    """Return made-up values, and the dtype to store them with."""
    rng, shape, kind = np.random.default_rng(layout["seed"]), layout["shape"], layout["kind"]
    if kind in ("text", "ascii"):
        words = np.array(WORDS if kind == "text" else ["", "a", "bb", "c" * 40], dtype=object)
        return words[rng.integers(0, len(words), shape)], h5py.string_dtype("utf-8" if kind == "text" else "ascii")
    if kind == "S5":
        return np.array([b"", b"a", b"bcd", b"xxxxx", b"a b "])[rng.integers(0, 5, shape)].astype("S5"), "S5"
    if kind == "bool":
        return rng.random(shape) < 0.5, bool
    if kind == "codes":
        return rng.integers(0, 3, shape).astype("u1"), h5py.enum_dtype({"rest": 0, "run": 1, "sleep": 2}, basetype="u1")
    return rng.integers(0, 120, shape).astype(kind), kind


def add(group: h5py.Group, name: str, layout: dict[str, Any]) -> None:
    """Add a dataset as ``layout`` says."""
    values, dtype = values_of(layout)
    how = {key: layout[key] for key in ("chunks", "maxshape", "compression", "shuffle", "fletcher32") if key in layout}
    if "fill" in layout and layout["kind"] in NUMBERS:
        how["fillvalue"] = layout["fill"]
    dataset = group.create_dataset(name, shape=layout["shape"], dtype=dtype, **how)
    if layout["written"] == "all" and values.size:
        dataset[...] = values
    elif layout["written"] == "corner" and values.size:
        corner = tuple(slice(0, (n + 1) // 2) for n in layout["shape"])
        dataset[corner] = values[corner]


@contextmanager
def nwb_file(version: tuple[str, str], **how: Any) -> Iterator[tuple[h5py.File, Path]]:
    """An empty file in the shape of NWB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nwb"
        with h5py.File(path, "w", libver=version, **how) as file:
            file.attrs.update(nwb_version="2.9.0", neurodata_type="NWBFile", namespace="core")
            yield file, path


def text_of(values: Any) -> Any:
    """Return words as text, whatever they were."""
    flat = [value.decode() if isinstance(value, bytes) else str(value) for value in np.asarray(values).flat]
    return np.array(flat, dtype=object).reshape(np.shape(values))


def assert_same(ours: xr.DataArray, theirs: Any, key: Any = ...) -> None:
    """Assert that both give the same values for ``key``."""
    mine = ours.values if key is ... else ours[key].values
    expected = theirs[key]
    if np.asarray(expected).dtype.kind in "SO":
        mine, expected = text_of(mine), text_of(expected)
    else:
        assert mine.dtype.newbyteorder("=") == np.asarray(expected).dtype.newbyteorder("=")
    np.testing.assert_array_equal(mine, expected)


@st.composite
def keys(draw: Any) -> tuple[Any, ...]:
    """A selection: an integer, a slice with a step, or a sorted vector on one axis."""
    parts: list[Any] = []
    for _ in range(3):
        first, step = draw(st.integers(0, 12)), draw(st.integers(1, 4))
        parts.append(slice(first, first + draw(st.integers(0, 12)), step))
    return tuple(parts)


@settings(max_examples=60, **QUICK)
@given(
    layout=layouts(),
    version=st.sampled_from(VERSIONS),
    key=keys(),
    ordered=st.booleans(),
    userblock=st.sampled_from([0, 512, 2048]),
)
def test_a_series_is_what_h5py_reads(
    layout: dict[str, Any], version: tuple[str, str], key: tuple[Any, ...], ordered: bool, userblock: int
) -> None:
    with nwb_file(version, track_order=ordered, userblock_size=userblock) as (file, path):
        group = file.create_group("acquisition/made")
        group.attrs.update(neurodata_type="TimeSeries", namespace="core")
        add(group, "data", layout)
        group["data"].attrs["unit"] = "V"
        group["starting_time"] = 0.5
        group["starting_time"].attrs["rate"] = 10.0
        file.flush()
        file.close()
        with h5py.File(path) as again:
            theirs = again["acquisition/made/data"]
            data = open_nwb(path)["acquisition/made/data"]
            assert_same(data, theirs)
            part = key[: len(layout["shape"])]
            assert_same(data, theirs, part)
            assert_same(open_nwb(path, chunks=None)["acquisition/made/data"], theirs, part)


@settings(max_examples=40, **QUICK)
@given(
    counts=st.lists(st.integers(0, 9), max_size=6),
    columns=st.lists(layouts(), max_size=3),
    version=st.sampled_from(VERSIONS),
    chunk=st.sampled_from([0, 1, 4, 7]),
    index_dtype=st.sampled_from(["u1", "<i4", "<u8"]),
)
def test_units_are_what_h5py_reads_with_no_row_one_row_and_no_spikes(
    counts: list[int], columns: list[dict[str, Any]], version: tuple[str, str], chunk: int, index_dtype: str
) -> None:
    n_rows, n_spikes = len(counts), sum(counts)
    with nwb_file(version) as (file, path):
        units = file.create_group("units")
        units.attrs.update(neurodata_type="Units", namespace="core", colnames=["spike_times"])
        units["id"] = np.arange(n_rows)
        how = {"chunks": (min(chunk, n_spikes),), "compression": "gzip"} if chunk and n_spikes else {}
        units.create_dataset("spike_times", data=np.sort(np.random.default_rng(0).random(n_spikes)), **how)
        units.create_dataset("spike_times_index", data=np.cumsum(counts).astype(index_dtype))
        for k, layout in enumerate(columns):
            own = {**layout, "shape": (n_rows, *layout["shape"][1:])}
            for one_chunk in ("chunks", "maxshape", "compression", "shuffle", "fletcher32"):
                own.pop(one_chunk, None)
            add(units, f"column{k}", own)
        file.close()
        tree = open_nwb(path)
        with h5py.File(path) as again:
            for name in ("spike_times", *(f"column{k}" for k in range(len(columns)))):
                assert_same(tree["units"][name], again["units"][name])
        starts, stops = (tree["units"][f"spike_times_{edge}"].values for edge in ("start", "stop"))
        assert (stops - starts).tolist() == counts


@settings(max_examples=25, **QUICK)
@given(
    n_members=st.integers(0, 60),
    n_attrs=st.integers(0, 40),
    version=st.sampled_from(VERSIONS),
    ordered=st.booleans(),
    seed=st.integers(0, 99),
)
def test_groups_and_attributes_are_all_found(
    n_members: int, n_attrs: int, version: tuple[str, str], ordered: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    with nwb_file(version) as (file, path):
        group = file.create_group("processing/many", track_order=ordered)
        for k in range(n_attrs):
            group.attrs[f"fact{k}"] = ["word", 2.5, np.arange(3), True, "ü" * 300][k % 5]
        for k in rng.permutation(n_members):
            group[f"member with a long name {k}"] = np.arange(k)
        for k in range(0, n_members, 7):
            del group[f"member with a long name {k}"]
        file.close()
        node = open_nwb(path)["processing/many"] if n_members or n_attrs else None
        with h5py.File(path) as again:
            theirs = again["processing/many"]
            for name, item in theirs.items():
                if item.size:
                    np.testing.assert_array_equal(node[name].values, item[...])
            for name, value in theirs.attrs.items():
                np.testing.assert_array_equal(node.attrs[name], value)
