"""What a file claims is held against how long it is, before memory is taken for it."""

from __future__ import annotations

from neurodata4ml.data.storage.index import Chunked, Compact, Contiguous, Dataset, Refused
from neurodata4ml.errors import LayoutError

MOST_RATIO = 1032
"""Values per byte that gzip can make at most; nothing that was recorded comes near it."""

MODEST = 1 << 28
"""Bytes that a file may claim whatever its own length: 256 MB do no harm."""

LARGEST_BLANK = 1 << 30
"""Bytes that one read makes of next to nothing at most: 1 GB, which a laptop has to spare; 4 GB would stop one of 8."""

BLANK_RATIO = 250
"""Bytes made of one that is stored, from which on it is next to nothing."""

CURE = "It was never written in full: fetch the file again, or ask who made it for a whole one."


def refuse_claim(dataset: Dataset, n_file: int) -> Refused | None:
    """Return why the values of a dataset are not read from a file of ``n_file`` bytes; None where they may be."""
    layout, n_claimed = dataset.layout, dataset.n_bytes
    if isinstance(layout, Refused):
        return layout
    if isinstance(layout, Compact):
        return None if len(layout.data) >= n_claimed else _unlike(n_claimed, len(layout.data))
    if isinstance(layout, Contiguous):
        return _refuse_contiguous(layout, n_claimed, n_file)
    if not isinstance(layout, Chunked):
        return None
    if not dataset.filters or layout.finder[0] is None:
        n_held = 0 if layout.finder[0] is None else n_file
        return None if n_claimed <= n_file else _unlike(n_claimed, n_held)
    if n_claimed <= max(MODEST, MOST_RATIO * n_file):
        return None
    why = f"claims {n_claimed:,} bytes, more than {MOST_RATIO:,} times those of the whole file ({n_file:,})"
    return Refused(why, "No recording shrinks so much, and reading it would fill the memory: ask who made the file.")


def refuse_blank(n_wanted: int, n_stored: int) -> None:
    """Refuse one read that would fill the memory with next to nothing.

    Raises
    ------
    LayoutError
        When ``n_stored`` bytes of the file would become ``n_wanted`` in memory, and that is very many.
    """
    if n_wanted > max(LARGEST_BLANK, BLANK_RATIO * n_stored):
        message = (
            f"{n_stored:,} bytes would become {n_wanted:,} in memory, which is how a file that means harm looks. If "
            "you trust it, read it in parts: .isel(...) before .load()."
        )
        raise LayoutError(message)


def _refuse_contiguous(layout: Contiguous, n_claimed: int, n_file: int) -> Refused | None:
    if layout.offset is None:
        return None if n_claimed <= n_file else _unlike(n_claimed, 0)
    n_held = max(min(layout.size, n_file - layout.offset), 0)
    return None if n_claimed <= n_held else _unlike(n_claimed, n_held)


def _unlike(n_claimed: int, n_held: int) -> Refused:
    return Refused(f"claims {n_claimed:,} bytes, and the file holds {n_held:,} of them", CURE)
