"""What the samples are when recordings are summed up, animals or recordings, and the interval of their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.results import Results

LEAST = 3
"""Samples below which no interval is given: that of two reaches 13 standard errors to either side."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Samples:
    """Which recordings are one sample.

    Attributes
    ----------
    subject : dict of str to str
        Recording -> its animal; "" where it is not known.
    by : str
        "animal" or "recording".
    """

    subject: dict[str, str]
    by: str

    @property
    def told(self) -> dict[str, Any]:
        """What results say of their samples."""
        animals = {animal for animal in self.subject.values() if animal}
        known = all(self.subject.values())
        n = len(animals) if self.by == "animal" else len(self.subject)
        return {"sampled": self.by, "n_samples": n, "n_animals": len(animals) if known else 0}

    def of(self, x: xr.DataArray) -> xr.DataArray:
        """Return values by recording (session, ...) as values by sample (sample, ...): means within every animal.

        Samples stand in the order of their names, so that sums do not depend on that of the recordings.
        """
        x = x.sortby("session")
        if self.by == "recording":
            return x.rename(session="sample")
        owner = xr.DataArray([self.subject[str(key)] for key in x["session"].values], dims="session", name="sample")
        return x.groupby(owner).mean("session").transpose("sample", ...)


def samples_of(sessions: Mapping[str, Results]) -> Samples:
    """Return whether animals or recordings are the samples.

    Recordings of one animal resemble each other, and counting them as independent makes intervals too narrow (Aarts
    et al. 2014, Nat. Neurosci. 17:491). So animals are the samples, each with the mean of its recordings (summary
    statistics: Holmes & Friston 1998, NeuroImage 7:S754), wherever ``data["subject"]`` names the animal of all and
    there are several. With one animal, recordings are the samples, and what they say holds for that animal.
    """
    subject = {key: str(one.data.get("subject") or "") for key, one in sessions.items()}
    several = all(subject.values()) and 1 < len(set(subject.values())) < len(subject)
    return Samples(subject, "animal" if several else "recording")


def summary(x: xr.DataArray, samples: Samples, name: str) -> xr.Dataset:
    """Return the mean over samples with its interval, and how many recordings have a value.

    With n samples of mean m and standard deviation s (n - 1 in its denominator), the interval is
    ``m -+ t(n - 1) s / sqrt(n)`` (Student 1908, Biometrika 6:1). NaN where fewer than three samples have a value.

    Parameters
    ----------
    x : DataArray (session, ...)
    samples : Samples
    name : str
        Of the quantity.

    Returns
    -------
    Dataset of ``{name}_mean``, ``{name}_mean_low``, ``{name}_mean_high``, ``{name}_n`` (recordings) and
    ``{name}_n_samples``, dims (...)
    """
    by_sample = samples.of(x)
    n = by_sample.notnull().sum("sample")
    mean = by_sample.sum("sample") / n.where(n > 0)
    spread = (((by_sample - mean) ** 2).sum("sample") / (n - 1).where(n >= LEAST)) ** 0.5
    reach = stats.t.ppf(0.5 + CONFIDENCE / 2, np.maximum(n.values - 1, 1)) * spread / n.where(n > 0) ** 0.5
    found = {"mean": mean, "mean_low": mean - reach, "mean_high": mean + reach}
    found |= {"n": x.notnull().sum("session"), "n_samples": n}
    return xr.Dataset({f"{name}_{end}": value for end, value in found.items()})


def stacked(having: Mapping[str, xr.Dataset], name: str, dims: Sequence[str]) -> xr.DataArray | None:
    """Return a variable of all recordings (session, ...), NaN where one lacks a label; None if none has the variable.

    Labels stand in the order of :func:`shared`.
    """
    parts = {key: one[name].transpose(*dims) for key, one in having.items() if name in one}
    if not parts:
        return None
    labels = {dim: shared([part[dim].values for part in parts.values()]) for dim in dims}
    values = np.full((len(parts), *(len(label) for label in labels.values())), np.nan)
    for row, part in zip(values, parts.values(), strict=True):
        row[np.ix_(*(_places(part[dim].values, labels[dim]) for dim in dims))] = part.values
    coords = {"session": np.array(list(parts), dtype=object), **labels}
    return xr.DataArray(values, dims=("session", *dims), coords=coords, name=name)


def shared(labels: Sequence[np.ndarray]) -> np.ndarray:
    """Return the labels that any of several axes has, in an order that does not depend on that of the axes.

    First stand those of the longest axis, as they stand there, then all others by name.
    """
    first = min((_plain(one).tolist() for one in labels), key=lambda own: (-len(own), own))
    rest = sorted({label for one in labels for label in _plain(one).tolist()} - set(first))
    return np.array([*first, *rest], dtype=_plain(labels[0]).dtype)


def _places(own: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return where each of a recording's own labels stands among all."""
    if len(own) == len(labels) and np.array_equal(own, labels):
        return np.arange(len(labels))
    where = {label: i for i, label in enumerate(labels.tolist())}
    return np.array([where[label] for label in _plain(own).tolist()], dtype=int)


def _plain(labels: np.ndarray) -> np.ndarray:
    return labels.astype(object) if labels.dtype.kind in "UO" else labels


def with_summary(
    having: Mapping[str, xr.Dataset],
    samples: Samples,
    name: str,
    dims: Sequence[str],
    *,
    called: str = "",
    ends: tuple[str, str] | None = None,
) -> xr.Dataset:
    """Return a quantity of all recordings with the ends of its intervals, and its mean over them; empty if none has it.

    Parameters
    ----------
    having : dict of str to Dataset
    samples : Samples
    name : str
        Of the variable in each recording's array.
    dims : sequence of str
        Its dims.
    called : str
        What the quantity is called in what is returned; ``name`` when left out.
    ends : (str, str), optional
        Variables that hold the ends of each recording's own interval; ``name_low`` and ``name_high`` when left out.
    """
    called, out = called or name, xr.Dataset()
    value = stacked(having, name, dims)
    if value is None:
        return out
    out[called] = value
    for end, variable in zip(("low", "high"), ends or (f"{name}_low", f"{name}_high"), strict=True):
        found = stacked(having, variable, dims)
        if found is not None:
            out[f"{called}_{end}"] = found.reindex_like(value)
    return out.merge(summary(value, samples, called))


def same_axis(having: Mapping[str, xr.Dataset], *names: str) -> bool:
    """Return whether all recordings have these coordinates, with equal values."""
    every = list(having.values())
    return all(
        name in one.coords and name in every[0].coords and np.array_equal(one[name].values, every[0][name].values)
        for one in every
        for name in names
    )


def common(having: Mapping[str, xr.Dataset], *names: str) -> dict[str, Any]:
    """Return the attributes among ``names`` that all recordings share."""
    every = list(having.values())
    return {
        name: every[0].attrs[name]
        for name in names
        if name in every[0].attrs and all(str(one.attrs.get(name)) == str(every[0].attrs[name]) for one in every)
    }


def too_few(out: xr.Dataset, name: str, samples: Samples) -> list[str]:
    """Return why a mean over recordings has no interval, by area; nothing where all have one."""
    mean, low = out[f"{name}_mean"], out[f"{name}_mean_low"]
    absent = (mean.notnull() & low.isnull()).any([dim for dim in mean.dims if dim != "area"])
    names = [str(area) for area in np.atleast_1d(mean["area"].values)[np.atleast_1d(absent.values)]]
    if not names:
        return []
    return [f"an interval over {samples.by}s needs {LEAST} of them, and {', '.join(names)} was found in fewer"]
