"""What an HDF5 file can be that this reader refuses: damaged, or of a structure that it does not know."""

from __future__ import annotations

from neurodata4ml.errors import LayoutError


class Damaged(LayoutError):
    """The bytes are not what HDF5's format says."""


class Unsupported(LayoutError):
    """The bytes may well be right, but only HDF5's own library knows their structure."""
