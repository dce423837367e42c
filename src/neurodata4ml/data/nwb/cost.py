"""What a computation would move over the network, told before it moves anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from dask._task_spec import Alias, DataNode, Task, TaskRef, convert_legacy_graph
from dask.array.core import getter, getter_nofancy
from xarray.core import indexing

from neurodata4ml.data.nwb.arrays import NOTHING, LazyArray, wanted
from neurodata4ml.data.nwb.blocks import Unread, origin
from neurodata4ml.data.storage.source import Cost

RANGES = ("spike_start", "spike_stop", "spike_times")
"""Variables of a session; of the last, only what lies in the ranges of its units is ever read."""


def cost(x: xr.Dataset | xr.DataArray | xr.DataTree | xr.Variable | da.Array) -> Cost:
    """Return what computing ``x`` would move over the network now: bytes, and requests.

    Nothing is for what is on this machine, in memory or in the cache of blocks. To tell the bytes of a compressed
    array, where its chunks lie is looked up, which may itself move some kilobytes once. Texts count as 64 bytes
    each where they are many, and a column of texts counts as a whole until it is known whether all of them are
    numbers. Of a session, only the spikes of its units count.

    Parameters
    ----------
    x : Dataset, DataArray, DataTree, Variable or dask array
        As ``open_nwb`` or ``open_session`` give it, or anything that was computed of it and is still lazy.

    Returns
    -------
    Cost
        ``bytes`` and ``requests``, both estimates from above where one read serves several blocks.

    Examples
    --------
    >>> cost(open_nwb("session.nwb")["units"]["spike_times"][:1000])
    Cost(bytes=0, requests=0)
    """
    return sum((_of_read(lazy) for lazy in _unread(x)), _of_spikes(x))


def _of_read(lazy: indexing.LazilyIndexedArray) -> Cost:
    """Return the cost of all that a lazy array is still to give."""
    return lazy.array.cost(wanted(lazy.key, lazy.array.shape)) if isinstance(lazy.array, LazyArray) else NOTHING


def _of_spikes(x: Any) -> Cost:
    """Return the cost of the spikes of a session's units."""
    lazy = origin(x["spike_times"].variable) if _is_session(x) else None
    if lazy is None:
        return NOTHING
    starts, stops = (np.asarray(x[name].data, dtype=np.int64) for name in RANGES[:2])
    order = np.argsort(starts, kind="stable")
    return Cost(*lazy.array.cost_of_runs(starts[order], stops[order]))


def _is_session(x: Any) -> bool:
    return isinstance(x, xr.Dataset) and all(name in x.variables for name in RANGES)


def _unread(x: Any) -> Iterator[indexing.LazilyIndexedArray]:
    """Yield every read that computing ``x`` takes, each once."""
    if isinstance(x, xr.DataTree):
        for node in x.subtree:
            yield from _unread(node.to_dataset(inherit=False))
        return
    if isinstance(x, da.Array):
        variables: Iterable[Any] = [x]
    elif isinstance(x, xr.Dataset):
        left_out = ("spike_times",) if _is_session(x) and origin(x["spike_times"].variable) is not None else ()
        variables = [variable._data for name, variable in x.variables.items() if name not in left_out]
    else:
        variables = (
            [part._data for part in (x.variable, *(c.variable for c in x.coords.values()))]
            if isinstance(x, xr.DataArray)
            else [x._data]
        )
    lazily = [lazy for data in variables if (lazy := origin(data)) is not None]
    yield from lazily
    computed = [data for data in variables if dask.is_dask_collection(data) and not isinstance(data, Unread)]
    if computed:
        yield from _in_graph(computed)


def _in_graph(arrays: list[Any]) -> Iterator[indexing.LazilyIndexedArray]:
    """Yield the reads in a graph of dask, with the slices that dask hands on to them."""
    (optimised,) = [dask.optimize(*arrays)] if len(arrays) > 1 else [dask.optimize(arrays[0])]
    graph: dict[Any, Any] = {}
    for array in optimised:
        graph |= convert_legacy_graph(dict(array.__dask_graph__()))
    yield from _reads(graph, graph)


def _reads(tasks: dict[Any, Any], graph: dict[Any, Any]) -> Iterator[indexing.LazilyIndexedArray]:
    for task in tasks.values():
        if not isinstance(task, Task):
            continue
        if task.func in (getter, getter_nofancy):
            source, index = (_resolved(part, graph) for part in task.args[:2])
            if isinstance(source, indexing.ImplicitToExplicitIndexingAdapter):
                lazy = origin(source.array)
                if lazy is not None:
                    yield lazy.oindex[indexing.OuterIndexer(tuple(index))]
            continue
        for part in task.args:
            if isinstance(part, dict):
                yield from _reads(part, {**graph, **part})


def _resolved(part: Any, graph: dict[Any, Any]) -> Any:
    """Return the value that a task names."""
    for _ in range(8):
        if isinstance(part, Alias | TaskRef):
            part = graph[part.target if isinstance(part, Alias) else part.key]
        elif isinstance(part, DataNode):
            part = part.value
        else:
            break
    return part
