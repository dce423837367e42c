"""How many cores this process may use."""

from __future__ import annotations

import os


def n_cores() -> int:
    """Return how many cores this process may use, which in a container are fewer than the machine has.

    ``NEURODATA4ML_CORES`` says so too: processes that share a machine are each given a part of it.
    """
    named = os.environ.get("NEURODATA4ML_CORES", "")
    if named.isdigit() and int(named):
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
