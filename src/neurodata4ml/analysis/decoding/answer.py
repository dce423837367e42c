"""From a question to scores: the decoder found, run over all labellings and folds, and added up."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding.accuracy import groups_of
from neurodata4ml.analysis.decoding.decoders import Chosen, find_decoder, settle
from neurodata4ml.analysis.decoding.held_out import held_out
from neurodata4ml.analysis.decoding.options import Options
from neurodata4ml.analysis.decoding.question import Question, ask
from neurodata4ml.analysis.decoding.scoring import Score, find_score
from neurodata4ml.analysis.decoding.tally import Tally, tally
from neurodata4ml.analysis.design.warned import warn_reader
from neurodata4ml.analysis.inference.corrections import CORRECTIONS
from neurodata4ml.analysis.linear.evidence import Kept
from neurodata4ml.analysis.linear.threads import one_blas_thread
from neurodata4ml.errors import DesignError

_LARGEST = 1e140
"""Sums of squares of larger numbers overflow; of numbers smaller than its inverse, they vanish."""

_LOG = logging.getLogger("neurodata4ml")


@dataclass(frozen=True)
class Answer:
    """What was asked, and what was found.

    Attributes
    ----------
    question : Question
    options : Options
    chosen : Chosen
        The decoder.
    score : Score
    found : Tally
    groups : str
        What was left out together for the intervals: "block" or "contiguous".
    kept : list
        What the engine left of its sums over all samples; see ``Kept``.
    """

    question: Question
    options: Options
    chosen: Chosen
    score: Score
    found: Tally
    groups: str
    kept: Kept = field(default_factory=list)


def answer(
    x: xr.DataArray,
    target: str,
    options: Options,
    *,
    over: str | None,
    across_times: bool = False,
    step: str = "decode",
) -> Answer:
    """Run the decoder that ``options`` ask for over every labelling and fold.

    Parameters
    ----------
    x, target, options, over
        See ``decode``.
    across_times : bool
        Test each decoder on every time: scores are (time, time_test).
    step : str
        The public function on whose behalf this is done, for messages.
    """
    if options.correction not in (None, "none", *CORRECTIONS):
        message = f"{step} knows the corrections {', '.join(CORRECTIONS)} and none; got {options.correction!r}."
        raise DesignError(message)
    question = ask(x, target, options, over=over, step=step)
    continuous = question.classes is None
    score = find_score(options.scoring, continuous=continuous)
    chosen = find_decoder(options.decoder, options.nested, continuous=continuous, target=target)
    n_folds = max(folds.n_folds for folds in question.folds)
    chosen = settle(chosen, question.truth, question.n_classes, n_folds, asked=bool(options.nested))
    if chosen.closed != "bayes":
        _require_squares(question.responses, step)
    _warn_of_leak(question, step)
    groups, kind = groups_of(question.x, question.dim)
    shape = (len(question.sets), len(question.folds), n_folds, len(question.responses))
    _LOG.info("%s: %d labellings, %d deals of folds, %d folds, %d times", step, *shape)
    kept: Kept = []
    with one_blas_thread():  # once: folds that are dealt again for each shuffle ask for it a thousand times
        pieces = held_out(question, chosen, score, across_times=across_times, n_jobs=options.n_jobs, keep=kept)
        found = tally(pieces, score, shape, groups)
    return Answer(question, options, chosen, score, found, kind, kept)


def notes(found: Answer) -> list[str]:
    """Return what a reader should know besides: of the folds, and of a score that a frequent class earns."""
    said = [note for folds in found.question.folds for note in folds.notes]
    if found.options.scoring == "accuracy":
        share = np.bincount(found.question.truth).max() / len(found.question.truth)
        if share > 1.1 / found.question.n_classes:
            said.append(
                f"accuracy is earned by the frequent class: naming it always gives {share:.2f}; compare with "
                "balanced_accuracy"
            )
    if found.question.x.attrs.get("pseudo_population"):
        said.append(str(found.question.x.attrs["pseudo_population"]))
    return list(dict.fromkeys(note.rstrip(".") for note in said if note))


def _require_squares(responses: np.ndarray, step: str) -> None:
    """Refuse responses whose squares, of which all scaling is made, float64 cannot hold."""
    if responses.dtype.kind != "f":
        return
    largest = np.maximum(responses.max(axis=(0, 1)), -responses.min(axis=(0, 1))).astype(np.float64)
    odd = largest[(largest > _LARGEST) | ((largest > 0) & (largest < 1 / _LARGEST))]
    if len(odd):
        message = (
            f"{step} squares responses, and those of {len(odd)} of {len(largest)} units are beyond what can be squared "
            f"(up to {odd[0]:.0e}). Give them in other units, such as x / {odd[0]:.0e}."
        )
        raise DesignError(message)


def _warn_of_leak(question: Question, step: str) -> None:
    for folds in question.folds:
        if folds.leak:
            message = f"{step}: folds leak, and that was allowed because: {folds.leak}. {' '.join(folds.notes)}"
            warn_reader(message.rstrip())
            return
