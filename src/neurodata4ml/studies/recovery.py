"""Would the analysis have found out? Ten quantities of a simulated session, estimate beside truth.

Truth is conditional on the session: its units, scenes, valid trials, running and drift. What varies is the noise, so
every interval must cover the truth in 95 of 100 sessions. Intervals are jackknifes over blocks, but for the mean
response: blocks differ in running and drift, which is no error of the estimate.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import xarray as xr

from neurodata4ml.data.align.averages import align_series
from neurodata4ml.data.demo.simulate import DURATION, draw_counts
from neurodata4ml.data.truth import noise_loadings, shows_scenes, truth
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.studies.material import Material
from neurodata4ml.studies.quantities import Case, Recovered, recovered

N_SIMULATED = 50
"""Fresh sessions behind the truth of accuracy and ceiling: 50 of 2,000 trials are 100,000 trials."""


def recover(m: Material) -> xr.Dataset:
    """Return every estimate beside its truth, one row per quantity and area, with 95 % intervals.

    Parameters
    ----------
    m : Material
        Of a simulated session, binned from onset to ``DURATION``.

    Returns
    -------
    Dataset
        Dim ``row``: ``quantity``, ``area``, ``what``, ``units``, ``estimate``, ``low``, ``high``, ``truth``,
        ``inside``; for many numbers of one kind ``n_entries`` and ``share_inside``, the share of their own 95 %
        intervals that hold the truth, with the mean as estimate.

    Raises
    ------
    DesignError
        If the session was not simulated, or the window is not the one that the truth describes.
    """
    if not shows_scenes(m.session):
        message = "nobody knows the truth of a real recording; run the demo to see every estimate beside its truth."
        if m.session.attrs.get("simulated"):
            message = (
                f"a report sets estimates beside the truth of the demo's scenes alone; what is true of "
                f"{m.session.attrs.get('dataset', 'this recording')} is in truth(session)."
            )
        raise DesignError(message)
    if m.spec.window != (0.0, DURATION) or m.spec.align != "start_time":
        message = (
            f"the truth of the demo is known from onset to {DURATION} s; this study looks at {m.spec.align} "
            f"{m.spec.window}. Leave out --align and --window to see it."
        )
        raise DesignError(message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the other sections asked the same, and said what there is to say
        return table({case.area: list(recovered(case)) for case in cases(m)}, m.totals)


def cases(m: Material) -> Iterator[Case]:
    """Yield one case per area, with fresh simulated sessions shared by all areas."""
    known = truth(m.session)
    means, loading = known["expected_count"].values, noise_loadings(m.session)
    rng = np.random.default_rng([m.spec.seed, 1])
    fresh = [draw_counts(means, loading, rng) for _ in range(N_SIMULATED)]
    speed = align_series(m.session, "running", window=m.spec.window, bin_width=DURATION).isel(time=0, drop=True)
    for area in m.areas:
        x = m.of_area(m.totals, area)
        here = np.flatnonzero(m.totals["area"].values == area)
        yield Case(
            area=area,
            x=x,
            time=m.of_area(m.counts, area).sum("unit", keep_attrs=True),
            speed=speed,
            known=known.sel(area=area).isel(unit=here),
            fresh=[x.copy(data=counts[:, here]) for counts in fresh],
            candidates=m.candidates,
            seed=m.spec.seed,
        )


def table(by_area: dict[str, list[Recovered]], source: xr.DataArray, *, confidence: float = 0.95) -> xr.Dataset:
    """Lay all estimates out as rows; many numbers of one kind become one row with the share that is inside."""
    rows = [(area, r, *r.bounds(confidence)) for area, found in by_area.items() for r in found]
    many = np.array([r.estimate.size > 1 for _, r, _, _ in rows])
    numbers = {
        "estimate": [r.estimate.mean() for _, r, _, _ in rows],
        "low": np.where(many, np.nan, [low.flat[0] for _, _, low, _ in rows]),
        "high": np.where(many, np.nan, [high.flat[0] for _, _, _, high in rows]),
        "truth": [r.truth.mean() for _, r, _, _ in rows],
        "n_entries": [r.estimate.size for _, r, _, _ in rows],
        "share_inside": [r.share_inside(confidence) for _, r, _, _ in rows],
    }
    words = {name: [getattr(r, name) for _, r, _, _ in rows] for name in ("quantity", "what", "units")}
    found = xr.Dataset({name: ("row", np.asarray(values)) for name, values in numbers.items()})
    found = found.assign({name: ("row", np.array(values, dtype=object)) for name, values in words.items()})
    found["area"] = ("row", np.array([area for area, *_ in rows], dtype=object))
    # of many intervals, about one in twenty misses: all is well while no more than one in ten does
    found["inside"] = found["share_inside"] >= np.where(many, 2 * confidence - 1, 1.0)
    found.attrs = {**provenance(source), "confidence": confidence}
    for name, quantity in (("response", "of each unit to each scene"), ("distance", "of each pair of scenes")):
        shown = [r for _, r, _, _ in rows if r.what == quantity]
        for side in ("estimate", "truth"):
            points = np.concatenate([getattr(r, side).ravel()[:: max(1, r.estimate.size // 1000)] for r in shown])
            found[f"{name}_{side}"] = (f"{name}_point", np.round(points, 4))
    return add_step(found, "recover", confidence=confidence)
