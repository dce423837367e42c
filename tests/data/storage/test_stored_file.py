"""A file is what its index says, wherever it is: links are followed, claims are checked, and little is moved."""

from __future__ import annotations

import pickle
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from archive import Archive, Stored
from neurodata4ml.data.remote import transport
from neurodata4ml.data.storage.file import StoredFile, open_stored
from neurodata4ml.data.storage.index import Dataset, Group
from neurodata4ml.data.storage.sources import behind
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.storage.sources.streamed import open_remote
from neurodata4ml.data.storage.values import claims, tables
from neurodata4ml.errors import LayoutError
from zarr_samples import unpacked_sample

N_UNITS, N_SPIKES = 100, 5000
TIMES = np.random.default_rng(0).uniform(0, 9000, N_UNITS * N_SPIKES).round(4)
WORDS = [f"stimulus {k % 118}" for k in range(3000)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of this test's own, and no waiting between two tries."""
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    yield tmp_path / "cache"
    behind.wait(60)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 4 MB with spikes in chunks and without, text, and links."""
    path = tmp_path_factory.mktemp("session") / "session.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("units/times", data=TIMES, chunks=(1000,), compression="gzip")
        file.create_dataset("units/plain", data=TIMES)
        file.create_dataset("units/words", data=WORDS, dtype=h5py.string_dtype())
        file.create_dataset("specifications/core/namespace", data="{}")
        file["same"] = file["units"]
        file["soft"], file["lost"] = h5py.SoftLink("/units"), h5py.SoftLink("/nowhere")
        file["chain"], file["units/up"] = h5py.SoftLink("soft/times"), h5py.SoftLink("/soft")
        file["circle"], file["outside"] = h5py.SoftLink("/circle"), h5py.ExternalLink("/etc/passwd", "/")
        for k in range(17):
            file[f"long{k}"] = h5py.SoftLink(f"/long{k + 1}")
        file["long17"] = h5py.SoftLink("/units")
        file.create_dataset("numbers", data=np.arange(3), track_times=False)
        file.attrs["to"] = file["units/times"].ref
    return path


def dataset(file: StoredFile, path: str) -> Dataset:
    found = file.find(path).object
    assert isinstance(found, Dataset)
    return found


def test_links_are_followed_to_where_things_really_are(session: Path) -> None:
    file = open_stored(LocalSource(session))
    for path in ("/units/times", "soft/times", "same/times", "chain", "soft/up/up/./times"):
        found = file.find(path)
        assert found.object is file.object(found.object.key)  # type: ignore[union-attr]
        assert file.path_of(found.object) == "/same/times"  # type: ignore[arg-type]
    assert file.find("soft/times").path == "/units/times"
    assert file.find("same/times").path == "/same/times"
    units = file.find("units").object
    assert isinstance(units, Group)
    assert file.find("times", units).path == "/same/times"
    assert file.find("/numbers", units).path == "/numbers"
    assert file.member(units, "times") is file.find("chain").object
    assert file.find("/").object is file.root
    assert file.path_of(file.root.attrs["to"]) == "/same/times"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("circle", "is a link that leads in a circle"),
        ("long0/times", "is a link that leads in a circle"),
        ("lost", "is a link to a place where nothing is"),
        ("soft/nothing", "is a link to a place where nothing is"),
        ("outside/x", "lies in another file, '/etc/passwd', and neurodata4ml reads one file at a time"),
    ],
)
def test_links_that_lead_nowhere_are_refused(session: Path, path: str, why: str) -> None:
    found = open_stored(LocalSource(session)).find(path)
    assert found.object is None
    assert found.refused is not None
    assert found.refused.why == why


def test_where_nothing_is_nothing_is_found(session: Path) -> None:
    file = open_stored(LocalSource(session))
    assert file.find("units/none") == file.find("numbers/none") == (None, None, "")
    assert file.path_of(5) == ""
    with pytest.raises(LayoutError, match="an object is not there"):
        file.object(5)


def test_what_was_left_out_is_read_when_somebody_looks(session: Path) -> None:
    file = open_stored(LocalSource(session))
    assert file.index.unread == ("/specifications",)
    namespace = dataset(file, "/specifications/core/namespace")
    assert file.text(namespace) == "{}"
    assert file.index.unread == ()
    assert open_stored(LocalSource(session)).path_of(namespace) == "/specifications/core/namespace"
    with pytest.raises(LayoutError, match="/numbers has 3 values where one text is due"):
        file.text(dataset(file, "numbers"))


def test_a_damaged_object_is_refused_alone(session: Path) -> None:
    file = open_stored(LocalSource(session))
    key = dataset(file, "numbers").key
    del file.index.objects[key]
    file.index.damaged[key] = "/numbers: it is odd"
    refused = file.find("numbers").refused
    assert refused is not None
    assert refused == ("cannot be read (/numbers: it is odd)", "The file is damaged: fetch it again.")
    with pytest.raises(LayoutError, match=r"an object cannot be read \(/numbers: it is odd\)\. The file is damaged"):
        file.object(key)


def test_a_pickled_file_is_a_reference_and_reads_the_same(session: Path) -> None:
    file = open_stored(LocalSource(session))
    times = file.bare(dataset(file, "units/times"))
    assert times.attrs == {}
    data = pickle.dumps((file, times))
    assert len(data) < 2000
    again, same = pickle.loads(data)
    np.testing.assert_array_equal(again.values(same, slice(7, 19)), TIMES[7:19])
    assert again._index is None
    assert again.token == file.token
    assert again.path_of(same) == "/same/times"


def test_threads_read_one_file_at_once(session: Path) -> None:
    file = StoredFile(LocalSource(session))
    wrong: list[int] = []

    def read(number: int) -> None:
        rows = slice(number * 999, number * 999 + 50_000)
        same = (file.values(dataset(file, "units/times"), rows) == TIMES[rows]).all()
        if not same or file.values(dataset(file, "units/words"), number) != WORDS[number]:
            wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_chunk_that_is_damaged_says_where(session: Path, tmp_path: Path) -> None:
    with h5py.File(session) as file:
        first = file["units/times"].id.get_chunk_info(3)
    data = bytearray(session.read_bytes())
    data[first.byte_offset + 100 : first.byte_offset + 110] = b"\xff" * 10
    (tmp_path / "damaged.h5").write_bytes(data)
    file = open_stored(LocalSource(tmp_path / "damaged.h5"))
    times = dataset(file, "units/times")
    np.testing.assert_array_equal(file.values(times, slice(0, 3000)), TIMES[:3000])
    with pytest.raises(
        LayoutError, match=r"damaged\.h5: /same/times cannot be read \(a chunk cannot be decoded: .*damaged: fetch"
    ):
        file.values(times)
    results = file.many([(times, None), (dataset(file, "numbers"), None)])
    assert isinstance(results[0], LayoutError)
    assert isinstance(results[1], np.ndarray)


def test_claims_beyond_the_file_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("never", (1 << 50,), "f8")
        file.create_dataset("chunks", (1 << 40,), "f8", chunks=(1000,))
        file.create_dataset("packed", (1 << 50,), "f8", chunks=(1000,), compression="gzip")
        file["packed"][:1000] = 1
        file.create_dataset("sparse", (1 << 24,), "f8", chunks=(1 << 12,), compression="gzip")
        file["sparse"][:5] = 1
    file = open_stored(LocalSource(tmp_path / "x.h5"))
    for path, why in (
        ("never", r"claims 9,007,199,254,740,992 bytes, and the file holds 0 of them"),
        ("chunks", r"claims 8,796,093,022,208 bytes, and the file holds 0 of them"),
        ("packed", r"claims 9,007,199,254,740,992 bytes, more than 1,032 times those of the whole file"),
    ):
        key = next(key for key, name in file.paths().items() if name == f"/{path}")
        refused = file.find(path).refused
        assert refused is not None
        with pytest.raises(LayoutError, match=f"/{path} {why}"):
            file.values(file.object(key))  # type: ignore[arg-type]
    sparse = dataset(file, "sparse")
    assert file.values(sparse, slice(3, 7)).tolist() == [1, 1, 0, 0]


def test_one_read_that_makes_much_of_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LARGEST_BLANK", 1 << 20)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(1 << 18), chunks=(1 << 15,), compression="gzip")
    file = open_stored(LocalSource(tmp_path / "x.h5"))
    assert not file.values(dataset(file, "x"), slice(0, 1 << 16)).any()
    with pytest.raises(LayoutError, match=r"bytes would become 2,097,152 in memory, .* read it in parts"):
        file.values(dataset(file, "x"))


def test_many_pointers_to_one_long_text_make_one_text(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=["y" * 100_000], dtype=h5py.string_dtype())
        place = file["x"].id.get_offset()
        file["pointers"] = np.zeros(16_000 // 16 * 16, "u1")
        target = file["pointers"].id.get_offset()
    data = bytearray((tmp_path / "x.h5").read_bytes())
    data[target : target + 16_000] = data[place : place + 16] * 1000
    (tmp_path / "x.h5").write_bytes(data)
    file = open_stored(LocalSource(tmp_path / "x.h5"))
    x, pointers = dataset(file, "x"), dataset(file, "pointers")
    forged = Dataset(pointers.key, (1000,), x.stored, pointers.layout)
    assert len({id(text) for text in file.values(forged)}) == 1


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        yield archive


@pytest.fixture
def stored(archive: Archive, session: Path) -> Stored:
    return archive.put("bucket/session.h5", session.read_bytes())


def test_with_an_index_one_unit_takes_its_chunks_and_nothing_else(archive: Archive, stored: Stored) -> None:
    source = open_remote(archive.url(stored))
    file = open_stored(source)
    n_before = source.requests
    assert n_before <= 8
    times = dataset(file, "units/times")
    file.values(times, slice(0, 400_000))
    behind.wait(60)
    second = open_remote(archive.url(stored))
    tables._remembered.clear()
    file = open_stored(second)
    assert second.confirm()
    assert second.requests <= 1
    n_requests, n_bytes = second.requests, second.moved
    rows = slice(470_300, 471_000)
    cost = file.cost(times, rows)
    assert (second.requests, second.moved) == (n_requests, n_bytes)
    np.testing.assert_array_equal(file.values(times, rows), TIMES[rows])
    assert second.requests - n_requests == cost.requests == 1
    assert second.moved - n_bytes == cost.bytes


def test_the_answer_that_the_file_is_the_same_brings_where_the_chunks_are(
    archive: Archive, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path))
    open_stored(open_remote(archive.url(stored)))
    behind.wait(60)
    shutil.rmtree(tmp_path / "blocks")  # the index is all that is known
    source = open_remote(archive.url(stored))
    file = open_stored(source)
    assert source.confirm()
    assert (source.requests, source.moved > 1_000) == (1, True)
    np.testing.assert_array_equal(
        file.values(dataset(file, "units/times"), slice(470_300, 471_000)), TIMES[470_300:471_000]
    )
    assert source.requests == 2
    assert file.values(dataset(file, "units/words")).tolist() == WORDS
    assert source.requests <= 6  # pointers, heaps, the rest of long ones; how the file writes addresses is known


def test_text_on_a_server_is_read_in_few_rounds(archive: Archive, stored: Stored) -> None:
    source = open_remote(archive.url(stored))
    file = open_stored(source)
    n_before = source.requests
    words = dataset(file, "units/words")
    file.cost(words)
    assert file.values(words).tolist() == WORDS
    assert source.requests - n_before <= 3
    assert file.cost(words).requests == 0


def test_small_datasets_are_read_together(archive: Archive, session: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for k in range(30):
            file.create_dataset(f"text{k}", data=f"value {k}", dtype=h5py.string_dtype())
            file.create_dataset(f"chunked{k}", data=[k, k], chunks=(1,), compression="gzip")
            file.create_dataset(f"gap{k}", data=np.random.default_rng(k).random(30_000))
    source = open_remote(archive.url(archive.put("many.h5", (tmp_path / "many.h5").read_bytes())))
    file = open_stored(source)
    begun = len(archive.log)
    names = [f"{kind}{k}" for k in range(30) for kind in ("text", "chunked")]
    values = file.many([(dataset(file, name), None) for name in names])
    assert [np.asarray(value).tolist() for value in values] == [
        expected for k in range(30) for expected in (f"value {k}", [k, k])
    ]
    one_by_one = 5 * len(names)
    assert len(archive.log) - begun < one_by_one / 3


def test_a_file_that_changed_is_read_anew(archive: Archive, stored: Stored, tmp_path: Path) -> None:
    open_stored(open_remote(archive.url(stored)))
    behind.wait(60)
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file["new"] = [1, 2]
    archive.change(stored, (tmp_path / "new.h5").read_bytes())
    source = open_remote(archive.url(stored))
    open_stored(source)  # does not wait for the answer
    assert not source.confirm()
    file = open_stored(source.anew())
    assert file.values(dataset(file, "new")).tolist() == [1, 2]


def test_a_zarr_store_is_read_like_the_file_that_it_was_made_of(tmp_path: Path) -> None:
    folder = unpacked_sample(tmp_path)
    store = open_stored(Folder(folder / "session.nwb.zarr"))
    file = open_stored(LocalSource(folder / "session.nwb"))
    assert len(pickle.dumps(store)) < 1000
    n_same = 0
    for key, path in file.paths().items():
        stored, other = file.object(key), store.find(path).object
        if not isinstance(stored, Dataset) or not isinstance(other, Dataset) or path.startswith("/specifications"):
            continue
        for select in (None, np.s_[..., 0:1], np.s_[0]) if stored.shape and stored.n_bytes else (None,):
            expected, values = file.values(stored, select), store.values(other, select)
            assert values.shape == expected.shape, path
            if stored.stored.kind == "reference":
                found = [store.path_of(to) for to in values.reshape(-1)]
                assert found == [file.path_of(to) for to in expected.reshape(-1)]
            elif expected.dtype.names is None:
                np.testing.assert_array_equal(values, expected)
            n_same += 1
    assert n_same > 20
    stored = dataset(store, "/units/spike_times")
    [together] = store.many([(stored, None)])
    np.testing.assert_array_equal(together, store.values(stored))
    assert store.cost(stored).bytes == 0


def test_a_root_that_is_a_dataset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file["x"] = 1
        root, other = (h5py.h5o.get_info(what.id).addr for what in (file, file["x"]))
    data = bytearray(path.read_bytes())
    at = data.find(root.to_bytes(8, "little"), 24)
    data[at : at + 8] = other.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(LayoutError, match=r"x\.h5: what should be the group that holds all others is a dataset"):
        StoredFile(LocalSource(path)).find("x")


@pytest.mark.parametrize("length", [0, 6])
def test_text_of_fewer_bytes_than_its_heap_holds_is_refused_as_by_h5py(tmp_path: Path, length: int) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=["seven b"], dtype=h5py.string_dtype())
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        at = file["x"].id.get_offset()
    assert data[at] == 7
    data[at] = length
    path.write_bytes(data)
    with h5py.File(path) as file, pytest.raises(OSError, match="object size does not match"):
        file["x"][()]
    stored = StoredFile(LocalSource(path))
    dataset = stored.find("x").object
    assert isinstance(dataset, Dataset)
    with pytest.raises(
        LayoutError, match=rf"a value of {length} bytes should lie in the heap at .*, which has 7 bytes there"
    ):
        stored.values(dataset)
