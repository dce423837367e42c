"""What numbers were made with, besides code and data: packages, Python, BLAS, processor, state of the repository."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from neurodata4ml.places import PACKAGE as HOME
from neurodata4ml.places import catalog_folder

PACKAGE = "neurodata4ml"
CODE = "code of neurodata4ml"
"""Its digest, which in a checkout changes under the same version."""
NO_PART = ("dev", "bench", "notebooks")
"""Extras that no number is made with."""
PATIENCE = 5.0
"""Seconds that git may take to say which commit this is."""


@dataclass(frozen=True)
class Environment:
    """The machine and its software, as far as a number can depend on them.

    Attributes
    ----------
    python, platform : str
        Version and implementation; operating system and kind of processor.
    packages : dict of str to str
        The version of each package that neurodata4ml's requirements reach, and of those of its extras that are here.
    blas : str
        Each library of linear algebra that numpy and scipy use: name, version, and its kernel for this processor.
    threads : int
        That it may use by itself; studies let it use one.
    cpu : tuple of str
        Instruction sets that numpy found.
    commit : str
        Of the git repository that holds the working folder; empty where there is none.
    dirty : bool
        Whether files there differ from that commit.
    code : str
        Digest of this package's own files.
    """

    python: str
    platform: str
    packages: dict[str, str] = field(default_factory=dict)
    blas: str = ""
    threads: int = 0
    cpu: tuple[str, ...] = ()
    commit: str = ""
    dirty: bool = False
    code: str = ""

    def machine(self) -> dict[str, str]:
        """Return what is no package, by name."""
        own = {CODE: self.code, "Python": self.python, "platform": self.platform, "BLAS": self.blas}
        own["processor"] = " ".join(self.cpu)
        return {name: value for name, value in own.items() if value}

    def words(self) -> dict[str, str]:
        """Return all that a number can depend on as a description by name, to be set beside another."""
        return {**self.packages, **self.machine()}


def environment() -> Environment:
    """Return what is installed and at work here, now. Nothing that cannot be told is an error."""
    commit, dirty = _git()
    blas, threads = _blas()
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.machine()}",
        packages=dict(_packages()),
        blas=blas,
        threads=threads,
        cpu=_cpu(),
        commit=commit,
        dirty=dirty,
        code=code(),
    )


@lru_cache(maxsize=1)
def code() -> str:
    """Return the digest of this package's own files, page, style sheet and catalog among them, however lines end."""
    digest = hashlib.sha256()
    catalog = catalog_folder()  # in a checkout it lies elsewhere
    files = {path.relative_to(HOME).as_posix(): path for path in HOME.rglob("*") if path.is_file()}
    files |= {f"catalog/{path.relative_to(catalog).as_posix()}": path for path in catalog.rglob("*") if path.is_file()}
    for name, path in sorted(files.items()):
        if "__pycache__" not in name:
            digest.update(name.encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _packages() -> tuple[tuple[str, str], ...]:
    """Return name and version of each distribution that the requirements reach, in alphabetical order."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    waiting = [(PACKAGE, extra) for extra in ("", *_extras())]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        try:
            its = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed
        found[name] = its.version
        for line in its.requires or ():
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(wanted.name), one) for one in ("", *wanted.extras)]
    return tuple(sorted(found.items()))


def _extras() -> list[str]:
    try:
        named = metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []
    return [name for name in named if name not in NO_PART]


def _blas() -> tuple[str, int]:
    """Return the libraries that numpy and scipy compute with, and their threads; torch may bring another."""
    from threadpoolctl import threadpool_info

    import_module("numpy.linalg")
    import_module("scipy.linalg")
    found = [one for one in threadpool_info() if one["user_api"] == "blas" and _is_of_numpy(str(one["filepath"]))]
    words: list[tuple[Any, ...]] = [tuple(map(one.get, ("internal_api", "version", "architecture"))) for one in found]
    words = words or [_as_built()]
    told = sorted({" ".join(str(word) for word in its if word) for its in words})
    return ", ".join(told), max((int(one["num_threads"]) for one in found), default=0)


def _as_built() -> tuple[str, ...]:
    """Return what numpy was built with, where it is a library that cannot be asked, as Apple's."""
    built = import_module("numpy").show_config(mode="dicts")["Build Dependencies"].get("blas", {})
    return tuple(str(built[name]) for name in ("name", "version") if built.get(name))


def _is_of_numpy(path: str) -> bool:
    _, inside, within = path.replace(os.sep, "/").rpartition("/site-packages/")
    return not inside or within.startswith(("numpy", "scipy", "mkl"))


def _cpu() -> tuple[str, ...]:
    try:  # public only as text that numpy.show_runtime prints
        features = import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):
        return ()
    return tuple(sorted(name for name, has in features.items() if has))


def _git() -> tuple[str, bool]:
    """Return the commit of the working folder's repository, and whether files differ; ``("", False)`` without one."""
    commit = _asked("rev-parse", "--verify", "HEAD")
    return commit, bool(commit and _asked("status", "--porcelain", "--untracked-files=no"))


def _asked(*words: str) -> str:
    # git neither runs a program that the repository names, nor writes into it
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, cwd=Path.cwd(), check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
