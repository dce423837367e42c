"""A recording's key as the name of a file: safe on every system, still readable, and never that of another key."""

from __future__ import annotations

import hashlib
import re

from neurodata4ml.names import RESERVED

SESSIONS = "sessions"
"""The folder, beside ``results.json``, with one file for each recording of many."""

NETWORKS = "networks"
"""What begins the key of a network that is a file: ``networks/0`` is the first of the study."""

_HEX = 16
"""Digits of its digest that tell a key apart whose letters a file's name cannot have."""


def stem_of(key: str) -> str:
    """Return the key where it is a name on every system, else one made from it.

    Two keys never have one name, whatever characters they hold, nor where case does not count.
    """
    plain = re.sub(r"[^a-z0-9_.-]", "_", key.lower())[:80].strip(".")
    is_ours = re.search(f"-[0-9a-f]{{{_HEX}}}$", plain)  # it could be what another key is made into
    if plain == key != "" and plain.split(".")[0] not in RESERVED and not is_ours:
        return plain
    plain = plain.replace(".", "_")  # what stands before a stop may be a device
    return f"{plain}-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:_HEX]}"


def file_name(key: str) -> str:
    """Return the name of the file, in ``sessions/``, that holds the results of a recording."""
    return f"{stem_of(key)}.json"
