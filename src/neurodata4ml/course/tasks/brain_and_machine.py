"""Tasks of notebook 01: a brain beside a machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.course.answers import Off, is_near, labels, number, word
from neurodata4ml.course.riddles import program_of_run
from neurodata4ml.course.task import Task
from neurodata4ml.systems.processor_programs import PROGRAMS


def share_silent(answer: Any, *, session: xr.Dataset) -> str:
    """Share of units without a single spike."""
    found = number(answer, "the share")
    n = (session["spike_stop"] - session["spike_start"]).values
    right = float((n == 0).mean())
    if is_near(found, right, within=0.005):
        return f"{right:.0%} never fire: in a brain, too, whoever listens with an electrode misses those."
    if is_near(found, (n == 0).sum(), within=0.5):
        message = "this is how many are silent; as a share of all units?"
        raise Off(message)
    if is_near(found, 100 * right, within=0.5):
        message = "this is in percent; give the share, between 0 and 1."
        raise Off(message)
    if is_near(found, 1 - right, within=0.005):
        message = "this is the share of those that do fire."
        raise Off(message)
    message = f"{found:.3g} is not the share: which units have no spike between spike_start and spike_stop?"
    raise Off(message)


def needed_by_one(answer: Any, *, needed: xr.DataArray) -> str:
    """How many nets exactly one program needs."""
    found = number(answer, "the number of nets")
    n = needed.sum("program").values
    right = int((n == 1).sum())
    if found == right:
        return f"{right} of {len(n)} nets look as if they were there for one program."
    if found == (n >= 1).sum():
        message = "these are needed by one program or more; how many by exactly one?"
        raise Off(message)
    if found == (n == needed.sizes["program"]).sum():
        message = "these are needed by every program."
        raise Off(message)
    if found == (n == 0).sum():
        message = "these are needed by none."
        raise Off(message)
    if is_near(found, right / len(n), within=0.002):
        message = "this is a share; how many nets is it?"
        raise Off(message)
    message = f"{found:g} is not the number. Count over programs first: needed.sum('program')."
    raise Off(message)


def wires_among_pairs(answer: Any, *, alike: xr.DataArray, known: xr.Dataset) -> str:
    """Share of pairs with a correlation above 0.9 in size that a wire joins."""
    found = number(answer, "the share")
    x = np.abs(alike.values)
    joined = np.zeros(x.shape, dtype=bool)
    joined[known["source"].values, known["target"].values] = True
    upper = np.triu(np.ones(x.shape, dtype=bool), 1)
    high = (x > 0.9) & upper
    either = joined | joined.T
    right = float(either[high].mean())
    if is_near(found, right, within=0.002):
        return f"{right:.1%}: to fire together is not to be wired together."
    if is_near(found, either[(x > 0.9) | ~upper & upper.T & (x > 0.9)].mean(), within=0.002):
        message = "the diagonal is in it: a net correlates with itself by 1, and no wire joins it to itself."
        raise Off(message)
    if is_near(found, joined[high].mean(), within=0.001):
        message = "a wire leads from source to target; a pair is joined whichever of both comes first."
        raise Off(message)
    if is_near(found, (high & either).sum() / (either & upper).sum(), within=0.002):
        message = "this is how many of the wires were found; the task asks how many of the found pairs are wires."
        raise Off(message)
    if is_near(found, either[(alike.values > 0.9) & upper].mean(), within=0.002):
        message = "pairs that are always opposite have a correlation below -0.9: take its size."
        raise Off(message)
    message = f"{found:.3g} is not the share. Take each pair once, and ask whether a wire leads either way."
    raise Off(message)


def survivors(answer: Any, *, survives: xr.DataArray) -> str:
    """Programs that survive the loss of the carry flag."""
    found = set(map(str, labels(answer, "the programs")))
    right = set(survives["program"].values[survives.sel(register="C").values > 0.99].tolist())
    unknown = found - set(PROGRAMS)
    if unknown:
        message = f"{sorted(unknown)[0]!r} is no program; they are {', '.join(PROGRAMS)}."
        raise Off(message)
    if found == right:
        return f"{', '.join(sorted(right)) or 'none'}: what a program does not use it does not miss."
    if found == set(PROGRAMS) - right:
        message = "these are those that go wrong; which go on giving right results?"
        raise Off(message)
    if found - right:
        message = (
            f"{sorted(found - right)[0]} goes wrong in some trials: does it ever ask what fell out of a sum, with jc?"
        )
    else:
        message = f"one that survives is missing; you have {', '.join(sorted(found)) or 'none'}."
    raise Off(message)


def program_run(answer: Any) -> str:
    """The program behind the unknown run."""
    found, right = word(answer, "the program", among=PROGRAMS), program_of_run()
    if found == right:
        return "from nine numbers in each cycle, and none of 1,825 nets: the right level makes it easy."
    uses = {
        "multiply": "it would shift A to the right, and A only ever falls by what B holds here",
        "sort": "it halts after fifty-odd instructions, and never comes back to an earlier address",
        "fibonacci": "it would begin by clearing A, and count up",
        "logic": "it has thirteen instructions and no jump; look at PC",
    }
    message = f"{found}: {uses.get(found, 'no')}. What is OUT at the end, and what were A and B at the beginning?"
    raise Off(message)


TASKS: dict[str, Task] = {
    "01-1A": Task("The share of units that never fire, between 0 and 1.", share_silent),
    "01-2A": Task("How many nets exactly one program needs: a whole number.", needed_by_one),
    "01-2B": Task("The programs that still work without the carry flag: a list of names.", survivors),
    "01-3A": Task("Of the pairs with a correlation above 0.9 in size, the share joined by a wire.", wires_among_pairs),
    "01-4A": Task("The program behind the unknown run: its name.", program_run),
}
