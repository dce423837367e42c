"""Files of every kind that h5py can write, for tests of whoever reads HDF5 without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

LIBVERS = ("earliest", "v108", "v110", "v112", "v114", "latest")

NUMBERS = tuple(f"{order}{kind}" for order in "<>" for kind in ("i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16"))


def write_zoo(path: Path, **how: Any) -> Path:
    """Write a file with groups, links, attributes and datasets of every kind; ``how`` goes to ``h5py.File``."""
    with h5py.File(path, "w", **how) as file:
        _groups(file)
        _attributes(file.create_group("attributes"), file)
        _datatypes(file.create_group("datatypes"), file)
        _layouts(file.create_group("layouts"))
    return path


def _groups(file: h5py.File) -> None:
    for name in ("b", "a", "Ä", "z" * 300):
        file.create_group(f"groups/{name}/within")
    many = file.create_group("many")
    for number in range(200):
        many.create_group(f"member {number * 7 % 200}")
    few = file.create_group("few")
    file["links/hard"] = few
    few["up"] = file["groups"]  # a circle
    file["links/soft"] = h5py.SoftLink("/groups/a")
    file["links/nowhere"] = h5py.SoftLink("/not/here")
    file["links/external"] = h5py.ExternalLink("other.h5", "/x")


def _attributes(group: h5py.Group, file: h5py.File) -> None:
    attrs = group.attrs
    attrs["text"] = "spikes µ"
    attrs["no text"] = ""
    attrs["fixed"] = np.bytes_(b"fixed")
    attrs["texts"] = ["one", "", "three"]
    attrs["grid of texts"] = np.array([["a", "b"], ["c", "d"]], dtype=h5py.string_dtype())
    attrs["fixed texts"] = np.array([b"ab", b"c"])
    attrs["empty"] = h5py.Empty("f4")
    attrs["nothing"] = np.zeros(0)
    attrs["no texts"] = np.array([], dtype=h5py.string_dtype())
    for dtype in NUMBERS:
        attrs[f"scalar {dtype}"] = np.array(3, dtype)
        attrs[f"array {dtype}"] = np.arange(6).reshape(2, 3).astype(dtype)
    attrs["bool"], attrs["bools"] = True, np.array([True, False])
    attrs.create("word", 2, dtype=h5py.enum_dtype({"ONE": 1, "TWO": 2}, basetype="i2"))
    attrs["reference"] = file["few"].ref
    attrs["references"] = np.array([file["few"].ref, file["groups/a"].ref], dtype=h5py.ref_dtype)
    attrs.create("no reference", h5py.Reference(), dtype=h5py.ref_dtype)
    attrs["fields"] = np.array([(1, 2.0)], dtype=[("x", "<i4"), ("y", ">f8")])
    attrs.create("vectors", np.zeros((2, 3)), shape=(2, 3), dtype=np.dtype((np.float64, (3,))))
    attrs["long"] = "x" * 40_000
    attrs.create("ragged", np.array([np.arange(2), np.arange(3)], dtype=object), dtype=h5py.vlen_dtype("i4"))
    attrs["opaque"] = np.void(b"abcd")
    crowd = file.create_group("crowd")
    for number in range(60):
        crowd.attrs[f"attribute {number * 7 % 60}"] = f"text {number}"


def _datatypes(group: h5py.Group, file: h5py.File) -> None:
    for dtype in NUMBERS:
        group[f"number {dtype}"] = np.arange(5).astype(dtype)
    group["bool"] = np.array([True, False])
    group["text"] = ["one", "two"]
    group["one text"] = "one"
    group.create_dataset("ascii", data=["a"], dtype=h5py.string_dtype("ascii"))
    group["fixed"] = np.array([b"abc", b"d"])
    group.create_dataset("fixed utf-8", data=[b"abc"], dtype=h5py.string_dtype("utf-8", 5))
    group.create_dataset("reference", data=[file["few"].ref], dtype=h5py.ref_dtype)
    group.create_dataset("region", data=[group["bool"].regionref[:1]], dtype=h5py.regionref_dtype)
    group.create_dataset("enum", data=[1, 2], dtype=h5py.enum_dtype({"A": 1, "B": 2}))
    group.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype("f4"))
    group.create_dataset("vectors", (4,), dtype=np.dtype(("<i2", (2, 3))))
    fields = [("start", "<i4"), ("count", "<i4"), ("text", h5py.string_dtype()), ("target", h5py.ref_dtype)]
    group.create_dataset("fields", (3,), dtype=np.dtype(fields))
    nested = np.dtype([("a", "<f8"), ("b", [("c", "<i2"), ("d", "S4")])])
    group.create_dataset("nested", (2,), dtype=nested)
    group.create_dataset("spaced", (2,), dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    group["named"] = np.dtype("<f4")
    group.create_dataset("of named", (3,), dtype=group["named"])
    group["of named"].attrs.create("of named", 2.0, dtype=group["named"])
    group.create_dataset("empty", data=h5py.Empty("i4"))


def _layouts(group: h5py.Group) -> None:
    values = np.arange(600, dtype="<i4").reshape(20, 30)
    group["contiguous"] = values
    group.create_dataset("never written", (10,), "f8")
    group.create_dataset("filled", (10,), "f4", fillvalue=2.5)
    group.create_dataset("one chunk", data=values, chunks=(20, 30))
    group.create_dataset("one filtered chunk", data=values, chunks=(20, 30), compression="gzip")
    group.create_dataset("chunks", data=values, chunks=(7, 11))
    group.create_dataset("gzip", data=values, chunks=(7, 11), compression="gzip", shuffle=True, fletcher32=True)
    group.create_dataset("growing", data=values, chunks=(7, 11), maxshape=(None, 30), compression="lzf")
    group.create_dataset("growing both ways", data=values, chunks=(7, 11), maxshape=(None, None))
    group.create_dataset("no rows", (0, 3), "i4", chunks=(4, 3), maxshape=(None, 3))
    group.create_dataset("scale", data=values, chunks=(7, 11), scaleoffset=4)
    group.create_dataset("scalar", data=3.0)
    space, properties = h5py.h5s.create_simple((4,)), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    compact = h5py.h5d.create(group.id, b"compact", h5py.h5t.STD_I32LE, space, properties)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype="i4"))
    layout = h5py.VirtualLayout((20, 30), "i4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (20, 30))
    group.create_virtual_dataset("virtual", layout)
    group.create_dataset("external", (4,), "i4", external=[("other.bin", 0, 16)])
