"""What can go wrong in the archive of the tests, and what it notes of each file and each request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Faults:
    """What goes wrong; numbers of times count down each time it went wrong (use a large one for always)."""

    drops: int = 0
    """Close the connection in the middle of so many answers with bytes of a file ..."""
    drop_after: int = 0
    """... after so many of them."""
    cuts: list[int] = field(default_factory=list)
    """The same, for the next answers, one after the other: each is cut after so many bytes."""
    reset: bool = False
    """Cut with a reset in place of an orderly end."""
    flip_at: int = -1
    """Send this byte of a file flipped, each time."""
    changes_after: int = -1
    """After so many answers with bytes of a file, it has other bytes, as many, and another ETag (-1: never)."""
    new_etag: str = ""
    """State this ETag in place of the right one."""
    weak_etag: bool = False
    """State the ETag as weak: W/"..."."""
    no_etag: bool = False
    ignore_range: bool = False
    """Answer 200 and the whole file to a request for a range."""
    ignore_if_range: bool = False
    """Answer ranges without a look at If-Range."""
    wrong_range: int = 0
    """Answer so many ranges with one that begins 7 bytes before what was asked for, and says so."""
    short_range: int = 0
    """Send so many ranges 7 bytes short of what their Content-Range says."""
    wrong_total: int = 0
    """State in so many Content-Range headers a file that is 7 bytes longer."""
    lengths: int = 0
    """State, for so many whole files, a Content-Length that is wrong ..."""
    length_by: int = 0
    """... by so many bytes: negative, and only those stated are sent; positive, and the connection ends before."""
    no_length: bool = False
    """State no Content-Length: the end of the connection is the end of the file."""
    chunked: bool = False
    """Send in chunks, without a Content-Length."""
    gzip: int = 0
    """Send so many files with Content-Encoding: gzip."""
    html: int = 0
    """Send a web page in place of a file, so many times."""
    unavailable: int = 0
    """Answer so many requests, of any kind ..."""
    status: int = 503
    """... with this status ..."""
    retry_after: str = ""
    """... and this header: seconds or an HTTP date."""
    expired: int = 0
    """Answer 403 to so many presigned addresses."""
    misled: int = 0
    """Redirect so many requests for bytes ..."""
    redirect_to: str = ""
    """... to this address."""
    chain: int = 0
    """Send each request for bytes through so many redirects first."""
    loop: bool = False
    """Redirect each request for bytes to itself."""
    pause: float = 0.0
    """Seconds between two pieces of a file ..."""
    piece: int = 1 << 14
    """... of so many bytes."""
    stalls: int = 0
    """Fall silent, with the connection open, in the middle of so many answers ..."""
    stall_after: int = 0
    """... after so many bytes."""
    latency: float = 0.0
    """Seconds before each answer."""
    rate: float = 0.0
    """Bytes of a file per second and connection; 0: as fast as it goes."""
    count_null: bool = False
    """Page the listings with ``count: null`` on the first page too, as on all later ones."""


@dataclass
class Stored:
    """One file: an asset of a dandiset, or bytes at an address of their own (``at``)."""

    path: str
    content: Any = b""
    etag: str = ""
    sha256: str = ""
    dandiset: str = ""
    version: str = ""
    asset_id: str = ""
    blob: str = ""
    zarr: str = ""
    at: str = ""
    modified: str = ""
    """An HTTP date: stated as Last-Modified, compared with If-Unmodified-Since (412) and If-Range."""
    content_type: str = "application/octet-stream"


@dataclass
class Request:
    """One line of the log; ``sent`` counts the bytes of the body, ``is_bytes``: a file's bytes were asked for."""

    method: str
    path: str
    range: str
    if_range: str
    if_match: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0
    is_bytes: bool = False
