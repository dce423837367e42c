"""What everybody must find in a file, as h5py reads it: digests of what is asked for, and the bytes that hold it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from read_contents import EVERY, Scale
from read_peers import INDEX, LOOKED_AT, ROIS, SPIKES, digest


def describe(path: Path, scale: Scale) -> dict[str, Any]:
    """Return what a file holds, as h5py reads it: digests of what is asked for, and bytes that hold it."""
    with h5py.File(path) as file:
        held: dict[str, Any] = {"shapes": {name: _look(file[name]) for name in LOOKED_AT if name in file}}
        if SPIKES in file:
            held |= _describe_spikes(file, path)
        if ROIS in file:
            frames, first, last = scale.rois_read
            held |= {"rois_asked": scale.rois_read, "rois": digest(file[ROIS][:frames, first:last])}
    return held


def _look(dataset: h5py.Dataset) -> list[Any]:
    return [list(dataset.shape), dataset.dtype.str]


def _describe_spikes(file: h5py.File, path: Path) -> dict[str, Any]:
    column, stops = file[SPIKES], file[INDEX][:]
    starts = np.concatenate([[0], stops[:-1]])
    ranges = [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]
    counts = np.diff(ranges)[:, 0]
    unit = _typical(starts.astype(int), counts)
    times = column[:]
    return {
        "unit_number": unit,
        "all": digest(times),
        "unit": digest(times[slice(*ranges[unit])]),
        "tenth": digest(np.concatenate([times[slice(*its)] for its in ranges[::EVERY]])),
        "all_bytes": column.id.get_storage_size(),
        "unit_bytes": _stored_bytes(column, *ranges[unit]),
        "tenth_bytes": int(counts[::EVERY].sum()) * times.itemsize,
        "spikes_at": column.id.get_offset(),
        "chunk_nodes": _chunk_nodes(column, path),
    }


def _typical(starts: np.ndarray, counts: np.ndarray) -> int:
    """Return the unit nearest to the mean number of spikes, of those that begin in the middle of a 10 MB chunk."""
    within = starts % 1_250_000 / min(1_250_000, int(counts.sum()))
    far = np.abs(counts - counts.mean()) + np.where(np.abs(within - 0.5) < 0.1, 0, counts.sum())
    return int(np.argmin(far))


def _chunk_nodes(column: h5py.Dataset, path: Path) -> list[int]:
    """Return where the nodes of a column's chunk index are: those among its chunks, which were written together."""
    if column.chunks is None:
        return []
    offsets = [column.id.get_chunk_info(i).byte_offset for i in range(column.id.get_num_chunks())]
    found = (match.start() for match in re.finditer(rb"TREE\x01", path.read_bytes()))
    return [at for at in found if min(offsets) <= at <= max(offsets)]


def _stored_bytes(column: h5py.Dataset, start: int, stop: int) -> int:
    """Return the bytes of the chunks that hold a range; of the range, where there are none."""
    if column.chunks is None:
        return (stop - start) * column.dtype.itemsize
    length = column.chunks[0]
    infos = [column.id.get_chunk_info_by_coord((at,)) for at in range(start // length * length, stop, length)]
    return sum(info.size for info in infos)
