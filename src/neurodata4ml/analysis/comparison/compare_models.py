"""Many models beside the RDMs of several subjects: how alike, how sure, and how far from the noise ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.comparison.subject_draws import Sample, sample
from neurodata4ml.analysis.comparison.subject_rdms import read_rdms
from neurodata4ml.analysis.comparison.told import undefined_models
from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.p_values import CORRECTIONS, ROUNDING, require_correction
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import Side
from neurodata4ml.analysis.similarity.table import nulls_of
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import guess

_N_NULL = 20
"""Shuffles behind what independent RDMs give, where it is not 0."""


def compare_models(
    subjects: xr.DataArray | Mapping[str, xr.DataArray],
    models: xr.DataArray | Mapping[str, xr.DataArray],
    *,
    metric: str = "rsa_pearson",
    over: str | Sequence[str] | None = None,
    correction: str = "holm",
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """How alike the RDMs of models are to those of several subjects (animals), on average over subjects.

    Stimuli and subjects are drawn with replacement, at once and each alone, and the variances combined so that other
    stimuli and other subjects are allowed for (Schuett et al. 2023, eLife 12:e82566). Pairs of copies of a stimulus
    are left out, and what pairs of stimuli add to a correlation is counted once: drawn naively, intervals of unrelated
    models are up to sqrt(3) times too wide. The noise ceiling (Nili et al. 2014, PLoS Comput Biol 10:e1003553) is
    computed anew in every draw, so that a model's distance from it is tested within draws. In words:
    ``explain(result)``.

    Parameters
    ----------
    subjects : DataArray (subject or animal, stimulus, stimulus2), or dict of subject to DataArray
        From ``rdm``, of equal stimuli; they meet by label.
    models : DataArray (model, stimulus, stimulus2), or dict of model to DataArray
    metric : "rsa_pearson", "rsa_cosine" or "rsa_spearman"
        Those for which it is known which RDM is most like all subjects.
    over : "stimulus", "subject" or both, optional
        What the intervals and tests generalise to. None: both, or stimuli alone where there is one subject.
    correction : "holm", "fdr" or "none"
        For all models (against independence, against the ceiling), and for all pairs of models: three families.
    confidence : float
        Coverage of each interval, alone.
    n_resamples, seed : int

    Returns
    -------
    Dataset, dims (model, model2), unitless
        ``similarity`` with ``se``, ``low``, ``high``; ``null_value``, what independent RDMs give, 0 for correlations;
        ``p_null`` one-sided, of more than that. ``lower`` and ``upper`` bound of the ceiling, each with ``*_low`` and
        ``*_high``; ``to_ceiling``: similarity less the lower bound, paired, with its interval, and ``p_ceiling``
        two-sided. ``difference`` (model less model2), paired, with its interval and ``p_difference`` two-sided. Of each
        p also ``*_corrected``. All t-tests with the smaller number of stimuli or subjects, less one, degrees of
        freedom. ``attrs["assumed"]`` says what the numbers rest on, ``attrs["undefined"]`` why some are NaN.

    Raises
    ------
    DimensionError
        What is no RDM, or has other stimuli than the first.
    DesignError
        One subject where subjects are to be drawn, fewer than 5 stimuli, distances that are not known, an RDM of a
        subject that does not vary, an unknown name.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from neurodata4ml.analysis.dissimilarity.rdm import rdm
    >>> rng = np.random.default_rng(0)
    >>> means = xr.DataArray(rng.normal(size=(12, 9)), dims=("stimulus", "unit"), coords={"stimulus": range(12)})
    >>> mice = {name: rdm(means + 0.5 * rng.normal(size=(12, 9))) for name in "abcd"}
    >>> found = compare_models(mice, {"truth": rdm(means)}, n_resamples=50)
    >>> bool(found.similarity.sel(model="truth") > found.lower)
    True
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_resamples, "n_resamples", least=20)
    require_confidence(confidence, step="compare_models")
    require_correction(correction)
    read = read_rdms(subjects, models, metric)
    chosen = _over(over, len(read.subjects), read.subject)
    drawn = sample(metric, read.subject_rows, read.model_rows, over=chosen, n_resamples=n_resamples, seed=seed)
    null = _null(metric, read.subject_rows, read.model_rows, seed)
    out = _labelled(drawn, null, read.models, correction, confidence)
    shown = {"metric": metric, "over": ", ".join(read.subject if one == "subject" else one for one in chosen)}
    settings: dict[str, Any] = {"correction": correction, "confidence": confidence, "n_resamples": n_resamples}
    out.attrs = {
        **provenance(*read.arrays),
        **shown,
        **({"distance": read.distance} if read.distance else {}),
        "n_stimuli": drawn.n_stimuli,
        "n_subjects": drawn.n_subjects,
        "n_models": len(read.models),
        "n_tests": int(out.p_null.notnull().sum()),
        "n_pairs": int(out.p_difference.notnull().sum()) // 2,
        **settings,
        "seed": seed,
        "assumed": _assumed(chosen, drawn, read.subject),
        **undefined_models(out),
    }
    return add_step(out, "compare_models", **shown, **settings, seed=seed)


