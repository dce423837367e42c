"""Suggest what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def did_you_mean(word: str, known: Any) -> str:
    """Return ``; did you mean ...?`` for the known words close to ``word``, a full stop where none is."""
    from difflib import get_close_matches

    begins = [name for name in known if word and name.startswith(word)]
    close = list(dict.fromkeys([*begins, *get_close_matches(word, list(known), n=3, cutoff=0.5)]))[:3]
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else "."


def guess(word: Any, known: Iterable[str], *, typed: str = "{!r}") -> str:
    """Return the sentence ``" Did you mean 'x'?"`` for the known word nearest to ``word``, "" where none is near.

    ``typed`` is how the word would be written: ``"align={!r}"``.
    """
    from difflib import get_close_matches

    near = get_close_matches(str(word), list(known), n=1)
    return f" Did you mean {typed.format(near[0])}?" if near else ""
