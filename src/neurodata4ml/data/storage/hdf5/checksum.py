"""The checksum of HDF5's newer structures: Bob Jenkins' lookup3."""

from __future__ import annotations

from neurodata4ml.data.storage.hdf5.damage import Damaged


def lookup3(data: bytes | memoryview, initial: int = 0) -> int:
    """Return the checksum of some bytes."""
    from numcodecs.jenkins import jenkins_lookup3  # takes a moment to import, and older files do not need it

    return int(jenkins_lookup3(data, initial)) if len(data) else (0xDEADBEEF + initial) & 0xFFFFFFFF


def check(data: memoryview, what: str) -> memoryview:
    """Return a structure without its checksum, the last four bytes, once it is the one of those before."""
    body, written = data[:-4], int.from_bytes(data[-4:], "little")
    if len(data) < 4 or lookup3(body) != written:
        message = f"{what} has not the checksum {written:#010x} that it says; the file is damaged: fetch it again"
        raise Damaged(message)
    return body
