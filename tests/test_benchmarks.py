"""What the benchmark rests on: the server's bytes, the arithmetic of ratios, contenders that fail. No timing counts."""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from clocks import own_time
from conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the benchmark's server needs sendfile")

sys.path.append(str(ROOT / "benchmarks"))
contenders, fetch, server, stock, verdict = (
    importlib.import_module(name) for name in ("contenders", "fetch", "server", "stock", "verdict")
)

SIZES = {f"{folder}/{name}.nwb": size for folder in ("few", "more") for name, size in {"a": 1000, "b": 300_000}.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="module")
def assets(folder: Path) -> dict[str, Any]:
    return stock.fill(folder / "archive", SIZES)


@pytest.fixture(scope="module")
def root(folder: Path, assets: dict[str, Any]) -> Iterator[str]:
    with fetch.serving(folder / "archive", fetch.Course("few", 0, 0, ())) as address:
        yield address


@pytest.fixture
def large(assets: dict[str, Any], folder: Path) -> tuple[Any, bytes]:
    asset = assets["few/b.nwb"]
    return asset, (folder / "archive" / "blobs" / asset.blob).read_bytes()


def ask(root: str, asset: Any, **headers: str) -> requests.Response:
    return requests.get(f"{root}/api/assets/{asset.asset_id}/download/", headers=headers, timeout=10)


def test_the_same_path_and_size_are_the_same_bytes(tmp_path: Path, assets: dict[str, Any]) -> None:
    assert stock.fill(tmp_path / "again", SIZES) == assets
    assert len({asset.sha256 for asset in assets.values()}) == len(SIZES)


