"""Values whose chunks are files: those that a selection touches are asked for, and a claim takes no memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.index import Dataset, Group, Hard, Index, Keyed, Reference, Refused, Stored
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.values import keyed
from neurodata4ml.errors import LayoutError


class Files:
    """A store in memory that remembers what was asked of it."""

    name, folder, key, is_remote = "memory", "memory", "", True

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, list[str]()

    def read(self, name: str, at_most: int = 0) -> bytes | None:
        self.asked.append(name)
        return self.files.get(name)

    def read_many(self, names: Sequence[str], at_most: int = 0) -> Iterator[tuple[int, bytes | None]]:
        for place in reversed(range(len(names))):
            yield place, self.read(names[place])

    def folders(self, name: str) -> list[str] | None:
        return None

    def cost(self, names: Sequence[str], at_most: int) -> Cost:
        return Cost(len(names) * at_most, len(names))

    def close(self) -> None: ...


NUMBERS = np.arange(20 * 9, dtype=">i4").reshape(20, 9)
NUMBER = Stored("number", NUMBERS.dtype)


def opened(dataset: Dataset, files: dict[str, bytes]) -> tuple[StoredFile, Files]:
    store = Files(files)
    return StoredFile(store, Index("/", {"/": Group("/", {"x": Hard("/x")}, {}), "/x": dataset})), store


def chunks() -> dict[str, bytes]:
    """Store the numbers in chunks of (8, 4); those of the edge are filled up."""
    padded = np.zeros((24, 12), NUMBERS.dtype)
    padded[:20, :9] = NUMBERS
    return {f"x/{i}.{j}": padded[8 * i : 8 * i + 8, 4 * j : 4 * j + 4].tobytes() for i in range(3) for j in range(3)}


def test_only_the_files_that_a_selection_touches_are_asked_for() -> None:
    dataset = Dataset("/x", (20, 9), NUMBER, Keyed((8, 4), "x/", "."))
    file, store = opened(dataset, chunks())
    for key in (None, (slice(3, 18, 4), 2), (np.array([0, 9, 19]), slice(1, 8)), (5, 5), slice(4, 4)):
        expected = NUMBERS[key if key is not None else ...]
        values = file.values(dataset, key)
        assert values.dtype.isnative
        assert values.shape == expected.shape
        np.testing.assert_array_equal(values, expected)
    store.asked.clear()
    file.values(dataset, (slice(9, 12), slice(0, 4)))
    assert store.asked == ["x/1.0"]
    assert file.cost(dataset, (slice(9, 12), slice(0, 5))).requests == 2
    assert file.cost(dataset, slice(4, 4)) == (0, 0)


def test_a_file_that_is_not_there_holds_the_fill_value() -> None:
    files = chunks()
    del files["x/1.1"]
    dataset = Dataset("/x", (20, 9), NUMBER, Keyed((8, 4), "x/", "."), fill=b"\0\0\0\7")
    values = opened(dataset, files)[0].values(dataset)
    assert (values[8:16, 4:8] == 7).all()
    np.testing.assert_array_equal(values[:8], NUMBERS[:8])


def test_references_that_are_not_there_point_nowhere() -> None:
    dataset = Dataset("/x", (3,), Stored("reference", np.dtype(object)), Keyed((2,), "x/", "."))
    assert opened(dataset, {})[0].values(dataset).tolist() == [Reference(None)] * 3


def test_a_shape_that_is_only_a_claim_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset("/x", (1 << 60,), NUMBER, Keyed((8,), "x/", "."))
    file, _ = opened(dataset, {})
    assert file.values(dataset, slice(5, 7)).tolist() == [0, 0]
    with pytest.raises(LayoutError, match=r"it would take 144,115,188,075,855,872 files at once"):
        file.values(dataset)
    large = Dataset("/x", (1 << 60,), NUMBER, Keyed((1 << 50,), "x/", "."))
    with pytest.raises(LayoutError, match=r"its shape \(1152921504606846976,\) is more than the memory holds"):
        file.values(large)
    monkeypatch.setattr(keyed, "MOST_FILES", 5)
    with pytest.raises(LayoutError, match=r"it would take 13 files at once; 5 are read\. Read it in parts"):
        file.values(dataset, slice(0, 100))


def test_what_is_refused_and_what_is_damaged_is_said() -> None:
    refused = Dataset("/x", (3,), NUMBER, Refused("is far away", "Go there."))
    with pytest.raises(LayoutError, match=r"memory: /x is far away\. Go there\."):
        opened(refused, {})[0].values(refused)
    assert opened(refused, {})[0].find("x").refused == refused.layout
    dataset = Dataset("/x", (20, 9), NUMBER, Keyed((8, 4), "x/", "."))
    file, _ = opened(dataset, chunks() | {"x/0.0": b"short"})
    with pytest.raises(LayoutError, match=r"memory: /x cannot be read \(.*a chunk cannot be"):
        file.values(dataset)
    results = file.many([(dataset, None)])
    assert isinstance(results[0], LayoutError)
