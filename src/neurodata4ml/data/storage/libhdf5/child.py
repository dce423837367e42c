"""What only HDF5's own library can read is read in a process of its own: bounded, and nobody else's end if it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import Index
from neurodata4ml.data.storage.kept.index_file import index_from_bytes
from neurodata4ml.data.storage.kept.packed import unpack_value
from neurodata4ml.data.storage.values.selection import Rows, Selection
from neurodata4ml.errors import LayoutError

MEMORY = 1 << 31
"""Bytes that the library may take (2 GB): its caches and one answer."""

TIME = 60
"""Seconds that it may take: damaged files have led it in circles."""

ANSWER = 1 << 29
"""Bytes of one answer at most (512 MB); the address space holds it three times."""

START = "import sys; sys.path[:] = sys.argv[1:]; from neurodata4ml.data.storage.libhdf5.foreign import answer; answer()"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def index_from_library(file: str, path: str = "/", *, below: bool = True) -> Index:
    """Return what the library finds at a path of a file on this machine, and below it.

    Raises
    ------
    LayoutError
        When it cannot read it, dies of it, or takes too long.
    """
    told = ask(file, {"what": "index", "path": path, "below": below})
    index = index_from_bytes(told["index"], "")
    assert index is not None
    return index


def values_from_library(file: str, path: str, selection: Selection) -> np.ndarray:
    """Return the selected values of the dataset at ``path``.

    Raises
    ------
    LayoutError
        When the library cannot read them, dies of them, or takes too long.
    """
    told = ask(file, {"what": "values", "path": path, "key": tuple(map(_plain, selection.axes))})
    return np.asarray(unpack_value(told["values"])).reshape(selection.result_shape)


def ask(file: str, question: dict[str, Any]) -> dict[str, Any]:
    """Ask the library about a file, in a process of its own."""
    import msgpack

    limits = {"memory": MEMORY, "time": TIME, "answer": ANSWER}
    command = [sys.executable, "-I", "-c", START, *sys.path]
    written = supervised(command, msgpack.packb({"file": file, **question, **limits}), file, TIME)
    told = msgpack.unpackb(written, use_list=False)
    if "error" in told:
        message = f"HDF5's own library says {told['error']}"
        raise LayoutError(message)
    return dict(told)


def supervised(command: Sequence[str], question: bytes, file: str, time: float) -> bytes:
    """Run a command on ``question``; return what it writes.

    Raises
    ------
    LayoutError
        When it dies, fails, or takes longer than ``time`` seconds: it is ended then.
    """
    with tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=written, stderr=complaints, env=os.environ | ONE_THREAD
        )
        try:
            process.communicate(question, timeout=time)
        except subprocess.TimeoutExpired:
            message = f"HDF5's own library was at work on {file} for {time:g} s without an end. Fetch the file again."
            raise LayoutError(message) from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            raise LayoutError(_died(process.returncode, file, complaints))
        written.seek(0)
        return written.read()


def _died(code: int, file: str, complaints: Any) -> str:
    """Return how a process ended."""
    complaints.seek(0)
    last = complaints.read()[-500:].decode("utf-8", "replace").strip().rpartition("\n")[2]
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
    said = f": {last}" if last else ""
    return f"HDF5's own library died of {file} ({how}{said}), in a process of its own. Fetch the file again."


def _plain(rows: Rows) -> Any:
    """Return rows of one axis as plain parts."""
    index = rows.index()
    if isinstance(index, slice):
        return ("slice", index.start, index.stop, index.step)
    return ("vector", *index.tolist())
