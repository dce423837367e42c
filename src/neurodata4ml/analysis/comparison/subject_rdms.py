"""RDMs of subjects and of models as rows of pairs of the same stimuli, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.arrays import named
from neurodata4ml.analysis.comparison.subjects import METRICS_OF_SUBJECTS
from neurodata4ml.analysis.reliability.subject_ceiling import subject_dim
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import represent
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess

_FEWEST = 5
"""Stimuli of which some can be drawn twice, and pairs are left."""


class Rdms(NamedTuple):
    """What is compared.

    Attributes
    ----------
    subject : str
        What subjects are called: "subject" or "animal".
    subjects, models : list of str
        Their names.
    subject_rows, model_rows : ndarray (n, n_pairs)
    distance : str
        Of the subjects, where they say; else empty.
    arrays : list of DataArray
        As they were given, for provenance.
    """

    subject: str
    subjects: list[str]
    models: list[str]
    subject_rows: np.ndarray
    model_rows: np.ndarray
    distance: str
    arrays: list[xr.DataArray]


def read_rdms(
    subjects: xr.DataArray | Mapping[str, xr.DataArray], models: xr.DataArray | Mapping[str, xr.DataArray], metric: str
) -> Rdms:
    """Return RDMs as rows, in the order of stimuli of the first subject.

    Raises
    ------
    DimensionError
        What is no RDM, or has other stimuli than the first.
    DesignError
        An unknown metric, too few stimuli, distances that are not known, a subject whose RDM does not vary.
    """
    if not isinstance(metric, str) or metric not in METRICS_OF_SUBJECTS:
        message = (
            f"Subjects are pooled for the metrics {', '.join(METRICS_OF_SUBJECTS)}; got {metric!r}."
            f"{guess(metric, METRICS_OF_SUBJECTS)} For other metrics, compare each subject: "
            f"compare(rdm, models, metric={metric!r})."
        )
        raise DesignError(message)
    dim = subject_dim(subjects) if isinstance(subjects, xr.DataArray) else "subject"
    mine, theirs = _by_name(subjects, dim, "subject"), _by_name(models, "model", "model")
    labels = _labels(*next(iter(mine.items())))
    rows, model_rows = (_rows(rdms, labels, metric) for rdms in (mine, theirs))
    for name, row in zip(mine, rows, strict=True):
        if not np.linalg.norm(METRICS[metric].prepare(row)) > 0:
            message = f"All distances of {name!r} are equal, and no model can be like them. Leave it out."
            raise DesignError(message)
    said = {str(one.attrs.get("distance", "")) for one in mine.values()}
    distance = said.pop() if len(said) == 1 else ""
    return Rdms(
        dim or "subject", list(mine), list(theirs), rows, model_rows, distance, [*mine.values(), *theirs.values()]
    )


def _by_name(x: xr.DataArray | Mapping[str, xr.DataArray], dim: str | None, side: str) -> dict[str, xr.DataArray]:
    if isinstance(x, xr.DataArray) and dim in x.dims:
        names = x.coords[dim].values if dim in x.coords else np.arange(x.sizes[dim])
        if len(set(names.tolist())) < len(names):
            message = f"compare_models needs each {dim} once; names repeat. Type x.assign_coords({dim}=[...])."
            raise DimensionError(message)
        x = {str(name): x.isel({dim: i}, drop=True) for i, name in enumerate(names)}
    found = named(x, side, step="compare_models")
    for name, one in found.items():
        if "stimulus2" not in one.dims or "stimulus" not in one.dims:
            message = (
                f"compare_models takes RDMs (stimulus, stimulus2); {name!r} has ({', '.join(map(str, one.dims))}). "
                f"Type rdm(x) for each."
            )
            raise DimensionError(message)
    return {str(name): one for name, one in found.items()}


def _labels(name: str, rdm: xr.DataArray) -> np.ndarray:
    if "stimulus" not in rdm.indexes:
        message = (
            f"compare_models matches stimuli by label, and {name!r} has none. Type x.assign_coords(stimulus=[...])."
        )
        raise DimensionError(message)
    labels = np.asarray(rdm.indexes["stimulus"])
    if len(labels) < _FEWEST:
        message = (
            f"compare_models draws stimuli and needs at least {_FEWEST}; got {len(labels)}. Compare more conditions: "
            f"choose another column with by=."
        )
        raise DesignError(message)
    return labels


def _rows(rdms: dict[str, xr.DataArray], labels: np.ndarray, metric: str) -> np.ndarray:
    rows = [represent(one, labels, METRICS[metric], distance="correlation").values for one in rdms.values()]
    for name, row in zip(rdms, rows, strict=True):
        missing = int(np.isnan(row).sum())
        if missing:
            message = (
                f"compare_models needs every distance; {missing} of {len(row)} of {name!r} are NaN. Drop their stimuli "
                f"from all RDMs: x.sel(stimulus=kept, stimulus2=kept)."
            )
            raise DesignError(message)
    return np.stack(rows)
