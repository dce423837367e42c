"""A result in words: what it estimates, what it rests on, what chance gives, and what it does not show."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import xarray as xr

from neurodata4ml.analysis.comparison.explained import models, population, responses, similarity, subjects, tests
from neurodata4ml.errors import DesignError
from neurodata4ml.suggest import guess

Explainer = Callable[[Any], Sequence[tuple[str, str]]]
"""Given a result, headings with what stands under them; what is empty is left out."""

_WIDTH = 100

_CELL_BY_CELL = ("compare", "brain_vs_network", "rdm")
"""Results of which is told what is missing in the part at hand, rather than what ``attrs["undefined"]`` says of all."""


class Explanation(str):
    """Text that a notebook shows as it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)


def explain(result: xr.Dataset | xr.DataArray) -> Explanation:
    """Say in words what a result estimates, and what it does not show.

    Which analysis made it is read from its attributes, which every function of this package leaves there.

    Parameters
    ----------
    result : Dataset or DataArray
        What a function of ``EXPLANATIONS`` gave, whole or a selection with its attributes: ``compare``,
        ``brain_vs_network``, ``rdm``, ``noise_ceiling``, ``encode``, ``decode``, ``permutation_test``, ...

    Returns
    -------
    str
        Headings with a paragraph each: the estimand, the numbers with their intervals, the null value for this number
        of stimuli and units, the ceiling, tests and their correction, invariances, bias, what would break it.

    Raises
    ------
    DesignError
        A result of something else, or one whose attributes were lost.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from neurodata4ml.analysis.comparison.compare import compare
    >>> x = xr.DataArray(np.eye(5), dims=("stimulus", "unit"), coords={"stimulus": list("abcde")})
    >>> print(explain(compare(x, x, metric="cka")).splitlines()[0])
    What is estimated
    """
    step = _last_step(result)
    if step not in EXPLANATIONS:
        made = f"this was last made by {step!r}" if step else "this says nowhere how it was made"
        message = (
            f"explain knows the results of {', '.join(EXPLANATIONS)}; {made}.{guess(step, EXPLANATIONS)} Hand in the "
            "whole result, with its attributes: explain(compare(x, y))."
        )
        raise DesignError(message)
    parts = [(title, " ".join(text.split())) for title, text in EXPLANATIONS[step](result) if text.strip()]
    if step not in _CELL_BY_CELL and "undefined" in result.attrs:
        parts = [(title, text + f" {result.attrs['undefined']}" * (title == "The numbers")) for title, text in parts]
    return Explanation("\n\n".join(f"{title}\n{_wrapped(text)}" for title, text in parts))


def _last_step(result: Any) -> str:
    """Return the name of the last step that made a result; empty where it does not say."""
    try:
        steps = json.loads(result.attrs["steps"])
        return str(steps[-1]["step"])
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return ""


def _wrapped(text: str) -> str:
    indent = "    "
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


EXPLANATIONS: dict[str, Explainer] = {
    "compare": similarity.of_compare,
    "brain_vs_network": similarity.of_brain_vs_network,
    "permutation_test": tests.of_permutation_test,
    "pairwise": tests.of_pairwise,
    "against": tests.of_against,
    "hierarchy": tests.of_hierarchy,
    "compare_models": subjects.of_compare_models,
    "rdm": responses.of_rdm,
    "reliability": responses.of_reliability,
    "noise_summary": responses.of_noise_summary,
    "noise_ceiling": responses.of_noise_ceiling,
    "encode": models.of_encode,
    "choose_layer": models.of_choose_layer,
    "decode": models.of_decode,
    "decode_by": models.of_decode,
    "generalize": models.of_decode,
    "latents": population.of_latents,
    "dimensionality": population.of_dimensionality,
    "bootstrap": models.of_bootstrap,
    "jackknife": models.of_jackknife,
}
"""Name of a step -> what explains its result."""
