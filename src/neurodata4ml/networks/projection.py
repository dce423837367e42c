"""Layers too wide to keep: which random projection is asked for."""

from __future__ import annotations

import numbers

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.sparse_projection import Projection, components_for


def as_projection(project: float | None, n_stimuli: int, seed: int) -> Projection | None:
    """Return the projection that ``project`` asks for: a whole number of components, or a distortion below 1.

    Raises
    ------
    DesignError
        It is neither, or there is only one stimulus and so no distance to keep.
    """
    if project is None:
        return None
    require_whole(seed, "seed", least=0)
    if n_stimuli < 2:
        message = "project= keeps the distances between stimuli; there is only one. Leave project= out."
        raise DesignError(message)
    if isinstance(project, numbers.Integral) and not isinstance(project, bool) and project >= 1:
        return Projection(int(project), n_stimuli, seed)
    if isinstance(project, float | np.floating) and 0 < project < 1:
        return Projection(components_for(float(project), n_stimuli), n_stimuli, seed)
    message = (
        "project= takes a number of components (project=4000) or the distortion of squared distances that is allowed, "
        f"above 0 and below 1 (project=0.2); got {project!r}."
    )
    raise DesignError(message)
