"""Every number of one set of results beside the same number of another: identical, within tolerance, or different."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.record.digests import canonical
from neurodata4ml.results import Results
from neurodata4ml.verification.rules import CLOSED, FLOOR, NULL, RELATIVE, summary_of_null
from neurodata4ml.verification.tolerances import tolerance_of

IDENTICAL, WITHIN, DIFFERENT, TAMPERED = "identical", "within tolerance", "different", "tampered"
"""What a check can say, from good to bad; a report says the worst of its checks."""

_ORDER = (IDENTICAL, WITHIN, DIFFERENT, TAMPERED)

WORDS = "words"
"""Stands for a variable where what is compared is what is said of the data, but for counts and digests."""

DRAWN = "more than rounding, and no more than another draw; "
"""What is noted of a deviation that only other random numbers explain."""

ATTRIBUTES = "attributes"
"""Stands for a variable where what is compared is what a section says of itself in words."""


@dataclass(frozen=True)
class Check:
    """One comparison: which numbers, how far they lie apart, and how far they may.

    Attributes
    ----------
    recording, section, variable : str
        ``recording`` is empty in a study of one; ``variable`` where a whole section or file is meant.
    verdict : str
        ``"identical"``, ``"within tolerance"``, ``"different"`` or ``"tampered"``.
    deviation, tolerance : float
        The deviation that is largest beside what it may be, and that; 0 where nothing deviates, inf where a number
        stands beside none. In the units of the variable.
    note : str
        Which entry it is, with both numbers, and by which rule; empty where identical.
    """

    recording: str
    section: str
    variable: str
    verdict: str
    deviation: float = 0.0
    tolerance: float = 0.0
    note: str = ""

    @property
    def place(self) -> str:
        """Return where it is, as it is read aloud: ``recording: section: variable``."""
        return ": ".join(filter(None, (self.recording, self.section, self.variable)))


def tampered(section: str, variable: str, note: str, recording: str = "") -> Check:
    """Return the check of what is not what the lock says."""
    return Check(recording, section, variable, TAMPERED, math.inf, 0.0, note)


def different(section: str, variable: str, note: str, recording: str = "") -> Check:
    """Return the check of what stands on one side alone, or is no number."""
    return Check(recording, section, variable, DIFFERENT, math.inf, 0.0, note)


def worst(checks: Iterable[Check]) -> str:
    """Return the worst verdict of all; nothing compared is nothing that differs."""
    return max((check.verdict for check in checks), key=_ORDER.index, default=IDENTICAL)


def compare_results(recording: str, stored: Results, again: Results, sections: Collection[str]) -> list[Check]:
    """Compare the ``sections`` of one recording, and what both say of the data.

    Parameters
    ----------
    recording : str
        Its key; empty in a study of one.
    stored, again : Results
        As they lie in the folder, and as they were made now.
    sections : collection of str
        Those that were made again.
    """
    found = [_counts(recording, stored.data, again.data), _described(recording, stored.data, again.data)]
    if set(sections) >= set(stored.arrays):  # a part of a study warns of less
        said = ["; ".join(results.warnings) for results in (stored, again)]
        found.append(_words(recording, "warnings", "", "warnings", *said))
    for section in sections:
        found += compare_section(recording, section, stored, again)
    return found


def compare_study(recording: str, stored: Results, again: Results) -> list[Check]:
    """Compare what was asked of one recording of many; of a study of one, the lock has it."""
    if not recording:
        return []
    sides = [json.loads(canonical(dict(results.spec))) for results in (stored, again)]
    apart = [name for name in dict.fromkeys([*sides[0], *sides[1]]) if sides[0].get(name) != sides[1].get(name)]
    said = {name: f"{sides[0].get(name)!r} in the report, {sides[1].get(name)!r} in a new run" for name in apart}
    return [different("study", name, note, recording) for name, note in said.items()]


def compare_words(recording: str, section: str, stored: str, again: str) -> Check:
    """Compare the sentences that say why something is missing."""
    return _words(recording, section, WORDS, "why it is missing", stored, again)


def compare_section(recording: str, section: str, stored: Results, again: Results) -> list[Check]:
    """Compare one section, variable by variable; one that is absent on a side is one check."""
    sides = [results.arrays.get(section) for results in (stored, again)]
    if sides[0] is None and sides[1] is None:
        said = [results.missing.get(section, "") for results in (stored, again)]
        return [compare_words(recording, section, *said)]
    if sides[0] is None or sides[1] is None:
        which = "is in the report, and a new run has none" if sides[1] is None else "is new: the report has none"
        why = again.missing.get(section) or stored.missing.get(section) or ""
        return [different(section, "", f"the section {which}. {why}".strip(), recording)]
    return [*_variables(recording, section, sides[0], sides[1]), _attributes(recording, section, sides[0], sides[1])]


def _variables(recording: str, section: str, stored: xr.Dataset, again: xr.Dataset) -> Iterator[Check]:
    apart = [str(dim) for dim in stored.sizes if again.sizes.get(dim, stored.sizes[dim]) != stored.sizes[dim]]
    for dim in apart:  # said once, not for each variable
        note = f"{stored.sizes[dim]} of {dim} in the report, {again.sizes[dim]} in a new run"
        yield different(section, dim, note, recording)
    for name in map(str, dict.fromkeys([*stored.variables, *again.variables])):
        sides = [side.variables.get(name) for side in (stored, again)]
        if sides[0] is None or sides[1] is None:
            which = "is in the report, and a new run has none" if sides[1] is None else "is new: the report has none"
            yield different(section, name, f"the variable {which}", recording)
        elif set(sides[0].dims) != set(sides[1].dims):
            note = f"dims {sides[0].dims} in the report, {sides[1].dims} in a new run"
            yield different(section, name, note, recording)
        elif not set(sides[0].dims) & set(apart):
            yield _compared(recording, section, name, stored, again)


def _compared(recording: str, section: str, name: str, stored: xr.Dataset, again: xr.Dataset) -> Check:
    one, other = stored[name], again[name].transpose(*stored[name].dims)
    if one.dtype.kind in "biuf" and other.dtype.kind in "biuf":
        return _numbers(recording, section, name, stored, again)
    same = np.asarray(one.values, dtype=str) == np.asarray(other.values, dtype=str)
    if same.all():
        return Check(recording, section, name, IDENTICAL)
    return different(section, name, _entry(one, other, int(np.argmin(same.ravel()))), recording)


def _numbers(recording: str, section: str, name: str, stored: xr.Dataset, again: xr.Dataset) -> Check:
    one, other = stored[name], again[name].transpose(*stored[name].dims)
    if _equal(one.values, other.values).all():
        return Check(recording, section, name, IDENTICAL)
    rule = tolerance_of(section, name, stored)
    bounds = [kind.bound(stored, again, name) for kind in (rule, CLOSED)]
    if rule is NULL:
        one, other = summary_of_null(one.astype(float)), summary_of_null(other.astype(float))
    deviation = _deviation(one.values.astype(float), other.values.astype(float))
    allowed, rounding = (_at_each(bound, one) for bound in bounds)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(deviation == 0, 0.0, deviation / allowed)
    at = int(np.argmax(share))
    verdict = WITHIN if share.flat[at] <= 1 else DIFFERENT
    drawn = DRAWN if (deviation > rounding).any() else ""
    note = f"{_entry(one, other, at)}; {drawn * (verdict == WITHIN)}rule: {rule.name}, {rule.words}"
    return Check(recording, section, name, verdict, float(deviation.flat[at]), float(allowed.flat[at]), note)


def _deviation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how far two arrays lie apart, entry by entry; inf where a number stands beside none."""
    with np.errstate(invalid="ignore"):
        apart = np.where(_equal(one, other), 0.0, np.abs(one - other))
    return np.where(np.isnan(apart), np.inf, apart)


