"""What a Zarr store can be that this reader refuses."""

from __future__ import annotations

from neurodata4ml.errors import LayoutError


class Damaged(LayoutError):
    """Metadata or a chunk are not what Zarr's format says, would do harm, or are of a kind that is not read."""
