"""Which HTTP client reads ranges fastest: ours (requests in threads), aiohttp, httpx, obstore; the same 16 at once.

``.venv-bench/bin/python benchmarks/clients.py``: behind ``server.py``, with and without 50 ms and 50 MB/s. Each run is
a process of its own, in turn; its time begins when its client is imported, and ends when all bytes are in one buffer,
which is hashed afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import stock

SIZE = 160_000_000
AT_ONCE = 16
"""Requests at once, of every client: what ``neurodata4ml.data.remote.lanes`` allows."""

COURSES = {
    "160 MB, ranges of 4 MB": [(start, min(start + 4_000_000, SIZE)) for start in range(0, SIZE, 4_000_000)],
    "100 ranges of 160 kB": [(start, start + 160_000) for start in range(0, SIZE, 1_600_000)],
    "1,000 ranges of 8 kB": [(start, start + 8_000) for start in range(0, SIZE, 160_000)],
}
LINES = {"50 ms, 50 MB/s": ("--latency", "0.05", "--rate", "50"), "no limit": ()}

Spans = list[tuple[int, int]]
Read = Callable[[str, Spans, memoryview], None]


def ours(url: str) -> Read:
    """Read as the package does: checked connections of ``requests`` in threads; without the block cache."""
    os.environ["NEURODATA4ML_BLOCK_CACHE_BYTES"] = "0"
    from neurodata4ml.data.remote import lanes, versioned
    from neurodata4ml.data.remote.addresses import Reach, origin

    file = versioned.Versioned([url], what="a file", size=0, etag="", reach=Reach(named=(origin(url),)))

    def read(url: str, spans: Spans, buffer: memoryview) -> None:
        for answer in [lanes.ask(url, file.fill, start, buffer[start:stop]) for start, stop in spans]:
            answer.result()

    return read


def requests_in_threads(url: str) -> Read:
    """Read with ``requests`` as it is, in a pool of threads."""
    import requests

    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=AT_ONCE))

    def get(url: str, start: int, stop: int, buffer: memoryview) -> None:
        with session.get(url, headers={"Range": f"bytes={start}-{stop - 1}"}, stream=True) as answer:
            while start < stop:
                start += answer.raw.readinto(buffer[start : min(stop, start + (1 << 16))])

    def read(url: str, spans: Spans, buffer: memoryview) -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda span: get(url, *span, buffer), spans))

    return read


def with_aiohttp(url: str) -> Read:
    """Read with ``aiohttp`` in one thread."""
    import aiohttp

    async def several(url: str, spans: Spans, buffer: memoryview) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def get(start: int, stop: int) -> None:
                async with session.get(url, headers={"Range": f"bytes={start}-{stop - 1}"}) as answer:
                    async for piece in answer.content.iter_any():
                        buffer[start : start + len(piece)] = piece
                        start += len(piece)

            await asyncio.gather(*(get(*span) for span in spans))

    return lambda *given: asyncio.run(several(*given))


def with_httpx(url: str) -> Read:
    """Read with ``httpx`` in one thread."""
    import httpx

    async def several(url: str, spans: Spans, buffer: memoryview) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(limits=limits, timeout=60) as session:

            async def get(start: int, stop: int) -> None:
                async with session.stream("GET", url, headers={"Range": f"bytes={start}-{stop - 1}"}) as answer:
                    async for piece in answer.aiter_raw():
                        buffer[start : start + len(piece)] = piece
                        start += len(piece)

            await asyncio.gather(*(get(*span) for span in spans))

    return lambda *given: asyncio.run(several(*given))


def with_obstore(url: str) -> Read:
    """Read with ``obstore``: object_store and reqwest, in Rust; its threads are its own, 16 of ours wait for them."""
    import obstore
    from obstore.store import HTTPStore

    parts = urlsplit(url)
    store = HTTPStore(f"{parts.scheme}://{parts.netloc}", client_options={"allow_http": True})

    def read(url: str, spans: Spans, buffer: memoryview) -> None:
        def get(span: tuple[int, int]) -> None:
            buffer[slice(*span)] = memoryview(obstore.get_range(store, parts.path, start=span[0], end=span[1]))

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(get, spans))

    return read


CLIENTS = {
    "ours": ours,
    "requests": requests_in_threads,
    "aiohttp": with_aiohttp,
    "httpx": with_httpx,
    "obstore": with_obstore,
}


def run_one(name: str, course: str, url: str) -> None:
    """Print what one run took: seconds, seconds of processor, seconds of import; and the digest of what it read."""
    begun = time.perf_counter()
    read = CLIENTS[name](url)
    imported = time.perf_counter() - begun
    buffer = memoryview(bytearray(SIZE))
    before, begun = time.process_time(), time.perf_counter()
    read(url, COURSES[course], buffer)
    took = {"seconds": time.perf_counter() - begun, "processor": time.process_time() - before, "import": imported}
    print(json.dumps({**took, "digest": digest(buffer, COURSES[course])}))


def digest(content: memoryview, spans: Spans) -> str:
    """Return the digest of all spans."""
    its = hashlib.sha256()
    for start, stop in spans:
        its.update(content[start:stop])
    return its.hexdigest()


def compare(line: str, n_runs: int, folder: Path) -> None:
    """Print a table for each course: medians of the runs, and how much longer each took than we did."""
    here = Path(__file__).parent
    serve = [sys.executable, str(here / "server.py"), str(folder), *LINES[line]]
    with subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        blob = next((folder / "blobs").iterdir())
        url = f"{server.stdout.readline().strip()}/blobs/{blob.name[:3]}/{blob.name[3:6]}/{blob.name}"
        for course, spans in COURSES.items():
            right = digest(memoryview(blob.read_bytes()), spans)
            took: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
            for number in range(n_runs):
                for name in (*list(CLIENTS)[number:], *list(CLIENTS)[:number]):
                    command = [sys.executable, __file__, "--one", name, course, url]
                    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                    if told.pop("digest") != right:
                        message = f"{name} read wrong bytes: {course}"
                        raise SystemExit(message)
                    took[name].append(told)
            print(f"\n{course}; {line}\n  {'client':<10}{'s':>8}{'of ours':>9}{'cpu s':>8}{'import s':>10}")
            of = {name: {key: median(run[key] for run in runs) for key in runs[0]} for name, runs in took.items()}
            for name, its in of.items():
                ratio = its["seconds"] / of["ours"]["seconds"]
                print(f"  {name:<10}{its['seconds']:>8.3f}{ratio:>8.2f}x{its['processor']:>8.3f}{its['import']:>10.2f}")
        server.terminate()


def main() -> None:
    """Compare the clients, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--runs", type=int, default=3, help="of each client")
    parser.add_argument("--one", nargs=3, metavar=("CLIENT", "COURSE", "URL"), help="be this client, once")
    given = parser.parse_args()
    if given.one:
        run_one(*given.one)
        return
    with tempfile.TemporaryDirectory() as folder:
        stock.fill(Path(folder) / "archive", {"a.nwb": SIZE})
        for line in LINES:
            compare(line, given.runs, Path(folder) / "archive")


if __name__ == "__main__":
    main()
