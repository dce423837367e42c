"""Sizes of files, as a person writes and reads them: ``500MB`` to bytes, bytes to ``1.74 GB``, about 3 min."""

from __future__ import annotations

import re

from neurodata4ml.errors import CatalogError

SPEED = 10e6
"""Bytes per second of an ordinary connection, for the estimate of a download's time."""

_STEPS = "kMGTP"


def parse_size(size: str | int) -> int:
    """Return how many bytes a size is: ``500MB``, ``1.5 GB``, ``2GiB`` (1024 each) or a plain number of bytes.

    Raises
    ------
    CatalogError
        When it cannot be read as a size.

    Examples
    --------
    >>> parse_size("1.5 GB"), parse_size("2KiB")
    (1500000000, 2048)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(?:([kmgtp])(i?))?b?", str(size).strip(), re.IGNORECASE)
    if match is None:
        message = f"{size!r} is not a size. Write bytes, or a number with its unit: 500MB, 1.5 GB, 2GiB."
        raise CatalogError(message)
    number, step, binary = match.groups()
    power = _STEPS.lower().index(step.lower()) + 1 if step else 0
    scale: int = (1024 if binary else 1000) ** power
    return round(float(number) * scale)


def readable_bytes(size: float) -> str:
    """Return a size as a reader wants it: ``1.74 GB`` for 1,736,516,600."""
    if not size:
        return "not known"
    for i, unit in reversed(list(enumerate(_STEPS, start=1))):
        if size >= 1000**i * 0.9995:  # 999,999 bytes are 1 MB and not 1e+03 kB
            return f"{size / 1000**i:.3g} {unit}B"
    return f"{size:.0f} byte{'s' * (size != 1)}"


def readable_time(size: float) -> str:
    """Return how long ``size`` bytes take at 10 MB/s."""
    seconds = size / SPEED
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.3g} h"


def size_and_time(size: float, archive: str, *, about: float = 0) -> str:
    """Return the size of a session, or else ``about`` which, and for how long it is downloaded at 10 MB/s."""
    if archive == "simulated":
        return "made on this machine on first use"
    if archive == "local" and not size:
        return "a file on this machine"
    if about and not size:
        return f"about {readable_bytes(about)} (an earlier upload), {readable_time(about)} at 10 MB/s"
    if not size:
        return "size known once the archive is asked"
    return f"{readable_bytes(size)}, {readable_time(size)} at 10 MB/s"
