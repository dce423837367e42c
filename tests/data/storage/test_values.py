"""Whatever h5py wrote, at whatever layout, is read as h5py reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurodata4ml.data.storage.file import StoredFile, open_stored
from neurodata4ml.data.storage.index import Dataset
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.errors import LayoutError

NUMBERS = [
    "<i1",
    "<u1",
    "<i2",
    ">i2",
    "<u2",
    "<i4",
    ">u4",
    "<i8",
    "<u8",
    ">i8",
    "<f2",
    ">f2",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
]
DTYPES = [*NUMBERS, "<c8", "<c16", ">c16", "?", "S3", "text", "fields"]
FIELDS = np.dtype([("start", ">i4"), ("weight", "f8"), ("pair", "f4", (2,)), ("ok", "?")])
PIPELINES: list[dict[str, Any]] = [
    {},
    {"compression": "gzip"},
    {"compression": "gzip", "shuffle": True},
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
    {"shuffle": True},
    {"fletcher32": True},
    {"compression": "lzf"},
]


def opened(path: Path) -> StoredFile:
    """Open a file on this disk."""
    return open_stored(LocalSource(path))


def dataset_of(file: StoredFile, path: str = "x") -> Dataset:
    """Return a dataset of the file."""
    found = file.find(path)
    assert isinstance(found.object, Dataset), found
    return found.object


def made(dtype: str, shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, Any]:
    """Return random values, and the dtype in which h5py is to store them."""
    rng = np.random.default_rng(seed)
    n = int(np.prod(shape))
    if dtype == "text":
        words = ["", "a", "grating", "Bär", "日本", "x" * 300]
        return np.array([words[k] for k in rng.integers(len(words), size=n)], dtype=object).reshape(shape), (
            h5py.string_dtype()
        )
    if dtype == "fields":
        values = np.zeros(n, FIELDS)
        for name in ("start", "weight", "ok"):
            values[name] = rng.integers(0, 2, n)
        values["pair"] = rng.normal(size=(n, 2))
        return values.reshape(shape), FIELDS
    if dtype == "S3":
        return rng.integers(97, 100, n).astype("S3").reshape(shape), "S3"
    return rng.integers(0, 2 if dtype == "?" else 100, n).astype(dtype).reshape(shape), np.dtype(dtype)


def part_of(values: Any, key: tuple[Any, ...]) -> np.ndarray:
    """Return values at a key, one axis after the other: numpy moves the axis of a vector that stands beside a place."""
    part, is_place = np.asarray(values), [isinstance(place, int) for place in key]
    for axis, places in enumerate(key):
        part = part[(*[slice(None)] * axis, [places] if is_place[axis] else places)]
    kept = [size for size, dropped in zip(part.shape, is_place + [False] * part.ndim, strict=False) if not dropped]
    return part.reshape(kept)


@st.composite
def layouts(draw: Any) -> dict[str, Any]:
    """Draw how a dataset is stored."""
    shape = tuple(draw(st.lists(st.integers(0, 13), max_size=3)))
    chunked = draw(st.booleans()) and shape != () and all(shape)
    settings: dict[str, Any] = {
        "shape": shape,
        "dtype": draw(st.sampled_from(DTYPES)),
        "seed": draw(st.integers(0, 99)),
    }
    if chunked:
        settings["chunks"] = tuple(draw(st.integers(1, size + 3)) for size in shape)
        unlimited = draw(st.booleans()) or any(a > b for a, b in zip(settings["chunks"], shape, strict=True))
        settings["maxshape"] = tuple(None if unlimited else size for size in shape)
        suitable = [steps for steps in PIPELINES if settings["dtype"] != "text" or "fletcher32" not in steps]
        settings |= draw(st.sampled_from(suitable))
    settings["libver"] = draw(st.sampled_from(["earliest", "v110", "latest"]))
    settings["userblock"] = draw(st.sampled_from([0, 0, 512, 1024]))
    return settings


@st.composite
def keys(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Draw a selection: of each axis a place or a slice, of at most one a vector."""
    key: list[Any] = []
    for size in shape:
        kind = draw(st.sampled_from(["all", "slice", "place"] if size else ["all", "slice"]))
        if kind == "all":
            key.append(slice(None))
        elif kind == "slice":
            start, stop = sorted((draw(st.integers(0, size)), draw(st.integers(0, size))))
            key.append(slice(start, stop, draw(st.integers(1, 4))))
        else:
            key.append(draw(st.integers(0, size - 1)))
    axes = [k for k, size in enumerate(shape) if size]
    if axes and draw(st.booleans()):
        axis = draw(st.sampled_from(axes))
        places = draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=8, unique=True))
        key[axis] = np.array(sorted(places))
    return tuple(key)


