"""One distance matrix for each slice of an array (bins of time), read once; what is too large or not finite is said."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.crossing import Crossing
from neurodata4ml.analysis.dissimilarity.distances import Distance
from neurodata4ml.analysis.dissimilarity.means import LARGEST, SMALLEST
from neurodata4ml.analysis.dissimilarity.whitening import whiten
from neurodata4ml.analysis.dissimilarity.wide import BLOCK, Columns
from neurodata4ml.errors import DesignError

_Index = tuple[Any, ...]


class Slices:
    """Responses (..., n_rows, n_columns) of numpy or dask, and the distance that is asked of each (n_rows, n_columns).

    Attributes
    ----------
    n_left_out : int
        The most units of one slice that never vary where a noise precision weighs them.
    """

    def __init__(
        self,
        data: Any,
        distance: Distance,
        labels: np.ndarray | None = None,
        folds: Crossing | None = None,
        options: Mapping[str, Any] | None = None,
        columns: str = "unit",
    ) -> None:
        """Take the responses; for distances on trials with the stimulus of each row, and its folds."""
        self.data, self.distance = data, distance
        self.labels, self.folds, self.options = labels, folds, dict(options or {})
        self.columns = columns
        self.n_left_out = 0

    def distances(self) -> np.ndarray:
        """Return the distances (..., n_stimuli, n_stimuli)."""
        n_stimuli = self.data.shape[-2] if self.labels is None else len(np.unique(self.labels))
        out = np.empty((*self.data.shape[:-2], n_stimuli, n_stimuli))
        for index, values in self._pieces():
            out[index] = self._checked(values)
        return out

    def _pieces(self) -> Iterator[tuple[_Index, Any]]:
        """Yield slices, or where several lie in one chunk of dask, all of these; each chunk is computed once."""
        outer = self.data.shape[:-2]
        if not hasattr(self.data, "dask"):
            yield from ((index, self.data[index]) for index in np.ndindex(*outer))
            return
        for box in itertools.product(*(_slices(sizes) for sizes in self.data.chunks[: len(outer)])):
            part = self.data[box]
            n_slices = math.prod(part.shape[: len(outer)])
            is_small = 8 * math.prod(part.shape) <= 4 * BLOCK
            if n_slices > 1 and not is_small and not self.options.get("precision"):
                yield box, part
                continue
            part = np.asarray(part) if is_small else part
            for index in np.ndindex(*part.shape[: len(outer)]):
                yield tuple(i + side.start for i, side in zip(index, box, strict=True)), part[index]

    def _checked(self, values: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            if isinstance(self.options.get("precision"), str):
                return self._of(self._within_bounds(values))
            found = self._of(values)
            if self._is_doubtful(found):
                within = self._within_bounds(values)
                found = found if within is values else self._of(within)
            return found

    def _within_bounds(self, values: Any) -> Any:
        """Return the responses, brought to a size whose squares are numbers where that changes nothing."""
        sizes = _sizes(values)
        if not np.isfinite(sizes).all():
            bad = sum(int((~np.isfinite(block)).sum()) for block in Columns(values))
            message = f"rdm needs finite responses; {bad} values are not. Drop their units: x.dropna({self.columns!r})."
            raise DesignError(message)
        precision = self.options.get("precision")
        each = "pattern scale" in self.distance.invariant_to
        sizes = sizes if each else np.full_like(sizes, sizes.max(initial=0.0))
        # an estimated precision needs fourth powers of the responses
        power = 0.4 if isinstance(precision, str) else 1.0
        if not ((sizes > LARGEST**power) | ((sizes > 0) & (sizes < SMALLEST**power))).any():
            return values
        if not isinstance(precision, str) and (self.distance.units != "1" or precision is not None):
            raise DesignError(_too_far(float(sizes.max()), self.distance.units))
        return values * _power_of_two(sizes)

    def _of(self, values: Any) -> np.ndarray:
        columns = Columns(values)
        if self.labels is None:
            return self.distance.function(columns, **self.options)
        if not self.distance.takes_precision:
            return self.distance.function(columns, self.labels, self.folds)
        white = whiten(columns, self.labels, self.options["precision"])
        found = self.distance.function(white, self.labels, self.folds)
        self.n_left_out = max(self.n_left_out, white.n_left_out)
        return found

    def _is_doubtful(self, found: np.ndarray) -> bool:
        if not np.isfinite(found).all():
            return True
        if self.distance.units == "same":
            return False
        n_on_diagonals = found.size // found.shape[-1]
        return bool(np.count_nonzero(np.abs(found) < SMALLEST**2) > n_on_diagonals)


def _slices(sizes: tuple[int, ...]) -> list[slice]:
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def _sizes(values: Any) -> np.ndarray:
    """Return the largest absolute value of each row (..., n_rows, 1)."""
    sizes = [np.abs(block).max(axis=-1, keepdims=True) for block in Columns(values)]
    return np.asarray(np.max(sizes, axis=0))


def _power_of_two(sizes: np.ndarray) -> np.ndarray:
    """Return the factors that bring these sizes to about 1 and change no digit."""
    return np.asarray(np.ldexp(1.0, -np.clip(np.frexp(np.where(sizes > 0, sizes, 1.0))[1], -1000, 1000)))


def _too_far(size: float, units: str) -> str:
    what = "Squared distances" if units != "same" else "Divergences"
    return (
        f"{what} of responses as large as {size:.0e} are no numbers that float64 holds with all digits. Change the "
        f'units: x / {size:.0e}; or ask for distance="correlation", which has none.'
    )
