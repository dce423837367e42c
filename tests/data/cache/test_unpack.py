"""A session that is a member of an archive: taken out alone, and only where no member is hostile."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plain
from archive import Archive
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import inflate, store, unpack
from neurodata4ml.errors import CatalogError, ChecksumError, DiskError
from test_names import HOSTILE

CONTENT = np.random.default_rng(0).bytes(200_000)
MEMBERS = {"README.txt": b"hello", "data/sub-1.nwb": CONTENT, "data/sub-2.nwb": CONTENT[::-1]}


def zipped(members: dict[str, bytes], **_: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            info = zipfile.ZipInfo("x")
            info.filename = name  # as it is: the constructor would tidy up
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, content)
    return file.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as packed:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return file.getvalue()


PACKERS: dict[str, Callable[..., bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda members: tarred(members, "w:gz"),
    "tar.bz2": lambda members: tarred(members, "w:bz2"),
    "tar.xz": lambda members: tarred(members, "w:xz"),
}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        yield archive


def take(path: Path, content: bytes, name: str = "data/sub-1.nwb") -> bytes:
    """Return the member of an archive with these bytes."""
    path.write_bytes(content)
    with unpack.member(path, name) as (size, source):
        target = io.BytesIO()
        target.fileno = lambda: file.fileno()  # type: ignore[method-assign]
        with open(path, "rb") as file:
            assert unpack.copy(source, target, size, "it")["size"] == size
    return target.getvalue()


@pytest.mark.parametrize("kind", PACKERS)
def test_a_session_is_taken_out_of_its_archive_which_is_moved_once(kind: str, archive: Archive, tmp_path: Path) -> None:
    packed = PACKERS[kind](MEMBERS)
    sessions = {"1": {"member": "data/sub-1.nwb"}, "2": {"member": "data/sub-2.nwb"}}
    final = plain.pin(archive, tmp_path / "catalog", packed, sessions, path=f"all.{kind}")
    assert fetch(plain.NAME) == final == tmp_path / f"cache/plain/1/all.{kind}.members/data/sub-1.nwb"
    assert final.read_bytes() == CONTENT
    assert fetch(plain.NAME, "2").read_bytes() == CONTENT[::-1]
    assert len(archive.downloads()) == 1
    assert fetch(plain.NAME) == store.cached(describe(plain.NAME)) == final
    its = store.receipt(final)
    assert its["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert its["archive"]["sha256"] == hashlib.sha256(packed).hexdigest()
    assert its["note"] == "pinned in the catalog"
    there = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file() and ".lock" not in path.name]
    assert sorted(there) == sorted(
        [
            "CACHEDIR.TAG",
            *(
                f"{name}{receipt}"
                for name in (f"all.{kind}", "sub-1.nwb", "sub-2.nwb")
                for receipt in ("", ".verified.json")
            ),
        ]
    ), "README.txt is not taken out"


def test_another_archive_makes_its_members_strangers(archive: Archive, tmp_path: Path) -> None:
    sessions = {"1": {"member": "data/sub-1.nwb"}}
    plain.pin(archive, tmp_path / "catalog", zipped(MEMBERS), sessions, path="all.zip")
    fetch(plain.NAME)
    corrected = zipped({**MEMBERS, "data/sub-1.nwb": b"corrected"})
    plain.pin(archive, tmp_path / "catalog", corrected, sessions, path="all.zip")
    assert store.cached(describe(plain.NAME)) is None
    assert fetch(plain.NAME).read_bytes() == b"corrected"


def test_an_archive_on_this_machine_is_used_in_place(tmp_path: Path, archive: Archive) -> None:
    sessions = {"1": {"member": "data/sub-1.nwb"}}
    plain.pin(archive, tmp_path / "catalog", zipped(MEMBERS), sessions, path="all.zip")
    toml = tmp_path / "catalog" / "plain.toml"
    toml.write_text(toml.read_text().replace('archive = "http"', 'archive = "local"'))
    (tmp_path / "catalog" / "all.zip").write_bytes(zipped(MEMBERS))
    assert fetch(plain.NAME).read_bytes() == CONTENT
    assert not archive.log


@pytest.mark.parametrize(
    ("kind", "name"),
    [("zip", name) for name in HOSTILE if name not in ("a/", "./a", "", "\ud800")]  # harmless, or not to be written
    + [("tar", name) for name in HOSTILE if name not in ("a/", "./a", "", "\ud800", ".") and "\0" not in name],
)
def test_one_hostile_name_refuses_the_whole_archive(kind: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"^all is refused because of its member .*Nothing was taken out.$"):
        take(tmp_path / "all", PACKERS[kind]({**MEMBERS, name: b"x"}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["a.nwb", "A.NWB"], "where case does not count, 'a.nwb' is the same name"),
        (["a.nwb", "a.nwb"], "'a.nwb' is the same name"),
        (["straße", "STRASSE"], "'straße' is the same name"),
        (["a", "a/b"], "'a' is a file, and it would lie inside"),
        (["a/b", "a"], "'a' is the same name"),
    ],
)
def test_names_that_would_be_one_file_refuse_the_archive(
    kind: str, names: list[str], fault: str, tmp_path: Path
) -> None:
    class Twice(dict[str, bytes]):
        def items(self) -> Any:
            return [*MEMBERS.items(), *((name, b"x") for name in names)]

    with pytest.raises(CatalogError, match=fault):
        take(tmp_path / "all", PACKERS[kind](Twice()))


def test_links_and_devices_in_a_tar_refuse_it(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S"):
        file = io.BytesIO(tarred(MEMBERS))
        with tarfile.open(fileobj=file, mode="a:") as packed:
            info = tarfile.TarInfo("harmless")
            info.type, info.linkname = kind, "README.txt"
            packed.addfile(info)
        with pytest.raises(CatalogError, match="'harmless': it is neither a plain file nor a folder, but a link or"):
            take(tmp_path / "all", file.getvalue())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"external_attr": (stat.S_IFLNK | 0o777) << 16}, "neither a file nor a folder, but a link or a device"),
        ({"external_attr": (stat.S_IFCHR | 0o666) << 16}, "neither a file nor a folder, but a link or a device"),
        ({"flag_bits": 1}, "it is encrypted"),
        ({"compress_type": zipfile.ZIP_BZIP2}, r"its compression \(number 12\) is not read; deflate is"),
    ],
)
def test_links_secrets_and_strange_compressions_in_a_zip_refuse_it(
    change: dict[str, int], fault: str, tmp_path: Path
) -> None:
    file = io.BytesIO(zipped(MEMBERS))
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("harmless", b"README.txt")
        for name, value in change.items():
            setattr(packed.getinfo("harmless"), name, value)
    with pytest.raises(CatalogError, match=f"'harmless': .*{fault}"):
        take(tmp_path / "all", file.getvalue())


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_refused_before_it_goes_off(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "HARMLESS", 1 << 20)
    bomb = PACKERS[kind]({"data/sub-1.nwb": bytes(20 << 20)})
    assert len(bomb) < (20 << 20) / 200
    with pytest.raises(CatalogError, match=r"all is refused.* would come out|more would come out"):
        take(tmp_path / "all", bomb)


def test_a_header_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    """The extended header of a tar is read as a whole, however large it says it is."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 32 << 20
    content = header.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20)
    with pytest.raises(CatalogError, match=r"all is refused: more would come out than .*, or too much at once"):
        take(tmp_path / "all", gzip.compress(content))