def _at_each(bound: xr.DataArray, of: xr.DataArray) -> np.ndarray:
    """Return a bound for every entry."""
    whole = bound.broadcast_like(of.reset_coords(drop=True)).transpose(*of.dims)
    return np.broadcast_to(np.asarray(whole.values, dtype=float), of.shape)


def _equal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return where two arrays of numbers hold the same value; not-a-number equals itself."""
    return np.asarray((one == other) | ((one != one) & (other != other)))


def _entry(one: xr.DataArray, other: xr.DataArray, at: int) -> str:
    """Name one entry by its labels, with both values: ``area=late, candidate=pixels: 0.1 in the report, 0.2 now``."""
    index = np.unravel_index(at, one.shape) if one.ndim else ()
    labels = [
        f"{dim}={_label(one[dim].values[i]) if dim in one.coords and one[dim].ndim == 1 else int(i)}"
        for dim, i in zip(one.dims, index, strict=True)
    ]
    values = [_said(x.values[index] if x.ndim else x.values[()]) for x in (one, other)]
    return f"{', '.join(labels) or 'the number'}: {values[0]} in the report, {values[1]} in a new run"


def _label(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]


def _said(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    return repr(value) if isinstance(value, float) else str(value)[:80]


def _counts(recording: str, stored: dict[str, Any], again: dict[str, Any]) -> Check:
    """Compare what was kept and dropped: counts and digests, which agree or do not."""
    names = [n for n in dict.fromkeys([*stored, *again]) if n.startswith(_KEPT)]
    apart = [n for n in names if stored.get(n) != again.get(n)]
    if not apart:
        return Check(recording, "data", "", IDENTICAL)
    simulated = bool(again.get("simulated")) and apart == ["sha256"]
    notes = [f"{n}: {stored.get(n)} in the report, {again.get(n)} in a new run" for n in apart]
    if simulated:
        notes.append("the recording is simulated: its file was written anew, and its numbers are compared below")
    return Check(
        recording, "data", ", ".join(apart), WITHIN if simulated else DIFFERENT, math.inf, 0.0, "; ".join(notes)
    )


_KEPT = ("n_", "trials_", "units_", "areas", "sha")
"""How the names of counts and digests begin."""

_OF_A_COPY = ("size", "source_sha256")
"""What a file that is written anew may have otherwise, with the data that it had."""


def _described(recording: str, stored: dict[str, Any], again: dict[str, Any]) -> Check:
    """Compare what is said of the data: title, licence, citation, ..."""
    left_out = _OF_A_COPY if again.get("simulated") else ()
    names = [n for n in dict.fromkeys([*stored, *again]) if not n.startswith(_KEPT) and n not in left_out]
    return _worst_of(
        [_words(recording, "data", WORDS, n, str(stored.get(n, "")), str(again.get(n, ""))) for n in names],
        Check(recording, "data", WORDS, IDENTICAL),
    )


def _worst_of(found: list[Check], else_: Check) -> Check:
    return max(found, key=lambda check: _ORDER.index(check.verdict), default=else_)


def _attributes(recording: str, section: str, stored: xr.Dataset, again: xr.Dataset) -> Check:
    """Compare what a section says of itself; the first that reads otherwise is told."""
    one, other = (dict(_texts(found)) for found in (stored, again))
    found = [
        _words(recording, section, ATTRIBUTES, name, one.get(name, ""), other.get(name, ""))
        for name in dict.fromkeys([*one, *other])
    ]
    return _worst_of(found, Check(recording, section, ATTRIBUTES, IDENTICAL))


def _texts(found: xr.Dataset) -> Iterator[tuple[str, str]]:
    for name, value in found.attrs.items():
        if name not in ("sha256", "size"):  # of the data, compared once
            yield str(name), str(value)
    for name, variable in found.variables.items():
        for key, value in variable.attrs.items():
            yield f"{key} of {name}", str(value)


_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")

_SENTENCE = 8
"""Words that make a text a sentence: numbers in it are rounded, and those of the arrays decide."""


def _words(recording: str, section: str, variable: str, name: str, stored: str, again: str) -> Check:
    if stored == again:
        return Check(recording, section, variable, IDENTICAL)
    sides = [[float(n) for n in _NUMBER.findall(text)] for text in (stored, again)]
    alike = _NUMBER.sub("", stored) == _NUMBER.sub("", again)
    alike = alike and len(sides[0]) == len(sides[1]) and np.allclose(sides[0], sides[1], rtol=RELATIVE, atol=FLOOR)
    alike = alike or (name != "steps" and min(len(text.split()) for text in (stored, again)) >= _SENTENCE)
    note = f"{name} reads {_around(stored, again)!r} in the report, {_around(again, stored)!r} in a new run"
    return Check(recording, section, variable, WITHIN if alike else DIFFERENT, 0.0, 0.0, note)


def _around(text: str, other: str, width: int = 60) -> str:
    """Return the part of a long text where it begins to differ from another."""
    first = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    return text[max(0, first - width // 2) : first + width]
