"""The answer in three sentences, made from the numbers."""

from __future__ import annotations

from neurodata4ml.report.sections.activity import reliability_sentences
from neurodata4ml.report.sections.best import alternative_sentences, best_sentences
from neurodata4ml.report.sections.decoding import course_sentence, decoding_in_short
from neurodata4ml.report.sections.population import dimensionality_sentences
from neurodata4ml.report.words import sentence
from neurodata4ml.results import Results


def three_sentences(results: Results) -> tuple[str, ...]:
    """Return what is shared, which alternatives fit as well, and what can be read out; else what there is.

    What a study lacks gives way to dimensionality, reliability and the read-out over time; without a network, the last
    sentence says why.
    """
    arrays, said = results.arrays, []
    if "similarity" in arrays:
        said += [*best_sentences(results), *alternative_sentences(results)]
    if "decoding" in arrays:
        said.append(decoding_in_short(results))
    if "dimensionality" in arrays:
        said.append(_as_one(dimensionality_sentences(results)))
    if "reliability" in arrays:
        said.append(_as_one(reliability_sentences(results)))
    if "decoding" in arrays and "accuracy_window" in arrays["decoding"]:
        said += filter(None, [course_sentence(results)])
    if "similarity" not in arrays and "similarity" in results.missing:
        said.insert(2, sentence(results.missing["similarity"]))
    return tuple(said[:3]) or ("This study made no result that can be summed up.",)


def _as_one(sentences: tuple[str, ...]) -> str:
    """Join the sentences of several areas into one."""
    first, *rest = [sentence.rstrip(".") for sentence in sentences]
    return "; ".join([first, *(s[0].lower() + s[1:] for s in rest)]) + "."