def test_the_server_redirects_as_to_a_presigned_address_and_sends_the_whole_file(
    root: str, large: tuple[Any, bytes]
) -> None:
    asset, content = large
    answer = ask(root, asset)
    assert "X-Amz-Signature" in answer.url
    assert (answer.history[0].status_code, answer.status_code, answer.content) == (302, 200, content)
    assert hashlib.sha256(content).hexdigest() == asset.sha256
    assert answer.headers["ETag"] == f'"{hashlib.md5(hashlib.md5(content).digest()).hexdigest()}-1"'  # one part


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("1000-1999", 1000, 2000), ("299000-", 299_000, 300_000), ("-7", 299_993, 300_000)],
)
def test_a_range_is_these_bytes(root: str, large: tuple[Any, bytes], asked: str, start: int, stop: int) -> None:
    answer = ask(root, large[0], Range=f"bytes={asked}")
    assert (answer.status_code, answer.content) == (206, large[1][start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/300000"


def test_a_range_of_another_file_is_the_whole_and_one_behind_the_end_is_none(
    root: str, large: tuple[Any, bytes]
) -> None:
    answer = ask(root, large[0], **{"Range": "bytes=5-", "If-Range": '"of another file"'})
    assert (answer.status_code, answer.content) == (200, large[1])
    assert ask(root, large[0], Range="bytes=300000-").status_code == 416


def test_the_list_comes_in_pages_with_a_count_on_the_first_only(root: str) -> None:
    url = f"{root}/api/dandisets/{server.DANDISET}/versions/{server.VERSION}/assets/?path=more/&page_size=1"
    pages = []
    while url:
        pages.append(requests.get(url, timeout=10).json())
        url = pages[-1]["next"]
    assert [page["count"] for page in pages] == [2, None]
    assert [line["path"] for page in pages for line in page["results"]] == ["more/a.nwb", "more/b.nwb"]


def test_what_is_not_there_is_a_404(root: str) -> None:
    assert requests.get(f"{root}/api/assets/none/download/", timeout=10).status_code == 404


def test_a_limited_server_lets_out_its_rate_and_one_piece_after_a_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    own_time(monkeypatch, server, perf_counter=lambda: now)
    own_time(monkeypatch, server, sleep=sleep)
    bucket = server.Bucket(10.0 * server.PIECE)
    for _ in range(2):
        begun = now = now + 60
        for _ in range(50):
            bucket.take(server.PIECE)
        assert now - begun == pytest.approx(4.9)  # 50 pieces at 10 a second, the first at once


SECONDS = {"we": [2.0, 8.0, 4.0], "slow": [9.0, 12.0, 30.0], "fast": [3.0, 3.0, 1.0]}


def test_a_ratio_is_that_of_the_medians_and_we_stand_first() -> None:
    rows = verdict.compare(SECONDS, ours="we", n_bytes=12_000_000, wanted={"slow": 3.0, "fast": 0.75})
    assert [(row.contender, row.best, row.median, row.rate, row.ratio) for row in rows] == [
        ("we", 2.0, 4.0, 3.0, 1.0),
        ("fast", 1.0, 3.0, 4.0, 0.75),
        ("slow", 9.0, 12.0, 1.0, 3.0),
    ]
    assert verdict.exit_code(rows) == 0
    assert "MISSED" not in verdict.table("title", rows)


@pytest.mark.parametrize("wanted", [{"slow": 3.01}, {"fast": 0.76, "slow": 1.0}])
def test_a_missed_ratio_is_said_and_fails(wanted: dict[str, float]) -> None:
    rows = verdict.compare(SECONDS, ours="we", n_bytes=1, wanted=wanted)
    assert verdict.exit_code(rows) == 1
    assert verdict.table("title", rows).count("MISSED") == 1


def test_what_is_wanted_is_what_the_issue_wants() -> None:
    wanted = {(course.entry, bool(course.rate)): dict(course.wanted) for course in fetch.COURSES if course.decides}
    assert wanted[fetch.LARGE, True] == {"curl": 0.95}
    assert wanted[fetch.LARGE, False] == {"curl+sha256sum+sync": 0.8}
    assert wanted["small", False] == {"dandi": 3.0}


def errand(root: str, assets: list[Any], folder: Path) -> Any:
    (folder / "catalog").mkdir(exist_ok=True)
    stock.pin(folder / "catalog", "some", assets)
    return contenders.Errand(root, assets, folder / "run", "some", folder / "catalog")


@pytest.mark.parametrize("n_files", [1, 2])
def test_we_fetch_what_is_pinned_and_leave_nothing(
    root: str, assets: dict[str, Any], tmp_path: Path, n_files: int
) -> None:
    what = errand(root, list(assets.values())[:n_files], tmp_path)
    assert contenders.run(contenders.OURS, what) > 0
    assert not what.folder.exists()


def test_a_contender_that_leaves_wrong_bytes_is_refused(root: str, assets: dict[str, Any], tmp_path: Path) -> None:
    what = errand(root, [assets["few/a.nwb"]], tmp_path)
    what.folder.mkdir()
    (what.folder / "a.nwb").write_bytes(b"wrong")
    with pytest.raises(contenders.FailureError, match=r"dandi ended well, but 1 of 1 files are wrong: few/a\.nwb"):
        contenders.check("dandi", what)


def test_a_contender_that_fails_is_named_with_its_last_words(
    root: str, assets: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(contenders.COMMANDS, "dandi", lambda _: ["sh", "-c", "echo no such asset >&2; exit 3"])
    with pytest.raises(contenders.FailureError, match=r"dandi ended with 3: sh -c .*\n.*no such asset"):
        contenders.run("dandi", errand(root, [assets["few/a.nwb"]], tmp_path))


def test_a_missing_peer_is_said_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert fetch.main([]) == 1
    assert "curl is not on this machine. Install it with the system's packages" in capsys.readouterr().err
    assert "or leave the contender out: --without curl+openssl+sync" in contenders.missing("curl+openssl+sync")


def test_help_is_printed() -> None:
    script = ROOT / "benchmarks" / "fetch.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
    assert "--without" in done.stdout
