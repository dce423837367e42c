"""What can be read out, over many recordings: above chance, in how many, and in any of them at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.studies.across.activity import told
from neurodata4ml.studies.across.samples import Samples, common, same_axis, stacked, too_few, with_summary

LEVEL = 0.05
"""What a p-value of one recording is held against, when recordings are counted."""

_TOLD = ("target", "decoder", "scoring", "align", "bin_width", "folds", "n_shuffles", "n_folds")


def readouts(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """Scores of all recordings beside their chance.

    A mean above chance says that some recordings hold information, not that each does (Allefeld et al. 2016,
    NeuroImage 141:378); so recordings are counted too. ``p_combined`` asks whether *none* of these recordings does:
    Fisher's ``-2 sum log p`` is chi-squared with 2n degrees of freedom (Fisher 1925, Statistical Methods, 21.1), or
    smaller where p-values are coarse; noise differs between recordings, so their p-values are independent there.

    Returns
    -------
    Dataset
        ``accuracy_window`` (session, area), ``chance_window`` and ``gain``, how far the one is better than the other,
        over recordings;
        ``p_window``; ``p_window_significant``, ``p_window_tested`` and ``p_window_expected`` (area): recordings with
        p <= .05, with a p, and how many of them chance alone would give; ``p_combined`` (area). Over time ``accuracy``,
        ``chance``, and ``share_significant`` (area, time).
    """
    out, why = xr.Dataset(), []
    if any("accuracy_window" in one for one in having.values()):
        gained = {key: one.assign(gain=_gain(one)) for key, one in having.items() if "accuracy_window" in one}
        for name in ("accuracy_window", "chance_window", "gain"):
            out = out.merge(with_summary(gained, samples, name, ("area",)))
        out = out.merge(_window_ps(gained))
        why += too_few(out, "gain", samples)
    if same_axis(having, "time"):
        out = out.merge(_course(having, samples))
    elif any("accuracy" in one for one in having.values()):
        why.append("scores over time have no mean, since the recordings have different times")
    out.attrs = common(having, *_TOLD, "n_classes") | {"level": LEVEL} | told(why)
    return out


def _gain(array: xr.Dataset) -> xr.DataArray:
    """Return how far a score lies above its chance; of an error, below it."""
    gain = array["accuracy_window"] - array["chance_window"]
    return -gain if array.attrs.get("scoring") == "median_error" else gain


def _window_ps(having: Mapping[str, xr.Dataset]) -> xr.Dataset:
    p = stacked(having, "p_window", ("area",))
    if p is None:
        return xr.Dataset()
    out = counted(p, having, "p_window")
    combined = [_fisher(p.sel(area=area).values) for area in p["area"].values]
    return out.assign(p_window=p, p_combined=("area", np.array(combined)))


def counted(p: xr.DataArray, having: Mapping[str, xr.Dataset], name: str) -> xr.Dataset:
    """Return in how many recordings p is at most .05, how many have a p, and in how many chance alone would give that.

    With n shuffles, p is a multiple of 1 / (n + 1), so chance gives ``floor(.05 (n + 1)) / (n + 1)`` of them.

    Parameters
    ----------
    p : DataArray (session, ...)
    having : dict of str to Dataset
        Their ``attrs["n_shuffles"]`` says how many shuffles each recording had.
    name : str
        Of the p-value.
    """
    share = xr.DataArray([_chance(having[str(key)]) for key in p["session"].values], dims="session")
    return xr.Dataset(
        {
            f"{name}_significant": (p <= LEVEL).sum("session"),
            f"{name}_tested": p.notnull().sum("session"),
            f"{name}_expected": (p.notnull() * share).sortby("session").sum("session"),
        }
    )


def _chance(array: xr.Dataset) -> float:
    n = array.attrs.get("n_shuffles")
    return float(np.floor(LEVEL * (n + 1) + 1e-9) / (n + 1)) if isinstance(n, int | float) and n > 0 else LEVEL


def _fisher(p: np.ndarray) -> float:
    known = np.sort(p[np.isfinite(p)])
    return float(stats.combine_pvalues(known, method="fisher").pvalue) if known.size else np.nan


def _course(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    out, dims = xr.Dataset(), ("area", "time")
    for name in ("accuracy", "chance"):
        out = out.merge(with_summary(having, samples, name, dims))
    p = stacked(having, "p_value_corrected", dims)
    if p is not None:
        n = p.notnull().sum("session")
        out["share_significant"] = (p <= LEVEL).sum("session") / n.where(n > 0)
    return out
