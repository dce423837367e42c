"""Shuffle labels within groups, many times at once."""

from __future__ import annotations

import numpy as np


def shuffle_within(labels: np.ndarray, groups: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """Shuffle the labels ``n`` times within each group, every order as likely: (n, n_labels)."""
    group = np.zeros(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.float64)
    shuffled = np.empty((n, len(labels)), dtype=labels.dtype)
    shuffled[:, np.argsort(group, kind="stable")] = labels[np.argsort(group + rng.random((n, len(labels))), axis=1)]
    return shuffled