def _over(over: str | Sequence[str] | None, n_subjects: int, subject: str) -> tuple[str, ...]:
    """Return what is drawn, stimuli first."""
    if over is None:
        return ("stimulus", "subject") if n_subjects > 1 else ("stimulus",)
    named = (over,) if isinstance(over, str) or not isinstance(over, Sequence) else tuple(over)
    known = ["stimulus", "subject", "animal"]
    strange = [name for name in named if name not in known]
    if strange or not named:
        hint = guess(strange[0], known) if strange else ""
        message = (
            f'compare_models draws stimuli and subjects; got over={over!r}.{hint} Type over=("stimulus", "subject").'
        )
        raise DesignError(message)
    asked = {"subject" if name == "animal" else name for name in named}
    chosen = tuple(name for name in ("stimulus", "subject") if name in asked)
    if "subject" in chosen and n_subjects < 2:
        message = (
            f"Subjects are drawn from 2 or more; got 1 {subject}, which says nothing about others. Type "
            f'over="stimulus": the interval is then about this {subject}.'
        )
        raise DesignError(message)
    return chosen


def _null(metric: str, subjects: np.ndarray, models: np.ndarray, seed: int) -> np.ndarray:
    """Return what independent RDMs give, on average over subjects (n_models,)."""
    promise = METRICS[metric]
    sides = [[Side(row, promise.prepare(row)) for row in rows] for rows in (subjects, models)]
    return np.asarray(nulls_of(promise, *sides, n_shuffles=_N_NULL, seed=seed).mean(axis=0))


def _labelled(drawn: Sample, null: np.ndarray, models: list[str], correction: str, confidence: float) -> xr.Dataset:
    n, correct = len(models), CORRECTIONS[correction]
    se, to_lower = np.sqrt(drawn.variance()), np.sqrt(drawn.variance(n)[:n])
    found, bounds = drawn.estimate[:n], drawn.estimate[n:]
    gap, gap_se = found[:, None] - found, np.sqrt([drawn.variance(k)[:n] for k in range(n)])
    width = float(stats.t.ppf(0.5 + confidence / 2, drawn.freedom))

    def interval(name: str, dims: Any, value: Any, error: Any, *, bare: str = "") -> dict[str, Any]:
        ends = {"low": value - width * error, "high": value + width * error}
        return {name: (dims, value), **{f"{bare}{end}": (dims, values) for end, values in ends.items()}}

    def tested(name: str, dims: Any, p: np.ndarray) -> dict[str, Any]:
        return {f"p_{name}": (dims, p), f"p_{name}_corrected": (dims, correct(p))}

    known = np.isfinite(found)
    p_null = np.where(known, stats.t.sf((found - null) / _above_0(se[:n]), drawn.freedom), np.nan)
    p_ceiling = _two_sided(found - bounds[0], to_lower, drawn.freedom)
    above, p_gap, p_gap_corrected = np.triu_indices(n, 1), *(np.full((n, n), np.nan) for _ in range(2))
    p_pairs = _two_sided(gap[above], gap_se[above], drawn.freedom)
    for square, values in ((p_gap, p_pairs), (p_gap_corrected, correct(p_pairs))):
        square[above] = square.T[above] = values
    pair = ("model", "model2")
    out = {
        **interval("similarity", "model", found, se[:n]),
        "se": ("model", se[:n]),
        "null_value": ("model", np.where(known, null, np.nan)),
        **tested("null", "model", p_null),
        **interval("lower", (), bounds[0], se[n], bare="lower_"),
        **interval("upper", (), bounds[1], se[n + 1], bare="upper_"),
        **interval("to_ceiling", "model", found - bounds[0], to_lower, bare="to_ceiling_"),
        **tested("ceiling", "model", p_ceiling),
        **interval("difference", pair, gap, gap_se, bare="difference_"),
        "p_difference": (pair, p_gap),
        "p_difference_corrected": (pair, p_gap_corrected),
    }
    return xr.Dataset(out, coords={"model": models, "model2": models})


def _two_sided(gap: np.ndarray, se: np.ndarray, freedom: int) -> np.ndarray:
    """Return p of a t-test; 1 where two are equal but for rounding."""
    alike = (np.abs(gap) <= ROUNDING) & (se <= np.sqrt(ROUNDING))
    return np.asarray(np.where(alike, 1.0, 2.0 * stats.t.sf(np.abs(gap) / _above_0(se), freedom)))


def _above_0(se: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(se, ROUNDING))


def _assumed(over: tuple[str, ...], drawn: Sample, subject: str) -> str:
    others = {"stimulus": "other stimuli of the kind", "subject": f"other {subject}s"}
    fixed = [f"these {drawn.n_stimuli} stimuli", f"these {drawn.n_subjects} {subject}s"]
    fixed = [words for words, name in zip(fixed, ("stimulus", "subject"), strict=True) if name not in over]
    if drawn.n_subjects == 1:
        fixed = [words[:-1].replace("these 1", "this") if subject in words else words for words in fixed]
    kept = f"; {fixed[0]} {'is' if drawn.n_subjects == 1 else 'are'} fixed" if fixed else ""
    return (
        f"The intervals are over {' and '.join(others[name] for name in over)}, drawn with replacement{kept}. Models "
        f"are fixed: none was fitted to these RDMs. Noise in the RDMs lowers similarity and ceiling alike. t with "
        f"{drawn.freedom} degrees of freedom."
    )
