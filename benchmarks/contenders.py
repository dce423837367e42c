"""Who runs: for each contender the command that a user would type, started in a new process, its result checked."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from server import DANDISET, VERSION, Asset

OURS = "neurodata4ml"
JOBS = 8
"""Files at once, for every contender that can."""

BIN = Path(sys.executable).parent
"""Where the commands of this environment lie."""

POOCH = """
import pooch, sys
folder, *pairs = sys.argv[1:]
for name, (url, sha256) in enumerate(zip(pairs[::2], pairs[1::2])):
    pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=str(name), path=folder)
"""


class FailureError(Exception):
    """A contender that did not do what it was asked; the sentence says what."""


@dataclass(frozen=True)
class Errand:
    """What each contender is to do: bring ``assets`` from the archive at ``root`` into ``folder``.

    ``entry`` is the name under which the folder ``catalog`` pins the same assets.
    """

    root: str
    assets: Sequence[Asset]
    folder: Path
    entry: str
    catalog: Path

    @property
    def api(self) -> str:
        """Address of the DANDI interface."""
        return f"{self.root}/api"

    def url(self, asset: Asset) -> str:
        """Return where each contender begins: the address that redirects to the store."""
        return f"{self.api}/assets/{asset.asset_id}/download/"


def ours(errand: Errand) -> list[str]:
    """``neurodata4ml fetch``, with as many files at once as the others."""
    many = ["--all", "--jobs", str(JOBS)] if len(errand.assets) > 1 else []
    return [str(BIN / OURS), "fetch", errand.entry, *many]


def curl(errand: Errand) -> list[str]:
    """``curl``, which neither verifies nor syncs."""
    several = ["--parallel", "--parallel-max", str(JOBS)] if len(errand.assets) > 1 else []
    pairs = [("-o", str(errand.folder / asset.blob), errand.url(asset)) for asset in errand.assets]
    return ["curl", "-fsSL", *several, *(word for pair in pairs for word in pair)]


def curl_with(digest: str) -> Callable[[Errand], list[str]]:
    """``curl``, then a program that computes the sha256, then ``sync`` of the file."""

    def command(errand: Errand) -> list[str]:
        (asset,) = errand.assets
        line = f'curl -fsSL -o "$1" "$2" && {digest} "$1" && sync "$1"'
        return ["sh", "-c", line, "sh", str(errand.folder / asset.blob), errand.url(asset)]

    return command


def dandi(errand: Errand) -> list[str]:
    """``dandi download``, of one asset or of all that lie in the folder of the first."""
    api, first = errand.api, errand.assets[0]
    what = f"{api}/assets/{first.asset_id}/"
    if len(errand.assets) > 1:
        what = f"{api}/dandisets/{DANDISET}/versions/{VERSION}/assets/?path={first.path.partition('/')[0]}/"
    options = ["--jobs", str(JOBS), "--download", "assets", "--output-dir", str(errand.folder)]
    return [str(BIN / "dandi"), "download", *options, what]


def pooch(errand: Errand) -> list[str]:
    """``pooch.retrieve`` with the digest, one file after the other: it has no several at once."""
    pairs = [word for asset in errand.assets for word in (errand.url(asset), asset.sha256)]
    return [sys.executable, "-c", POOCH, str(errand.folder), *pairs]


COMMANDS: dict[str, Callable[[Errand], list[str]]] = {
    OURS: ours,
    "curl": curl,
    "curl+sha256sum+sync": curl_with("sha256sum"),
    "curl+openssl+sync": curl_with("openssl dgst -sha256"),
    "dandi": dandi,
    "pooch": pooch,
}
"""From the name of a contender to its command."""


def missing(name: str) -> str:
    """Return what a contender lacks on this machine, and where it comes from; empty where it can run."""
    for program in name.split("+"):
        if program == "pooch":
            there = importlib.util.find_spec("pooch") is not None
        else:
            there = shutil.which(program, path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}") is not None
        if not there:
            ours = program in (OURS, "dandi", "pooch")
            cure = "Type: make bench-setup" if ours else "Install it with the system's packages"
            return f"{program} is not on this machine. {cure}, or leave the contender out: --without {name}"
    return ""


def run(name: str, errand: Errand) -> float:
    """Let a contender do its errand in an empty folder; return its seconds, from the start of its process to the end.

    Raises
    ------
    FailureError
        When it fails, or a file is not there afterwards with the right digest (looked at outside the time).
    """
    command = COMMANDS[name](errand)
    environment = _environment(errand)
    shutil.rmtree(errand.folder, ignore_errors=True)
    errand.folder.mkdir(parents=True)
    os.sync()  # what was written before must not burden this run
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=errand.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        message = f"{name} ended with {done.returncode}: {' '.join(command)[:200]}\n{last}"
        raise FailureError(message)
    check(name, errand)
    shutil.rmtree(errand.folder)
    return seconds


def check(name: str, errand: Errand) -> None:
    """Raise unless every asset lies in the folder, whatever its name there, with its digest."""
    there = {_sha256(path) for path in errand.folder.rglob("*") if path.is_file()}
    lacking = [asset.path for asset in errand.assets if asset.sha256 not in there]
    if lacking:
        message = f"{name} ended well, but {len(lacking)} of {len(errand.assets)} files are wrong: {lacking[0]}, ..."
        raise FailureError(message)


def _environment(errand: Errand) -> dict[str, str]:
    """Return a user's environment without the settings, keys and caches of the one who runs the benchmark."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "HOME": str(errand.catalog.parent / "home"),  # dandi writes its logs there
        "NEURODATA4ML_CATALOG": str(errand.catalog),
        "NEURODATA4ML_CACHE": str(errand.folder / "cache"),
        "NEURODATA4ML_DANDI_API": errand.api,
        "DANDI_INSTANCE": errand.root,
        "DANDI_NO_ET": "1",
    }


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
