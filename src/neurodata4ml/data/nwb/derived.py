"""Arrays that are computed from those of a file as they are read: scaled series, clocks, labels, stacks of images."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodata4ml.data.nwb.arrays import NOTHING, Key, LazyArray, NwbArray, Rows, each, places
from neurodata4ml.data.nwb.file import DatasetAt
from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.values.values import LOOKED_AT
from neurodata4ml.errors import LayoutError


class Bounds(LazyArray):
    """Where each row of a ragged column starts, or stops, from the index that stores the stops alone."""

    def __init__(self, rows: Rows, *, start: bool, inner: NwbArray | None = None) -> None:
        """Take the starts, or the stops, from an index.

        ``inner`` is what the index is of where that is an index itself. Nobody else would hold them against each
        other: that of a column is looked at when the column is read.
        """
        self.rows, self.start, self.inner = rows, start, inner
        self.shape, self.dtype = (rows.n_rows,), np.dtype(np.int64)
        self.blocks = self.shape

    def token(self) -> tuple[Any, ...]:
        """Return file, object, and which of both it is."""
        return (self.rows.file.token, self.rows.dataset.key, self.start)

    def cost(self, key: Key) -> Cost:
        """Return the cost of the whole index, which is small."""
        return self.rows.cost()

    def read(self, key: Key) -> Any:
        """Read the whole index, which is small, and shift it."""
        if self.inner is not None:
            self.rows.check(self.inner)
        stops = self.rows.stops()
        return (np.concatenate([[0], stops[:-1]])[: len(stops)] if self.start else stops)[key]


class Scaled(LazyArray):
    """``stored * conversion * channel_conversion + offset``: a series in its own unit."""

    def __init__(self, stored: NwbArray, conversion: float, offset: float, channels: NwbArray | None) -> None:
        """Scale ``stored``; ``channels`` holds a factor for each place on its second axis."""
        self.stored, self.conversion, self.offset, self.channels = stored, conversion, offset, channels
        self.shape = stored.shape
        # float32 stays, integers become float64; float16 is too coarse for factors such as 1e-9
        self.dtype = np.promote_types(np.result_type(stored.dtype, 1.0), np.float32)
        self.blocks = stored.blocks

    def parts(self) -> list[LazyArray]:
        """Return the stored numbers, and the factors of the channels."""
        return [self.stored] if self.channels is None else [self.stored, self.channels]

    def cost(self, key: Key) -> Cost:
        """Return the cost of the stored numbers that are asked for, and of all factors."""
        return self.stored.cost(key) + (NOTHING if self.channels is None else self.channels.cost((slice(None),)))

    def token(self) -> tuple[Any, ...]:
        """Return the stored numbers and all factors."""
        channels = () if self.channels is None else self.channels.token()
        return (self.stored.token(), self.conversion, self.offset, channels)

    def read(self, key: Key) -> Any:
        """Read the stored numbers and scale them."""
        values = np.asarray(self.stored.read(key), dtype=self.dtype) * self.dtype.type(self.conversion)
        if self.channels is not None:
            factor = np.asarray(self.channels.read((slice(None),)))[key[1] if len(key) > 1 else slice(None)]
            shape = () if np.ndim(factor) == 0 else (-1, *(1 for k in key[2:] if np.ndim(k) or isinstance(k, slice)))
            values = values * np.reshape(factor, shape).astype(self.dtype)
        return values + self.dtype.type(self.offset)


class Labels(LazyArray):
    """The labels that a column of codes stands for (NWB's ``EnumData``); "" for a code without one."""

    def __init__(self, codes: NwbArray, elements: NwbArray) -> None:
        """Take the labels of ``codes`` from ``elements``."""
        self.codes, self.elements = codes, elements
        self.shape, self.dtype, self.blocks = codes.shape, np.dtype(object), codes.blocks

    def token(self) -> tuple[Any, ...]:
        """Return both arrays."""
        return (self.codes.token(), self.elements.token())

    def cost(self, key: Key) -> Cost:
        """Return the cost of the codes, and of all labels."""
        return self.codes.cost(key) + self.elements.cost((slice(None),))

    def parts(self) -> list[LazyArray]:
        """Return the codes and the labels."""
        return [self.codes, self.elements]

    def read(self, key: Key) -> Any:
        """Read the codes, and look them up."""
        labels = [str(label) for label in self.elements.read((slice(None),))]
        return each(lambda code: labels[code] if 0 <= code < len(labels) else "", self.codes.read(key))


class Clock(LazyArray):
    """The times of evenly spaced samples, in seconds: start + k / rate."""

    def __init__(self, start: float, rate: float, n_samples: int) -> None:
        """Tick ``n_samples`` times from ``start`` (s) at ``rate`` (Hz)."""
        self.start, self.rate = start, rate
        self.shape, self.dtype = (n_samples,), np.dtype(np.float64)
        self.blocks = (1,)

    def token(self) -> tuple[Any, ...]:
        """Return all that the times depend on."""
        return (self.start, self.rate, self.shape)

    def read(self, key: Key) -> Any:
        """Compute the times that are asked for, and no others."""
        wanted = key[0]
        if isinstance(wanted, slice):
            wanted = np.arange(*wanted.indices(self.shape[0]))
        return self.start + np.asarray(wanted, dtype=np.float64) / self.rate


class Stack(LazyArray):
    """Images of one shape, each its own dataset, as one array (image, y, x, ...)."""

    def __init__(self, file: StoredFile, images: Sequence[DatasetAt]) -> None:
        """Put ``images`` behind each other; they have one shape and one dtype."""
        self.file, self.images = file, [file.bare(image.stored) for image in images]
        self.shape, self.dtype = (len(images), *images[0].shape), images[0].kind.dtype
        self.blocks = (1, *images[0].shape)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: where each image lies, small also where there are very many."""
        return {**self.__dict__, "images": zlib.compress(pickle.dumps(self.images))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become the stack again."""
        self.__dict__.update(state, images=pickle.loads(zlib.decompress(state["images"])))

    def token(self) -> tuple[Any, ...]:
        """Return the file and every image."""
        return (self.file.token, *(image.key for image in self.images))

    def cost(self, key: Key) -> Cost:
        """Return the cost of the images that are asked for."""
        wanted = np.atleast_1d(places(key[0], len(self.images)))
        return sum((self.file.cost(self.images[i], key[1:]) for i in wanted), NOTHING)

    def read(self, key: Key) -> Any:
        """Read the images that are asked for, together where they are wanted whole."""
        wanted = places(key[0], len(self.images))
        if np.ndim(wanted) == 0:
            return self.file.values(self.images[int(wanted)], key[1:])
        chosen = [self.images[i] for i in wanted]
        if all(isinstance(k, slice) and k == slice(None) for k in key[1:]):
            found: list[Any] = self.file.many([(image, None) for image in chosen])
        else:
            found = [self.file.values(image, key[1:]) for image in chosen]
        for pixels in found:
            if isinstance(pixels, Exception):
                raise pixels
        return np.stack(found) if found else np.empty((0, *self.shape[1:]), self.dtype)


class Indexed(LazyArray):
    """What an ``IndexSeries`` showed at each of its times: image ``codes[k]`` of a stack."""

    def __init__(self, codes: NwbArray, images: LazyArray) -> None:
        """Take image after image from ``images``, in the order of ``codes``."""
        self.codes, self.images = codes, images
        self.shape, self.dtype = (*codes.shape, *images.shape[1:]), images.dtype
        self.blocks = (1, *images.shape[1:])

    def token(self) -> tuple[Any, ...]:
        """Return codes and images."""
        return (self.codes.token(), self.images.__dask_tokenize__())

    def cost(self, key: Key) -> Cost:
        """Return the cost of the codes, and of the images that they show; of all images where the codes are many."""
        of_codes, n_images = self.codes.cost(key[:1]), self.images.shape[0]
        if of_codes.bytes > LOOKED_AT:
            return of_codes + self.images.cost((slice(None), *key[1:]))
        codes = np.unique(np.asarray(self.codes.read(key[:1])))
        shown = codes[(codes >= 0) & (codes < n_images)].astype(np.int64)
        return of_codes + (self.images.cost((shown, *key[1:])) if len(shown) else NOTHING)

    def read(self, key: Key) -> Any:
        """Read each image once that was shown at these times."""
        codes = np.asarray(self.codes.read(key[:1]))
        strange = codes[(codes < 0) | (codes >= self.images.shape[0])]
        if strange.size:
            message = (
                f"{self.codes.file.name}: {self.codes.path} shows image {strange.flat[0]} of "
                f"{self.images.shape[0]:,}, which is not there. Read the numbers themselves: `data` beside `images`."
            )
            raise LayoutError(message)
        shown, back = np.unique(codes, return_inverse=True)
        pictures = np.asarray(self.images.read((shown.astype(np.int64), *key[1:])))
        return pictures[back.reshape(codes.shape)]
