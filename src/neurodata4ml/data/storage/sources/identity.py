"""Which bytes an address leads to: as one key, and as it was seen last time, to be opened without asking."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from neurodata4ml.data.cache import disk
from neurodata4ml.data.remote.versioned import Version
from neurodata4ml.names import without_secrets
from neurodata4ml.places import cache_folder, write_whole

SIGNED = (
    ({"x-amz-signature"}, set[str](), "x-amz-"),
    ({"x-goog-signature"}, set[str](), "x-goog-"),
    ({"signature", "key-pair-id"}, {"expires", "policy"}, ""),
    ({"signature", "expires", "awsaccesskeyid"}, {"x-amz-security-token"}, ""),
    ({"signature", "expires", "googleaccessid"}, set[str](), ""),
    ({"sig", "sv", "se"}, {"sp", "st", "sr", "spr", "sip", "ss", "srt", "sdd", "scid"}, "sk"),
)
"""How a presigned address is told from another: the parameters of its kind that it has, and what else of it says who
may ask and until when, and not for what: by name, and by how names begin. Amazon (now, CloudFront, before), Google,
Azure. No name tells it alone: ``?se=1`` may be session 1."""

SETTLED = 60.0
"""Seconds after which a date tells versions apart: it counts seconds, and clocks differ."""


def address(url: str) -> str:
    """Return an address without what changes from one signature to the next; what else it asks for as a digest."""
    asked = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    stated = {name.lower() for name, _ in asked}
    for needed, others, start in SIGNED:
        if needed <= stated:
            passing = needed | others | {name for name in stated if start and name.startswith(start)}
            asked = [(name, value) for name, value in asked if name.lower() not in passing]
    what = hashlib.sha256(urlencode(asked).encode()).hexdigest()[:32] if asked else ""
    return without_secrets(url) + (f"?{what}" if what else "")


def key(url: str, sha256: str, version: Version) -> str:
    """Return which bytes these are: the server's word on its version, beside the published digest or else the address.

    Empty where a later version could have the same word.
    """
    if not version.etag and not _is_settled(version.date):
        return ""
    which = f"sha256:{sha256}" if sha256 else address(url)
    return f"{which} {version.size} {version.etag or version.date}"


def known(url: str) -> Version | None:
    """Return the version that was seen at an address last time; None where nothing is known."""
    try:
        its = json.loads(_place(url).read_text(encoding="utf-8"))
        version = Version(its["size"], its["etag"], its["date"])
        with contextlib.suppress(OSError):  # another user's cache, which we only read
            os.utime(_place(url))  # what is used is not forgotten
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return version if [type(part) for part in version] == [int, str, str] and version.size > 0 else None


def remember(url: str, version: Version) -> None:
    """Write down the version that an address leads to; where the cache cannot be written to, it is asked for again."""
    path = _place(url)
    with contextlib.suppress(OSError):
        disk.make_folder(path.parent)
        write_whole(path, json.dumps({"url": without_secrets(url), **version._asdict()}), synced=False)


def forget(url: str) -> None:
    """Ask anew, the next time."""
    with contextlib.suppress(OSError):
        _place(url).unlink()


def _is_settled(date: str) -> bool:
    """Return whether a date is so old that a later change has another one."""
    try:
        return time.time() - parsedate_to_datetime(date).timestamp() > SETTLED
    except (ValueError, OverflowError):
        return False


def _place(url: str) -> Path:
    """Return where it is written down."""
    return cache_folder() / disk.INDEX / f"{hashlib.sha256(address(url).encode()).hexdigest()[:32]}.version.json"
