"""One error that tells of all failures of an order, with the line that gets what lacks."""

from __future__ import annotations

from collections.abc import Sequence

from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, DiskError, NeuroDataError, NotCachedError

GRAVEST_FIRST = (ChecksumError, DiskError, NotCachedError, ArchiveError, CatalogError, NeuroDataError)
"""Of several failures, the first kind of these gives the error its type, and the command its exit code."""

IMAGES = "images"
"""The part of a dataset that is no part of its sessions' files, where it has pictures of its own."""


def one_error(name: str, n_asked: int, failed: dict[str, NeuroDataError], what: Sequence[str]) -> NeuroDataError:
    """Return the error that tells of all failures: the only one itself, else one of the gravest kind.

    Parameters
    ----------
    name : str
        The dataset.
    n_asked : int
        How many sessions, and sets of pictures, were asked for.
    failed : dict
        By session, or ``images``, why it did not arrive.
    what : sequence of str
        The parts that were asked for; empty: whole files.
    """
    errors = list(failed.values())
    if n_asked == 1 or (len(errors) > 1 and len(set(map(str, errors))) == 1):
        return errors[0]
    kind = next(kind for kind in GRAVEST_FIRST if any(isinstance(error, kind) for error in errors))
    sessions = [session for session in failed if session != IMAGES]
    if sessions and all(isinstance(error, NotCachedError) for error in errors):
        lines = [f"  {session}" for session in sessions] + ["  the pictures"] * (IMAGES in failed)
        words = [*what, *[IMAGES] * (IMAGES in failed)]
        options = [f"--session {session}" for session in sessions] + [f"--what {','.join(words)}"] * bool(words)
        head = f"{_counted(failed)} of {name} are not in the cache, and NEURODATA4ML_OFFLINE forbids to fetch them:"
        cure = f"Where there is a network, unset it and type: neurodata4ml fetch {name} {' '.join(options)}"
    else:
        lines = [f"  {session}: {error}" for session, error in failed.items()]
        head = f"{len(failed)} of {n_asked} sessions of {name} did not arrive; all others are there."
        cure = "Run the same line again: it fetches only what lacks."
    return kind("\n".join([head, *lines, cure]))


def _counted(failed: dict[str, NeuroDataError]) -> str:
    n_sessions = len(failed) - (IMAGES in failed)
    sessions = f"{n_sessions} session{'s' * (n_sessions > 1)}"
    return f"{sessions}, and pictures," if IMAGES in failed else sessions
