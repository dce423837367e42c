"""Whether two representations share more than chance: the stimuli of one exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.permuted import orders, permuted
from neurodata4ml.analysis.comparison.question import Representation, ask
from neurodata4ml.analysis.comparison.told import not_varying
from neurodata4ml.analysis.inference.corrections import max_t
from neurodata4ml.analysis.inference.p_values import ROUNDING, permutation_p
from neurodata4ml.analysis.similarity.representations import represent, similarity_of
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DimensionError
from neurodata4ml.require import require_whole


def permutation_test(
    x: Representation,
    y: Representation,
    *,
    metric: str = "rsa_spearman",
    distance: str | None = None,
    n_shuffles: int = 999,
    seed: int = 0,
) -> xr.Dataset:
    """Is the similarity of two representations more than that of independent ones, of these stimuli?

    The stimuli of ``x`` are exchanged, rows and columns of its RDM together (Mantel 1967, Cancer Res. 27:209): entries
    of an RDM share stimuli and must not be shuffled one by one. Exact where stimuli are exchangeable; images of few
    categories or frames of one movie are not. A small p says that there is some likeness, not how much: look at the
    similarity, its interval and ceiling first (``compare``).

    Parameters
    ----------
    x, y : DataArray, or dict of name to DataArray
        As in ``compare``: means or activations (stimulus, features), RDMs; ``x`` may be single trials, which are
        averaged (crossnobis: made an RDM) once.
    metric : str
        A key of ``METRICS``.
    distance : str, optional
        For metrics on RDMs; see ``compare``.
    n_shuffles : int
        p is at least 1 / (1 + n_shuffles). Of up to 6 stimuli all orders are tried instead.
    seed : int

    Returns
    -------
    Dataset, unitless
        ``similarity``; ``null`` with the dim ``shuffle``, the same orders for all cells; ``p_value`` one-sided, ``(1 +
        #{null >= similarity}) / (1 + n)``; for dicts ``p_value_corrected``, by max-T over all cells.
        ``attrs["undefined"]`` names cells that are NaN, as one side does not vary.

    Raises
    ------
    DimensionError
        Dims or labels that do not fit.
    DesignError
        An unknown metric, too few stimuli.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.eye(4)[[0, 1, 2, 3, 3]], dims=("stimulus", "unit"), coords={"stimulus": list("abcde")})
    >>> permutation_test(x, x.rename(unit="feature"), metric="cka_unbiased").p_value.item()
    0.1
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_shuffles, "n_shuffles", least=1)
    question = ask(
        x, y, metric=metric, distance=distance, over=(), confidence=0.95, margin=0.0, n_groups=2, n_splits=1, seed=seed
    )
    if question.two_sided:
        message = (
            "permutation_test averages trials, and noise shared by two sides would count; got trials on both. Type "
            "compare(x, y).p_value, in which shared noise does not meet, or average the second: average_by(y)."
        )
        raise DimensionError(message)
    promise, labels = question.promise, question.labels
    rows, sides = (
        [represent(array, labels, promise, distance=question.distance) for array in arrays.values()]
        for arrays in (question.xs, question.ys)
    )
    order = orders(len(labels), n_shuffles, seed)
    similarity = np.array([[similarity_of(promise, row, side) for side in sides] for row in rows])
    null = np.stack([permuted(promise, row, sides, order) for row in rows], axis=1)
    out = xr.Dataset(
        {
            "similarity": (("x", "y"), similarity),
            "null": (("shuffle", "x", "y"), null),
            "p_value": (("x", "y"), permutation_p(similarity - ROUNDING, null)),
            "p_value_corrected": (("x", "y"), max_t(similarity, null)),
        },
        coords={"x": list(question.xs), "y": list(question.ys)},
    )
    out = out.squeeze([dim for dim, given in (("x", x), ("y", y)) if not isinstance(given, Mapping)], drop=True)
    if not (isinstance(x, Mapping) or isinstance(y, Mapping)):
        out = out.drop_vars("p_value_corrected")
    shown = {"metric": metric, **({"distance": question.told_distance} if question.told_distance else {})}
    about: dict[str, Any] = {
        "n_stimuli": len(labels),
        "n_shuffles": len(order),
        "n_tests": int(np.isfinite(similarity).sum()),
        "seed": seed,
    }
    cells = xr.DataArray(similarity, dims=("x", "y"), coords={"x": list(question.xs), "y": list(question.ys)})
    about |= not_varying(cells)
    out.attrs = {**provenance(*question.xs.values()), **shown, **about}
    return add_step(out, "permutation_test", **shown, n_shuffles=len(order), seed=seed)
