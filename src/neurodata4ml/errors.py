"""What can go wrong, and its cure.

Each message says what is wrong, the value, what would be right, and what to type::

    NeuroDataError
    +-- CatalogError        an entry of the catalog, or a name looked up in it
    +-- ArchiveError        an archive or the network did not deliver
    +-- NotCachedError      offline, and the file is not in the cache
    +-- ChecksumError       bytes arrived that are not the published ones
    +-- DiskError           the disk is full, or the cache cannot be written to
    +-- LayoutError         a file that is not what its layout says
    +-- DimensionError      an array without the dims, or the labels, that a step needs
    +-- DesignError         an experiment that does not allow the question
"""

from __future__ import annotations


class NeuroDataError(Exception):
    """Any error that neurodata4ml raises on purpose.

    ``key`` is the key of a study that is why (``"by"``, ``"decode.target"``); empty where none is known.
    """

    exit_code = 1
    key: str = ""


class CatalogError(NeuroDataError):
    """A dataset's entry is missing, misspelt or malformed."""


class ArchiveError(NeuroDataError):
    """The archive refused, timed out or sent something else.

    ``status`` is the HTTP status of its last answer where that is why; 0 where it is not.
    """

    exit_code = 3
    status: int = 0


class NotCachedError(NeuroDataError):
    """Offline mode, and what is asked for is not in the cache."""

    exit_code = 5


class ChecksumError(NeuroDataError):
    """The downloaded bytes do not have the pinned digest or size."""

    exit_code = 4


class DiskError(NeuroDataError):
    """The disk is full, or the cache is read-only."""

    exit_code = 6


class LayoutError(NeuroDataError):
    """The file is not NWB 2, is damaged, or lacks an object the layout names."""


class DimensionError(NeuroDataError):
    """An array lacks a dim, or two arrays share too few labels."""


class DesignError(NeuroDataError):
    """The trials at hand cannot answer the question (too few repeats, one class, ...)."""