def test_what_is_no_archive_lacks_the_member_or_is_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"all is no zip or tar archive that can be read .* Correct the entry"):
        take(tmp_path / "all", CONTENT)
    with pytest.raises(CatalogError, match=r"no member 'sub-1.nwb'; its first are: README.txt, data/sub-1.nwb"):
        take(tmp_path / "all", zipped(MEMBERS), "sub-1.nwb")
    with pytest.raises(CatalogError, match=r"no member 'DATA/sub-1.nwb'"):
        take(tmp_path / "all", zipped(MEMBERS), "DATA/sub-1.nwb")
    broken = bytearray(zipped(MEMBERS))
    broken[len(MEMBERS["README.txt"]) + 500] ^= 1
    with pytest.raises(ChecksumError, match="all is damaged"):
        take(tmp_path / "all", bytes(broken))
    with pytest.raises(ChecksumError, match="all is damaged"):
        take(tmp_path / "all", PACKERS["tar.gz"](MEMBERS)[:-30_000], "data/sub-2.nwb")


@pytest.mark.parametrize("kind", PACKERS)
def test_whatever_bytes_are_wrong_the_member_is_right_or_an_error_says_so(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small = {"data/é.nwb": b"spikes" * 50, "data/sub-1.nwb": rng.bytes(300)}
    whole = PACKERS[kind](small)
    for _ in range(200):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), rng.integers(1, 4)):
            content[at] = rng.integers(0, 256)
        with contextlib.suppress(CatalogError, ChecksumError):
            assert take(tmp_path / "all", bytes(content)) == small["data/sub-1.nwb"] or kind.startswith("tar")


