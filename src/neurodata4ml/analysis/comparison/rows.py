"""One representation beside many: similarities, and what they are when parts of the data are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.question import Question
from neurodata4ml.analysis.comparison.surplus import stimulus_replicates, stimulus_replicates_of_halves
from neurodata4ml.analysis.comparison.two_factor import two_factor_interval
from neurodata4ml.analysis.comparison.two_sides import Partner, partner_of
from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.analysis.reliability.groups import over_trials
from neurodata4ml.analysis.reliability.noise_corrected import corrected_cka, unit_vectors, with_halves
from neurodata4ml.analysis.reliability.redrawn import has_signal
from neurodata4ml.analysis.similarity.representations import Side, represent
from neurodata4ml.analysis.similarity.table import similarities
from neurodata4ml.dims import feature_dim


def row_of(x: xr.DataArray, sides: list[Side], question: Question) -> xr.Dataset:
    """Return the similarity of ``x`` with every side, and its interval over what the question says.

    Returns
    -------
    Dataset, dims (y) and, of replicates, (group, y)
        ``similarity``; with an interval ``low``, ``high``, ``replicate``; where noise is corrected for also ``raw``,
        ``ceiling`` with ``ceiling_low`` and ``ceiling_high`` (of trials on both sides, for each y). What needs a signal
        is NaN where none is found: ``silent_x``, ``silent_y``.
    """
    asked = _asked(x, sides, question)
    estimate = asked.of(asked.x)
    out = xr.Dataset({"similarity": _of(estimate, "similarity")})
    found = _found(asked, estimate) if question.over else None
    if found is not None:
        out = found[["low", "high", "replicate"]].sel(quantity="similarity", drop=True).drop_attrs().assign(out)
        out = out.assign_coords(group=np.arange(out.sizes["group"]))
    if question.corrected:
        out = out.assign(_ceilings(estimate, found, two_sided=question.two_sided))
        if found is not None:
            silent = _silent(asked, estimate, found)
            out = out.where(~(silent["silent_x"] | silent.get("silent_y", False))).assign(silent)
        out["raw"] = _of(estimate, "raw")
    told = {} if found is None else found.attrs
    return out.assign_attrs({**told, **({"folds": asked.x.attrs["folds"]} if question.corrected else {})})


def _ceilings(estimate: xr.DataArray, found: xr.Dataset | None, *, two_sided: bool) -> dict[str, xr.DataArray]:
    """Return the ceiling, and its interval where there is one: of one side alone it is the same for every y."""
    values = {"ceiling": estimate}
    if found is not None:
        values |= {"ceiling_low": found["low"], "ceiling_high": found["high"]}
    ceilings = {name: _of(value, "ceiling").drop_attrs() for name, value in values.items()}
    return ceilings if two_sided else {name: value.isel(y=0) for name, value in ceilings.items()}


@dataclass(frozen=True)
class _Asked:
    """One representation, ready to be asked again and again with parts left out."""

    x: xr.DataArray
    sides: list[Side]
    question: Question
    half: np.ndarray | None
    vectors: np.ndarray | None
    partners: list[Partner]

    def of(self, part: xr.DataArray) -> xr.DataArray:
        """Return the similarities (quantity, y) of a part of ``x``; NaN if a stimulus has too few trials."""
        labels, promise, distance = self.question.labels, self.question.promise, self.question.distance
        if self.half is not None and self.partners:
            return xr.concat([one.beside(part, self.half, len(labels)) for one in self.partners], dim="y").T
        if self.half is not None and self.vectors is not None:
            return corrected_cka(part, self.half, len(labels), self.vectors)
        if "trial" in part.dims:
            counts = np.unique(part.coords["stimulus"].values, return_counts=True)[1]
            needed = 2 if promise.on == "rdm" and distance == "crossnobis" else 1
            if len(counts) < len(labels) or counts.min() < needed:
                return _quantities(np.full(len(self.sides), np.nan))
        side = represent(part, labels, promise, distance=distance)
        return _quantities(similarities(promise, [side], self.sides)[0])

    def without_stimuli(self, part: xr.DataArray) -> xr.DataArray:
        """Return the similarities (group, quantity, y) of a part of ``x`` with each stimulus left out."""
        labels, promise = self.question.labels, self.question.promise
        if self.half is not None and self.partners:
            found = [one.without_stimuli(part, self.half, len(labels)) for one in self.partners]
            return xr.concat(found, dim="y").transpose("group", "quantity", "y")
        if self.half is not None and self.vectors is not None:
            return stimulus_replicates_of_halves(part, self.half, len(labels), self.vectors)
        side = represent(part, labels, promise, distance=self.question.distance)
        replicates = stimulus_replicates(promise, side, self.sides)
        return xr.concat([_quantities(one) for one in replicates], dim="group")

    def without_units(self) -> Iterator[xr.DataArray]:
        """Yield ``x`` without one group of units: dealt at random, or those of one session or animal."""
        columns = feature_dim(self.x, step="compare")
        name, n = self.question.over[-1], self.x.sizes[columns]
        if name in self.x.coords and self.x.coords[name].dims == (columns,) and name != columns:
            group = np.unique(self.x.coords[name].values, return_inverse=True)[1]
        else:
            dealt = np.arange(n) % min(self.question.n_groups, n)
            group = np.random.default_rng(self.question.seed).permutation(dealt)
        for k in range(group.max() + 1):
            yield self.x.isel({columns: np.flatnonzero(group != k)})


def _asked(x: xr.DataArray, sides: list[Side], question: Question) -> _Asked:
    if not question.corrected:
        return _Asked(x, sides, question, None, None, [])
    units = {str(n): c.values for n, c in x.coords.items() if c.dims == (feature_dim(x, step="compare"),)}
    trials, half = with_halves(x, n_splits=question.n_splits, seed=question.seed, step="compare")
    trials = trials.assign_coords({name: (trials.dims[1], values) for name, values in units.items()})
    if question.two_sided:
        settings: dict[str, int] = {"n_splits": question.n_splits, "seed": question.seed}
        partners = [partner_of(x, y, half, **settings) for y in question.ys.values()]
        return _Asked(trials, sides, question, half, None, partners)
    return _Asked(trials, sides, question, half, unit_vectors([side.prepared for side in sides]), [])


def _found(asked: _Asked, estimate: xr.DataArray) -> xr.Dataset:
    """Return the interval of every quantity, and the replicates that it comes from."""
    question = asked.question
    if len(question.over) == 2:
        return _over_both(asked, estimate)
    if question.over == ("trial",):
        return _over_trials(asked, estimate)
    if question.over == ("stimulus",):
        replicate = asked.without_stimuli(asked.x)
    else:
        replicate = xr.concat([asked.of(part) for part in asked.without_units()], dim="group")
    return interval(estimate, replicate, confidence=question.confidence)


def _over_trials(asked: _Asked, estimate: xr.DataArray) -> xr.Dataset:
    """Return the interval over trials: of one recording those of both sides at once, of two those of each."""
    question = asked.question
    left_out = over_trials(asked.of, asked.x, n_groups=question.n_groups, confidence=question.confidence)
    replicate, told = left_out["replicate"], {key: left_out.attrs[key] for key in ("groups", "n_groups")}
    if not all(one.together for one in asked.partners):
        theirs = [_over_trials_of(one, asked) for one in asked.partners]
        n, most = replicate.sizes["group"], max(one.sizes["group"] for one in theirs)
        padded = [
            _spread(one, "group", n + most).pad(group=(0, most - one.sizes["group"]), constant_values=0.0)
            for one in theirs
        ]
        mine = _spread(replicate, "group", n + most)
        replicate = estimate + xr.concat([mine, xr.concat(padded, dim="y").transpose(*mine.dims)], dim="group")
    return interval(estimate, replicate, confidence=question.confidence).assign_attrs(told)


def _over_trials_of(partner: Partner, asked: _Asked) -> xr.DataArray:
    """Return the quantities (group, quantity) without some trials of a second side that is a recording of its own."""

    def of(part: xr.DataArray) -> xr.DataArray:
        other = Partner(part, partner.half, together=partner.together)
        return replace(asked, partners=[other]).of(asked.x).isel(y=0)

    if partner.together:  # its trials were left out with those of the first side
        return of(partner.trials).expand_dims(group=1)
    settings: dict[str, Any] = {"n_groups": asked.question.n_groups, "confidence": asked.question.confidence}
    return over_trials(of, partner.trials, **settings)["replicate"]


def _silent(asked: _Asked, estimate: xr.DataArray, found: xr.Dataset) -> xr.Dataset:
    """Return which sides have no signal above the noise of their trials, whatever the interval is over."""
    if asked.question.over != ("trial",):
        found = _over_trials(asked, estimate)
    assert asked.half is not None
    own, n_groups = found.sel(quantity="own", drop=True).isel(y=0), asked.question.n_groups
    out = xr.Dataset({"silent_x": ~has_signal(own, asked.x, asked.half, n_groups=n_groups)})
    if not asked.partners:
        return out
    of_y = [found.sel(quantity="own_y", drop=True).isel(y=k) for k in range(len(asked.partners))]
    each = [has_signal(own, y.trials, y.half, n_groups=n_groups) for own, y in zip(of_y, asked.partners, strict=True)]
    return out.assign(silent_y=~xr.concat(each, dim="y"))


def _over_both(asked: _Asked, estimate: xr.DataArray) -> xr.Dataset:
    """Return the interval over stimuli and units at once, and replicates whose variance is the sum of both.

    The interval's variance is v_stimuli + v_units - v_both; what is common to both is counted once. Replicates
    serve differences between candidates, for which the last term is left out: too wide rather than too narrow.
    """
    parts = list(asked.without_units())
    by_stimulus = asked.without_stimuli(asked.x)
    by_unit = xr.concat([asked.of(part) for part in parts], dim="group2")
    by_both = xr.concat([asked.without_stimuli(part) for part in parts], dim="group2")
    found = two_factor_interval(estimate, by_stimulus, by_unit, by_both, confidence=asked.question.confidence)
    n = by_stimulus.sizes["group"] + by_unit.sizes["group2"]
    scaled = [_spread(one, dim, n) for one, dim in ((by_stimulus, "group"), (by_unit, "group2"))]
    return found.assign(replicate=estimate + xr.concat([one.rename({one.dims[0]: "group"}) for one in scaled], "group"))


def _spread(replicate: xr.DataArray, dim: str, n_together: int) -> xr.DataArray:
    """Return deviations from the mean, so scaled that the jackknife of all ``n_together`` gives their variance."""
    n = replicate.sizes[dim]
    factor = np.sqrt((n - 1) / n / ((n_together - 1) / n_together))
    spread: xr.DataArray = (factor * (replicate - replicate.mean(dim))).transpose(dim, ...)
    return spread


def _quantities(similarity: np.ndarray) -> xr.DataArray:
    return xr.DataArray(similarity[None], dims=("quantity", "y"), coords={"quantity": ["similarity"]})


def _of(found: xr.DataArray, quantity: str) -> xr.DataArray:
    return found.sel(quantity=quantity, drop=True)
