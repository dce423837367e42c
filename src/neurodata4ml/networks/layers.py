"""What a layer is: a name, a kind, and the shape of its response to one image."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """One layer of a network, as it answered when it was shown images.

    Attributes
    ----------
    name : str
    kind : str
        The operator of a graph, the class of a module.
    shape : tuple of int
        Of the response to one image, without the axis of images; empty where there is none.
    problem : str
        Why it has no response to each image; empty where it has one.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    problem: str = ""

    @property
    def n_features(self) -> int:
        """The number of elements of the response to one image; 0 where it has none."""
        return 0 if self.problem else math.prod(self.shape)


def of_answer(name: str, kind: str, shape: tuple[int, ...], n_images: int, *, is_real: bool) -> Layer:
    """Return the layer that answered ``n_images`` with an array of ``shape``."""
    if not is_real:
        return Layer(name, kind, problem="not a real, floating-point response")
    if not shape or shape[0] != n_images:
        return Layer(name, kind, problem=f"shape {shape} for {n_images} images: not one response per image")
    return Layer(name, kind, tuple(shape[1:]))