def write(path: Path, layout: dict[str, Any]) -> np.ndarray:
    """Write a file with one dataset, as drawn; return what h5py reads from it."""
    values, dtype = made(layout["dtype"], layout["shape"], layout["seed"])
    options = {k: v for k, v in layout.items() if k not in ("shape", "dtype", "seed", "libver", "userblock")}
    with h5py.File(path, "w", libver=layout["libver"], userblock_size=layout["userblock"]) as file:
        file.create_dataset("x", data=values, dtype=dtype, **options)
    with h5py.File(path) as file:
        stored = file["x"]
        if layout["dtype"] in ("text", "S3"):
            return np.asarray(stored.asstr(errors="replace")[()], dtype=object)
        return np.asarray(stored[()])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), layout=layouts())
def test_any_selection_of_any_layout_is_what_h5py_reads(tmp_path: Path, data: Any, layout: dict[str, Any]) -> None:
    path = tmp_path / "any.h5"
    expected = write(path, layout)
    file = opened(path)
    dataset = dataset_of(file)
    key = data.draw(keys(layout["shape"]))
    whole, part = file.values(dataset), file.values(dataset, key)
    np.testing.assert_array_equal(whole, expected)
    np.testing.assert_array_equal(part, part_of(expected, key))
    assert whole.dtype.isnative
    assert part.shape == part_of(expected, key).shape
    [together] = file.many([(dataset, None)])
    np.testing.assert_array_equal(together, expected)