@pytest.mark.parametrize(
    ("at", "value", "kind"),
    [
        (6, 99, CatalogError),  # the version of zip that is needed
        (8, 1 << 5, CatalogError),  # a patch of another file
        (8, 1 << 6, CatalogError),  # strong encryption
        (46, 0xFF, CatalogError),  # a name that is not UTF-8
        (45, 0x7F, ChecksumError),  # where the member begins: nowhere
    ],
)
def test_a_zip_from_the_future_or_with_a_wrong_header_is_said(
    at: int, value: int, kind: type[Exception], tmp_path: Path
) -> None:
    content = bytearray(zipped({"data/sub-1.nwb": CONTENT, "é.nwb": b""}))
    central = content.index(b"PK\1\2")
    if at == 46:
        central = content.index(b"PK\1\2", central + 1)
    content[central + at] = value
    if at == 8:  # the same flags stand before the bytes
        content[6] = value
    with pytest.raises(kind, match=r"all is (no zip or tar archive that can be read|damaged|refused)"):
        take(tmp_path / "all", bytes(content))


def test_a_member_shorter_than_declared_is_not_kept() -> None:
    with pytest.raises(ChecksumError, match="it has 3 bytes where its archive declares 4; nothing was kept of it"):
        unpack.copy(io.BytesIO(b"abc"), io.BytesIO(), 4, "it")
    with pytest.raises(ChecksumError, match="it has 3 bytes where its archive declares 2"):
        unpack.copy(io.BytesIO(b"abc"), io.BytesIO(), 2, "it")


def test_a_leading_dot_is_how_tar_spells_its_own_folder(tmp_path: Path) -> None:
    assert take(tmp_path / "all", tarred({f"./{name}": content for name, content in MEMBERS.items()})) == CONTENT


def test_a_hostile_archive_leaves_no_member_and_its_room_is_asked_for(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = {"1": {"member": "data/sub-1.nwb"}}
    final = plain.pin(archive, tmp_path / "catalog", zipped({**MEMBERS, "../x": b""}), sessions, path="all.zip")
    with pytest.raises(CatalogError, match=r"all.zip is refused because of its member '../x'"):
        fetch(plain.NAME)
    assert list(final.parent.iterdir()) == []
    (tmp_path / "cache" / "plain" / "1" / "all.zip").unlink()
    packed = zipped(MEMBERS)
    plain.pin(archive, tmp_path / "catalog", packed, sessions, path="all.zip")
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", str(len(packed) + 50_000))
    with pytest.raises(DiskError, match="plain 1 needs 200,000 bytes more; the cache holds"):
        fetch(plain.NAME)
    assert list(final.parent.iterdir()) == []
