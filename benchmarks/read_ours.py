"""Ours: how a file is opened, and asked for values, by what neurodata4ml's README types."""

from __future__ import annotations

from typing import Any

import numpy as np

from read_peers import LOOKED_AT, ROIS


class Ours:
    """The tree of the file; where units are chosen, the session, whose spikes are read as they are before binning."""

    def imports(self) -> None:
        """Import what is needed."""
        import neurodata4ml
        from neurodata4ml.data.align.spikes import read_spikes

        self.open_nwb, self.open_session = neurodata4ml.open_nwb, neurodata4ml.open_session
        self.read_spikes = read_spikes

    def open(self, where: str, units: list[int] | None = None) -> Any:
        """Open a file."""
        if units is None:
            return self.open_nwb(where)
        return self.open_session(where, trials="presentations")

    def look(self, opened: Any) -> dict[str, list[Any]]:
        """Return shape and dtype of what is compared."""
        seen = {}
        for node in opened.subtree:
            dict(node.attrs)
            for name, its in node.variables.items():
                seen[f"{node.path}/{name}".lstrip("/")] = [list(its.shape), its.dtype.str]
        return {name: seen[name] for name in LOOKED_AT if name in seen}

    def spikes(self, opened: Any, units: list[int] | None) -> np.ndarray:
        """Return the spikes of some units, or of all."""
        if units is None:
            return opened["units"]["spike_times"].values
        times, _ = self.read_spikes(opened.isel(unit=units))
        return times

    def rois(self, opened: Any, frames: int, first: int, last: int) -> np.ndarray:
        """Return the first frames of neighbouring ROI."""
        node, _, name = ROIS.rpartition("/")
        return opened[node][name][:frames, first:last].values
