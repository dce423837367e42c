"""Paths within a file: links are followed here, one by one, and never into another file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from neurodata4ml.data.storage.index import Dataset, External, Group, Hard, Index, Key, Refused, Soft

MOST_LINKS = 16
"""Soft links that lead to one object; HDF5 itself gives up after as many."""

ASK = "Ask who made the file for a whole one."


class Found(NamedTuple):
    """What lies at a path: the object, or why it is refused; where it really is, once all links are followed."""

    object: Group | Dataset | None
    refused: Refused | None
    path: str


def follow(
    root: Group, start: tuple[Group, str], path: str, fetch: Callable[[Key, str], Group | Dataset | Refused]
) -> Found:
    """Return what lies at ``path``, seen from a group and its own path; ``fetch`` returns an object by key and path."""
    found: Group | Dataset
    found, trail = start
    if path.startswith("/"):
        found, trail = root, ""
    names, n_links = _names(path), 0
    while names:
        name = names.pop()
        link = found.links.get(name) if isinstance(found, Group) else None
        if isinstance(link, External):
            return Found(None, elsewhere(link.file), "")
        if isinstance(link, Soft):
            n_links += 1
            if n_links > MOST_LINKS:
                return Found(None, Refused("is a link that leads in a circle", ASK), "")
            if link.path.startswith("/"):
                found, trail = root, ""
            names += _names(link.path)
        elif link is None:
            return Found(None, Refused("is a link to a place where nothing is", ASK) if n_links else None, "")
        else:
            trail = f"{trail.rstrip('/')}/{name}"
            member = fetch(link.key, trail)
            if isinstance(member, Refused):
                return Found(None, member, "")
            found = member
    return Found(found, None, trail or "/")


def all_paths(index: Index) -> dict[Key, str]:
    """Return where each object is: the path with the fewest groups on the way, the first where there are several."""
    paths: dict[Key, str] = {index.root: "/"}
    waiting = deque([index.root])
    while waiting:
        key = waiting.popleft()
        group = index.objects.get(key)
        if not isinstance(group, Group):
            continue
        above = paths[key].rstrip("/")
        for name, link in group.links.items():
            if isinstance(link, Hard) and link.key not in paths:
                paths[link.key] = f"{above}/{name}"
                waiting.append(link.key)
    return paths


def elsewhere(filename: str) -> Refused:
    """Return why what lies in another file is not read."""
    return Refused(
        f"lies in another file, {filename!r}, and neurodata4ml reads one file at a time",
        "Write a copy that holds everything: pynwb's NWBHDF5IO.export.",
    )


def _names(path: str) -> list[str]:
    """Return the names along a path, the last first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]
