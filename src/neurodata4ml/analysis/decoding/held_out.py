"""Held-out predictions of any decoder, for every labelling, fold and time: in closed form, or by fitting again."""

from __future__ import annotations

from collections.abc import Iterator

from neurodata4ml.analysis.decoding.closed import solve
from neurodata4ml.analysis.decoding.decoders import Chosen
from neurodata4ml.analysis.decoding.nested import inner_parts
from neurodata4ml.analysis.decoding.pieces import Fold
from neurodata4ml.analysis.decoding.question import Question
from neurodata4ml.analysis.decoding.refits import refit
from neurodata4ml.analysis.decoding.scoring import HeldOut, Score
from neurodata4ml.analysis.linear.evidence import Kept


def held_out(
    question: Question,
    chosen: Chosen,
    score: Score,
    *,
    across_times: bool = False,
    n_jobs: int | None = None,
    keep: Kept | None = None,
) -> Iterator[HeldOut]:
    """Yield what the decoder says about the test samples of every fold, piece by piece.

    Every labelling passes through all that sees labels: the fit, the choice of hyper-parameters, and class-balanced
    folds. Pieces come in the same order, with the same bits, for any ``n_jobs``.

    Parameters
    ----------
    question : Question
    chosen : Chosen
        The decoder.
    score : Score
        By which hyper-parameters are chosen (but for ridge, by squared error); and whether decision values are needed.
    across_times : bool
        Test each decoder on every time, not only on its own.
    n_jobs : int, optional
        Threads; all cores when left out.
    keep : list, optional
        See ``Kept``; left empty where responses are not the same for all folds.
    """
    many = len(chosen.candidates) > 1 and not chosen.leave_one_out
    for repeat, sets, parts in question.deals():
        folds = [
            Fold(repeat, k, train, test, inner_parts(parts, k) if many else [], sets)
            for k, (train, test) in enumerate(parts)
            if len(train) and len(test)  # a null may use a part of the samples only
        ]
        if chosen.closed:
            decides = score.decides
            yield from solve(
                question, chosen, folds, decides=decides, across_times=across_times, n_jobs=n_jobs, keep=keep
            )
        else:
            for fold in folds:
                yield from refit(question, chosen, score, fold, across_times=across_times, n_jobs=n_jobs)
