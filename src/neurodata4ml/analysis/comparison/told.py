"""What a comparison assumes, and what it could not give, with the reason."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.question import Question
from neurodata4ml.analysis.comparison.two_sides import of_one_recording
from neurodata4ml.analysis.reliability.noise_corrected import no_signal

_PLURAL = {"trial": "trials", "stimulus": "stimuli", "unit": "units"}


def assumed(question: Question, *, matched: int | None) -> str:
    """Return what is taken as fixed and what as a sample, and whether noise and units bias the similarity."""
    noise = "Not corrected for noise in the mean responses."
    if question.corrected:
        noise = f"Noise is independent between folds.{_of_recordings(question)}"
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


def _of_recordings(question: Question) -> str:
    """Say which sides are taken for one recording, and what follows for the noise that they may share."""
    if not question.two_sided:
        return ""
    pairs = [(a, b) for a in question.xs.values() for b in question.ys.values()]
    n_one = sum(of_one_recording(a, b) is not None for a, b in pairs)
    one = (
        "Both sides are taken for one recording (equal trials): halves compared across them have no trial in common, "
        "so that noise shared within a trial does not count; noise shared across trials of different folds would."
    )
    two = "The sides are taken for two recordings (different trials) with independent noise: each has its own halves."
    if n_one in (0, len(pairs)):
        return f" {one if n_one else two}"
    return f" Of {n_one} of {len(pairs)} pairs: {one} Of the others: {two}"


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


def undefined(out: xr.Dataset, over: tuple[str, ...]) -> list[str]:
    """Return, for a table (x, y) of ``compare``, sentences that name what is NaN and say why."""
    absent, why = out.similarity.isnull(), []
    silent = xr.zeros_like(absent)
    if "silent_x" in out:
        sides = [out[name] for name in ("silent_x", "silent_y") if name in out]  # means, where units are drawn
        quiet = [side.any([dim for dim in side.dims if dim != own]) for side, own in zip(sides, "xy", strict=False)]
        silent = silent | sum(quiet) > 0
        names = [str(name) for side, own in zip(quiet, "xy", strict=False) for name in out[own].values[side.values]]
        why += [no_signal(list(dict.fromkeys(names)))] if names else []
    why += not_varying(out.similarity.where(~silent, 0.0)).values()
    if "low" in out and bool((out.low.isnull() & ~absent).any()):
        why.append(f"No interval can be given for some similarities (NaN): {_no_interval(over)}")
    return why + ([] if "raw" in out else _without_ceiling(out))


def not_varying(similarity: xr.DataArray) -> dict[str, str]:
    """Return ``undefined``: which cells (x, y) are NaN because one side does not vary; nothing where there are none."""
    flat = similarity.isnull()
    if not bool(flat.any()):
        return {}
    text = f"The similarity of {_cells(flat)} is not defined and is NaN: one side does not vary between the stimuli."
    return {"undefined": text}


def undefined_models(out: xr.Dataset) -> dict[str, str]:
    """Return ``undefined``: what ``compare_models`` could not give, and why; nothing where all is known."""
    why = []
    flat = out["model"].values[out["similarity"].isnull().values]
    if len(flat):
        why.append(f"The similarity of {', '.join(map(str, flat))} is NaN: all its distances are equal.")
    if bool(out["lower"].isnull()):
        why.append("There is no noise ceiling (NaN) of one subject: others would have to predict it.")
    return {"undefined": " ".join(why)} if why else {}


def undefined_differences(out: xr.Dataset, what: str) -> dict[str, str]:
    """Return ``undefined``: which candidates have no ``difference`` (pairs: from none), or one without an interval."""
    paired = "y2" in out.dims
    why, told = [], np.zeros(out.sizes.get("y", 1), dtype=bool)
    for name, reason in (("difference", "its similarity or the other is not defined"), ("se", "it has no interval")):
        absent = out[name].isnull()
        absent = absent.all("y2") if paired else absent
        which = np.atleast_1d(absent.any([dim for dim in absent.dims if dim != "y"]).values) & ~told
        told |= which
        if which.any():
            names = np.atleast_1d(out["y"].values if "y" in out.coords else "y").astype(str)[which]
            why.append(f"{what} of {', '.join(names)} {'are' if paired else 'is'} NaN: {reason}.")
    return {"undefined": " ".join(why)} if why else {}


def warned(why: list[str]) -> dict[str, str]:
    """Give every reason as a warning, and return them as the attribute ``undefined``; nothing where there is none."""
    for sentence in why:
        warnings.warn(sentence, stacklevel=3)
    return {"undefined": " ".join(why)} if why else {}


def _cells(mask: xr.DataArray) -> str:
    """Return the first cells of a table by name."""
    where = mask.transpose("x", "y").stack(pair=("x", "y"))
    names = [f"{a} and {b}" for (a, b), bad in zip(where["pair"].values, where.values, strict=True) if bad]
    return "; ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _no_interval(over: tuple[str, ...]) -> str:
    if over == ("trial",):
        return (
            "without one group of trials a stimulus, or one half of its trials, is missing. More repeats of each "
            "stimulus would help, or trials in the order of their recording where they are sorted by stimulus."
        )
    parts = " or one ".join("group of units" if name == "unit" else name for name in over)
    return (
        f"without one {parts} it is not defined, because too few are left or nothing varies. More of them would help."
    )


def _without_ceiling(out: xr.Dataset) -> list[str]:
    """Say why rows of RDMs have no ceiling, or one without an interval."""
    if "ceiling" not in out:
        return []
    absent = out.ceiling.isnull()
    unsure = out.ceiling_low.isnull() & ~absent if "ceiling_low" in out else xr.zeros_like(absent)
    why = []
    for mask, text in (
        (absent, "No ceiling (NaN) for {}: what the RDMs of two halves of the trials share is not above 0."),
        (unsure, "The ceiling of {} has no interval (NaN): without one group of trials a stimulus is missing."),
    ):
        if bool(mask.any()):
            why.append(text.format(", ".join(str(name) for name in out.x.values[mask.values])))
    return why
