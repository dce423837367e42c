"""Sums of rows by group, as fast as the rows can be put in order."""

from __future__ import annotations

import numpy as np


class Groups:
    """Rows that belong together; every group has at least one.

    Attributes
    ----------
    counts : ndarray of float (n_groups,)
    """

    def __init__(self, codes: np.ndarray) -> None:
        """Take the group of each row, 0 and up."""
        order = np.argsort(codes, kind="stable")
        # rows in order are not copied once more
        self.order = slice(None) if (np.diff(order) == 1).all() else order
        counts = np.bincount(codes)
        self.counts = counts.astype(np.float64)
        self.starts = np.concatenate([[0], np.cumsum(counts[:-1])])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of the rows of each group (n_groups, n_columns), always in the same order."""
        rows = values[self.order]
        if self.counts.max() == self.counts.min():
            # a sparse product, or reduceat, takes several times as long as what is done with the sums
            return np.asarray(rows.reshape(len(self.counts), -1, values.shape[1]).sum(axis=1))
        return np.asarray(np.add.reduceat(rows, self.starts, axis=0))

    def means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of the rows of each group."""
        if self.counts.max() == 1:
            return np.asarray(values[self.order])
        return np.asarray(self.sums(values) / self.counts[:, None])
