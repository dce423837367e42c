"""Why a number may have changed: what is otherwise than when the report was made, what matters most first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from neurodata4ml.record.environment import CODE

NUMERICAL = (
    "neurodata4ml",
    CODE,
    "numpy",
    "BLAS",
    "scipy",
    "scikit-learn",
    "numba",
    "llvmlite",
    "onnxruntime",
    "torch",
    "pandas",
    "xarray",
    "processor",
    "Python",
    "platform",
    "dask",
    "h5py",
    "numcodecs",
    "pynwb",
    "hdmf",
    "elephant",
    "tensorly",
    "cebra",
    "sparse",
)
"""What takes part in computing or reading a number, the likeliest cause of a deviation first."""


@dataclass(frozen=True)
class Reason:
    """One thing that is otherwise.

    Attributes
    ----------
    what : str
        ``"numpy"``, ``"BLAS"``, ``"data"``, ``"seed"``.
    then, now : str
        In the lock, and here; empty where absent.
    explains : bool
        Whether it takes part in the numbers at all: jinja2 does not.
    """

    what: str
    then: str
    now: str
    explains: bool

    def words(self, *, explaining: bool) -> str:
        """Return it as a line: ``numpy: 2.3.5 in the report, 2.4.6 here (newer); may explain a deviation``."""
        then, now = _numbers(self.then), _numbers(self.now)
        age = "" if not (then and now) or then == now else " (newer)" if now > then else " (older)"
        line = f"{self.what}: {self.then or 'none'} in the report, {self.now or 'none'} here{age}"
        if not explaining:
            return line
        return f"{line}; {'may explain a deviation' if self.explains else 'takes no part in the numbers'}"


def reasons_between(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[Reason, ...]:
    """Return what differs between two environments, each a version or a description by name.

    Parameters
    ----------
    then, now : mapping of str to str
        Of the lock, and of this machine.
    """
    apart = [name for name in dict.fromkeys([*then, *now]) if then.get(name, "") != now.get(name, "")]
    rank = {name: place for place, name in enumerate(NUMERICAL)}
    apart.sort(key=lambda name: (rank.get(name, len(rank)), name))
    return tuple(Reason(name, *_only(name, then.get(name, ""), now.get(name, "")), name in rank) for name in apart)


def _only(name: str, then: str, now: str) -> tuple[str, str]:
    """Return both descriptions; of a processor's dozens of instruction sets those that only one has."""
    if name != "processor":
        return then, now
    sides = then.split(), now.split()
    return " ".join(x for x in sides[0] if x not in sides[1]), " ".join(x for x in sides[1] if x not in sides[0])


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, so that they can be compared; nothing of what is no version."""
    return tuple(map(int, re.findall(r"\d+", version))) if re.match(r"\d+(\.\d+)+", version) else ()
