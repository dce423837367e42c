"""What a file is that is not NWB, told from its first bytes, and what to do about it."""

from __future__ import annotations

SEEN = 64
"""Bytes from the beginning that tell."""

MARKUP = (
    "It is a web page, which came in place of the file: give the address of the file itself, as its download has it."
)
"""A page of an archive, a login, an error."""

KINDS = (
    (b"<", MARKUP),
    (b"{", "It is JSON: references (lindi, kerchunk) are not read; give the file in HDF5 that they refer to."),
    (b"\x1f\x8b", "It is packed by gzip: unpack it (gunzip), and open what comes out."),
    (b"PK\x03\x04", "It is a zip archive: unpack it, and open the .nwb file, or the Zarr store, in it."),
    (b"version https://git-lfs", "It is a pointer of Git LFS in place of the file: type git lfs pull beside it."),
    (b"/annex/objects/", "It is a pointer of git-annex in place of the file: type datalad get, or git annex get."),
    (b"../.git/annex", "It is a pointer of git-annex in place of the file: type datalad get, or git annex get."),
    (b"MATLAB 5.0", "It is a file of MATLAB: read it with scipy.io.loadmat."),
    (b"CDF", "It is netCDF: open it with xarray.open_dataset(path)."),
)
"""How other files begin, and what to say of them."""


def told(head: bytes) -> str:
    """Return what a file is that begins so, and the cure, as a sentence; nothing is known of most."""
    found = (sentence for begins, sentence in KINDS if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(begins))
    return next(found, "NWB files do; fetch it again, or correct what you opened.")


def is_stranger(head: bytes) -> bool:
    """Return whether the first bytes of a file tell that it is another kind of file than HDF5."""
    return any(head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(begins) for begins, _ in KINDS)