def test_numbers_come_in_the_byte_order_of_this_machine(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = np.arange(5, dtype=">i4")
        file.create_dataset("chunked", data=np.arange(5, dtype=">i4"), chunks=(2,))
    file = opened(tmp_path / "x.h5")
    for path in ("x", "chunked"):
        values = file.values(dataset_of(file, path))
        assert values.dtype == np.dtype("=i4")
        assert values.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("padding", ["NULLTERM", "NULLPAD", "SPACEPAD"])
def test_what_fills_up_text_of_fixed_length_is_taken_away(tmp_path: Path, padding: str) -> None:
    texts = [b"ab", b"ab  ", b"  ab", b"a\0b", b"abcde", b"", b"caf\xc3"]
    raw = b"".join(text.ljust(5, b" " if padding == "SPACEPAD" else b"\0") for text in texts)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(5)
        kind.set_strpad(getattr(h5py.h5t, f"STR_{padding}"))
        space = h5py.h5s.create_simple((len(texts),))
        h5py.h5d.create(file.id, b"x", kind, space).write(h5py.h5s.ALL, h5py.h5s.ALL, np.frombuffer(raw, "S5"), kind)
    with h5py.File(tmp_path / "x.h5") as file:
        expected = file["x"].asstr(errors="replace")[...].tolist()
    file = opened(tmp_path / "x.h5")
    assert file.values(dataset_of(file)).tolist() == expected


def test_text_that_is_no_text_has_the_replacement_sign(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=[b"caf\xe9", b"ok"], dtype=h5py.string_dtype())
    file = opened(tmp_path / "x.h5")
    assert file.values(dataset_of(file)).tolist() == ["caf�", "ok"]


def test_references_are_followed_to_the_paths_of_their_objects(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as file:
        group = file.create_group("a/b")
        file.create_dataset("x", data=[group.ref, h5py.Reference(), file.ref], dtype=h5py.ref_dtype)
    file = opened(tmp_path / "x.h5")
    assert [file.path_of(reference) for reference in file.values(dataset_of(file))] == ["/a/b", "", "/"]


def test_ragged_numbers_are_arrays_of_their_own(tmp_path: Path) -> None:
    rows: list[list[int]] = [[1, 2, 3], [], [4]]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        ragged = file.create_dataset("x", (3,), dtype=h5py.vlen_dtype(np.dtype(">i2")))
        for k, row in enumerate(rows):
            ragged[k] = row
    file = opened(tmp_path / "x.h5")
    values = file.values(dataset_of(file))
    assert [row.tolist() for row in values] == rows
    assert values[0].dtype.isnative


def test_a_field_is_read_alone_whatever_it_is(tmp_path: Path) -> None:
    dtype = np.dtype([("n", ">i4"), ("name", h5py.string_dtype()), ("to", h5py.ref_dtype), ("pair", "f4", (2,))])
    with h5py.File(tmp_path / "x.h5", "w") as file:
        rows = file.create_dataset("x", (2,), dtype=dtype, chunks=(1,))
        rows[0] = (7, "a", file.ref, (1, 2))
        rows[1] = (8, "b", h5py.Reference(), (3, 4))
    file = opened(tmp_path / "x.h5")
    dataset = dataset_of(file)
    assert file.values(dataset, field="n").tolist() == [7, 8]
    assert file.values(dataset, 1, field="name").tolist() == "b"
    assert [file.path_of(to) for to in file.values(dataset, field="to")] == ["/", ""]
    assert file.values(dataset, field="pair").tolist() == [[1, 2], [3, 4]]
    whole = file.values(dataset)
    assert whole["name"].tolist() == ["a", "b"]
    assert whole["pair"].shape == (2, 2)
    assert file.dtype(dataset, "pair") == np.float32
    assert file.dtype(dataset, "name").hasobject


def test_chunks_that_nobody_wrote_hold_the_fill_value(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        stored = file.create_dataset("x", (10, 4), ">f4", chunks=(2, 3), fillvalue=-1.5, compression="gzip")
        stored[4:6, 1] = 7
        file.create_dataset("never", (5,), "i8", fillvalue=3)
        expected = stored[...]
    file = opened(tmp_path / "x.h5")
    np.testing.assert_array_equal(file.values(dataset_of(file)), expected)
    np.testing.assert_array_equal(file.values(dataset_of(file), (slice(None), 1)), expected[:, 1])
    assert file.values(dataset_of(file, "never")).tolist() == [3] * 5


def test_a_dataset_without_a_shape_has_no_values(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = h5py.Empty("f4")
    file = opened(tmp_path / "x.h5")
    assert file.values(dataset_of(file)).shape == (0,)


def test_runs_of_rows_come_end_to_end(tmp_path: Path) -> None:
    numbers = np.arange(1000)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["plain"] = numbers
        file.create_dataset("chunked", data=numbers, chunks=(7,), compression="gzip")
    file = opened(tmp_path / "x.h5")
    starts, stops = [3, 10, 400, 999], [10, 10, 523, 1000]
    expected = np.concatenate([numbers[a:b] for a, b in zip(starts, stops, strict=True)])
    for path in ("plain", "chunked"):
        np.testing.assert_array_equal(file.runs(dataset_of(file, path), starts, stops), expected)
    assert file.runs(dataset_of(file, "plain"), [5], [5]).shape == (0,)
    assert file.runs_cost(dataset_of(file, "plain"), starts, stops).bytes == 0


def test_values_that_no_array_holds_say_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = np.array([b"abc"], "V3")
    file = opened(tmp_path / "x.h5")
    with pytest.raises(LayoutError, match=r"/x cannot be read \(its values \(3 bytes each\) are neither numbers, text"):
        file.values(dataset_of(file))
