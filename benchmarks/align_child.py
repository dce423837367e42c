"""One contender in a process of its own: seconds of each count, memory beyond the recording, and what was counted.

python benchmarks/align_child.py FOLDER CONTENDER RUNS
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from align_ways import WAYS, Recording, dense


def main(arguments: Sequence[str]) -> None:
    """Count, and print as JSON what it took."""
    folder, name, runs = Path(arguments[0]), arguments[1], int(arguments[2])
    recording = Recording.load(folder)
    began = time.perf_counter()
    WAYS[name](recording.beginning())()
    first = time.perf_counter() - began
    count = WAYS[name](recording)
    before, seconds, counts = resident(), [], None
    for _ in range(runs):
        counts = None  # the memory of a run is given back before the next one
        began = time.perf_counter()
        counts = count()
        seconds.append(time.perf_counter() - began)
    beyond = most_resident() - before
    print(json.dumps({"seconds": seconds, "first": first, **told(counts, beyond)}))


def told(counts: Any, beyond: int) -> dict[str, Any]:
    """Say how large the result is and what it holds, where it is counts."""
    if not hasattr(counts, "nbytes"):
        return {}
    held = int(counts.nbytes)
    return {"held": held, "beyond": beyond, "digest": hashlib.sha256(dense(counts).data).hexdigest()}


def resident() -> int:
    """Return the bytes of memory that this process holds now."""
    return _status("VmRSS") or most_resident()


def most_resident() -> int:
    """Return the most bytes that this process ever held.

    Linux keeps `ru_maxrss` over `exec`: a child of a large process would begin with the peak of its parent.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status("VmHWM") or (peak if sys.platform == "darwin" else peak * 1024)


def _status(field: str) -> int:
    """Return a field of what Linux says of this process, in bytes; 0 elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    (line,) = [line for line in status.read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
