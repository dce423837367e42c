"""What a comparison assumes, and warnings about what it could not give."""

from __future__ import annotations

import warnings

import xarray as xr

from neurodata4ml.analysis.comparison.question import Question
from neurodata4ml.analysis.reliability.noise_corrected import no_signal

_PLURAL = {"trial": "trials", "stimulus": "stimuli", "unit": "units"}


def assumed(question: Question, *, matched: int | None) -> str:
    """Return what is taken as fixed and what as a sample, and whether noise and units bias the similarity."""
    noise = "Not corrected for noise in the mean responses."
    if question.corrected:
        noise = "Noise is independent between folds."
    elif question.from_trials and question.promise.on == "rdm" and question.distance == "crossnobis":
        noise = "Noise does not inflate the distances, but lowers the similarity."
    elif not question.from_trials:
        noise = "Noise in the responses lowers the similarity."
    sampled = [_PLURAL.get(name, f"{name}s, each with all its units") for name in question.over]
    by_group = any(name not in _PLURAL for name in question.over)
    fixed = [f"these {_PLURAL[name]}" for name in ("stimulus", "unit") if name not in question.over]
    fixed = fixed[:1] if by_group else fixed
    over = f"The interval is over {' and '.join(sampled)}" if sampled else "No interval was asked for"
    over += f"; {' and '.join(fixed)} are fixed." if sampled and fixed else "."
    return f"{noise} {over}{_of_units(question, matched)}"


def _of_units(question: Question, matched: int | None) -> str:
    sizes = {x.sizes[dim] for x in question.xs.values() for dim in x.dims if dim in ("unit", "feature")}
    if matched:
        return (
            f" Every area is a mean over random sets of {matched} units, so that areas can be compared; p-values are "
            f"of all units."
        )
    if len(question.xs) > 1 and len(sizes) > 1:
        return (
            f" Similarity grows with the number of units, here {min(sizes)} to {max(sizes)}: areas are not to be "
            f"compared with each other; type match_units=True."
        )
    return ""


def warn_undefined(out: xr.Dataset, over: tuple[str, ...]) -> None:
    """Warn where a similarity or an interval is NaN, and say why."""
    undefined = out.similarity.isnull()
    silent = out.ceiling.isnull() & undefined.all("y") if "raw" in out else xr.zeros_like(out.x, dtype=bool)
    if bool(silent.any()):
        warnings.warn(no_signal([str(name) for name in out.x.values[silent.values]]), stacklevel=4)
    flat = undefined & ~silent
    if bool(flat.any()):
        where = flat.stack(pair=("x", "y"))
        names = [f"{a} and {b}" for (a, b), bad in zip(where["pair"].values, where.values, strict=True) if bad]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        warnings.warn(
            f"The similarity of {'; '.join(names[:5])}{more} is not defined and is NaN: one side does not vary between "
            f"the stimuli.",
            stacklevel=4,
        )
    if "low" in out and bool((out.low.isnull() & ~undefined).any()):
        why = (
            "without one group of trials a stimulus, or one half of its trials, is missing. More repeats of each "
            "stimulus would help, or trials in the order of their recording where they are sorted by stimulus."
        )
        if over != ("trial",):
            parts = " or one ".join("group of units" if name == "unit" else name for name in over)
            why = (
                f"without one {parts} it is not defined, because too few are left or nothing varies. More of them "
                f"would help."
            )
        warnings.warn(f"No interval can be given for some similarities (NaN): {why}", stacklevel=4)
