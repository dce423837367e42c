"""A file on a server before it is open: what an archive located, or a user typed, as a way to its bytes."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace

from neurodata4ml.data.archives.remote import Remote, https
from neurodata4ml.data.remote.addresses import Reach, origin
from neurodata4ml.data.remote.versioned import Advice, Version, Versioned
from neurodata4ml.errors import ChecksumError
from neurodata4ml.names import without_secrets

READING = Advice(
    whole="Download it, and open the file.",
    other="Nothing was read. Download it, and open the file, if you know it to be right.",
    changed="Open it again.",
)


def typed(urls: Sequence[str]) -> Remote:
    """Return addresses that the user typed as what an archive located: they may be anywhere, and lead anywhere."""
    urls = [https(url) for url in urls]
    reach = Reach(named=tuple(dict.fromkeys(map(origin, urls))), anywhere=True)
    return Remote(dataset="", session="", version="", path=without_secrets(urls[0]), urls=tuple(urls), reach=reach)


def to_server(remote: Remote, version: Version | None) -> Versioned:
    """Return the way to a file on its server; ``version`` is the one that was read before."""
    return Versioned(
        remote.urls,
        what=name_of(remote),
        size=remote.size,
        etag=remote.etag,
        reach=remote.reach,
        known=version,
        advice=READING,
    )


def name_of(remote: Remote) -> str:
    """Return how messages call a file."""
    return f"{remote.dataset} {remote.session}".strip() or remote.path


def portable(remote: Remote) -> Remote:
    """Return a ``Remote`` that another process can have: how to ask an archive anew may not be sent."""
    try:
        pickle.dumps(remote)
    except (pickle.PicklingError, AttributeError, TypeError):
        return replace(remote, afresh=None, write=None)
    return remote


def refuse_clear(remote: Remote) -> None:
    """Refuse a file of which anybody on the way could change parts."""
    if remote.in_the_clear:
        message = (
            f"parts of {name_of(remote)} have no digest of their own, and {remote.in_the_clear} is not https: anybody "
            f"on the way could change them. {READING.whole}"
        )
        raise ChecksumError(message)
