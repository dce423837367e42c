"""Names that tell objects, dims and variables apart where a file uses one name for several of them."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from neurodata4ml.data.nwb.file import GroupAt, NwbFile
from neurodata4ml.data.nwb.kinds import SERIES, TABLE, kind_of


def own_name(file: NwbFile, group: GroupAt) -> str:
    """Return the object's name; with its parent's before it where an ancestor with rows has the same name."""
    above, _, name = group.path.rpartition("/")
    level = with_rows(file, above).get(name)
    return (name or "root") if level is None else "_".join(group.path.split("/")[level:])


def with_rows(file: NwbFile, path: str) -> dict[str, int]:
    """Return the tables and series on the way to a group: {name: how deep the first of that name is}.

    It is remembered for each group, as whoever is deeper asks again.
    """
    known: dict[str, dict[str, int]] = file.memory.setdefault("with rows", {"": {}})
    if path not in known:
        above, _, name = path.rpartition("/")
        found, group = with_rows(file, above), file.find(path)[0]
        if name not in found and isinstance(group, GroupAt) and kind_of(file, group) in (TABLE, SERIES):
            found = found | {name: path.count("/")}
        known[path] = found
    return known[path]


def as_tree(nodes: dict[str, xr.Dataset], unmapped: list[str]) -> dict[str, xr.Dataset]:
    """Return the nodes by path so that they fit into one tree: what cannot have its name there has another.

    A variable may not be called as a group beside it, and a dim not as one of another size in a group above.
    ``unmapped`` gets a sentence about each that was renamed.
    """
    beside: dict[str, set[str]] = {}
    for path in nodes:
        for group, name in _steps(path):
            beside.setdefault(group, set()).add(name)
    fitting: dict[str, xr.Dataset] = {}
    for path in sorted(nodes, key=lambda path: path.rstrip("/").count("/")):
        node, stem = nodes[path], path.rstrip("/")
        taken = {*map(str, node.variables), *map(str, node.sizes), *beside.get(path, ())}
        new = {str(name): _longer(str(name), taken) for name in beside.get(path, set()) & set(map(str, node.variables))}
        unmapped += [f"{stem}/{name}: shown as {other}: a group has this name" for name, other in new.items()]
        above = [{str(dim): n for dim, n in fitting[each].sizes.items()} for each, _ in _steps(path) if each in fitting]
        for dim, size in node.sizes.items():
            if any(sizes.get(str(dim), size) != size for sizes in above):
                new[str(dim)] = _longer(str(dim), taken.union(*above))
                unmapped.append(f"{stem}: its dim {dim} is {new[str(dim)]}: a group above has another {dim}")
        fitting[path] = _renamed(node, new) if new else node
    return {path: fitting[path] for path in nodes}


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """Yield each group above a path, and the name of the next one in it."""
    while path.strip("/"):
        above, _, name = path.rpartition("/")
        path = above or "/"
        yield path, name


def _longer(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    while name in taken:
        name = f"{name}_"
    taken.add(name)
    return name


def _renamed(node: xr.Dataset, new: dict[str, str]) -> xr.Dataset:
    """Return a Dataset with other names of variables and dims, without the indexes that xarray's own renaming makes."""
    variables = {}
    for name, column in node.variables.items():
        renamed = column.copy(deep=False)
        renamed.dims = tuple(new.get(str(dim), str(dim)) for dim in column.dims)
        preferred = column.encoding.get("preferred_chunks", {})
        renamed.encoding = {"preferred_chunks": {new.get(dim, dim): n for dim, n in preferred.items()}}
        variables[new.get(str(name), str(name))] = renamed
    coords = {new.get(str(name), name) for name in node.coords}
    kept = {name: column for name, column in variables.items() if name not in coords}
    labels = {name: column for name, column in variables.items() if name in coords}
    return xr.Dataset(kept, xr.Coordinates(labels, indexes={}), node.attrs)
