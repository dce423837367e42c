"""What a forked process begins anew: it has no thread of its parent, and must share neither locks nor sockets."""

from __future__ import annotations

import os
from collections.abc import Callable


def in_child(do: Callable[[], None]) -> Callable[[], None]:
    """Have something done in each process that is forked from this one, before anything else; a decorator."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=do)
    return do
