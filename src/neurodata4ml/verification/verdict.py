"""What a verification found, to be read in a terminal, in a notebook or by a program."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from neurodata4ml.report.words import count, plain
from neurodata4ml.verification.checks import DIFFERENT, IDENTICAL, TAMPERED, WITHIN, Check, worst
from neurodata4ml.verification.reasons import Reason

EXIT_CODES = {IDENTICAL: 0, WITHIN: 0, DIFFERENT: 1, TAMPERED: 4}

MOST_LINES = 40
"""Lines of a list in a terminal; the rest is counted, and all are in ``checks``."""


@dataclass(frozen=True)
class Verification:
    """The verdict on a report, and all that it rests on.

    Attributes
    ----------
    folder : str
        The report, as it was named.
    checks : tuple of Check
        One for each variable of each section, file and digest that was compared.
    reasons : tuple of Reason
        What is otherwise than when the report was made, those first that may explain a deviation.
    scope : str
        Which part was run again, in words: ``"all 8 sections"``.
    """

    folder: str
    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]
    scope: str

    @property
    def verdict(self) -> str:
        """Return ``"identical"``, ``"within tolerance"``, ``"different"`` or ``"tampered"``: the worst check's."""
        return worst(self.checks)

    @property
    def exit_code(self) -> int:
        """Return 0 for identical and within tolerance, 1 for different, 4 for tampered."""
        return EXIT_CODES[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; a number that is not finite becomes null."""
        return {
            "folder": self.folder,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "scope": self.scope,
            "checks": [{name: _finite(value) for name, value in asdict(check).items()} for check in self.checks],
            "reasons": [asdict(reason) for reason in self.reasons],
        }

    def __str__(self) -> str:
        """Return the verdict, then what is not identical, then what is otherwise here."""
        lines = [self.summary]
        for verdict, title in ((TAMPERED, "Changed after the report was made:"), (DIFFERENT, "Different:")):
            lines += _listed(title, [_line(check) for check in self.checks if check.verdict == verdict])
        lines += _listed("Within tolerance:", [_line(check) for check in self.checks if check.verdict == WITHIN])
        explaining = self.verdict != IDENTICAL
        title = "Otherwise than when the report was made" + (", what may explain it first:" if explaining else ":")
        lines += _listed(title, [reason.words(explaining=explaining) for reason in self.reasons])
        return "\n".join(lines)

    @property
    def summary(self) -> str:
        """Return the verdict as one sentence."""
        n = Counter(check.verdict for check in self.checks)
        compared = count(len(self.checks), "comparison")
        beside = f"; besides, {n[DIFFERENT]:,} of {compared} differ" if n[DIFFERENT] else ""
        said = {
            IDENTICAL: f"all of {compared} agree digit by digit",
            WITHIN: f"{n[WITHIN]:,} of {compared} deviate, none by more than its tolerance; the rest are equal",
            DIFFERENT: f"{n[DIFFERENT]:,} of {compared} differ",
            TAMPERED: f"it is not what its lock says, in {count(n[TAMPERED], 'place')}{beside}",
        }
        return f"{plain(self.folder, 200)} is {self.verdict}: {said[self.verdict]} ({self.scope})."

    def _repr_html_(self) -> str:
        """Return the verdict as a table for a notebook."""
        from neurodata4ml.report.verification_html import as_html

        rows = [
            (check.place, check.verdict, _number(check.deviation), _number(check.tolerance), check.note)
            for check in self.checks
            if check.verdict != IDENTICAL
        ]
        reasons = [reason.words(explaining=self.verdict != IDENTICAL) for reason in self.reasons]
        return as_html(self.summary, rows, reasons)


def _listed(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    rest = len(lines) - MOST_LINES
    return ["", title, *(f"  {line}" for line in lines[:MOST_LINES]), *([f"  and {rest:,} more"] if rest > 0 else [])]


def _line(check: Check) -> str:
    how_far = ""
    if math.isfinite(check.deviation) and check.deviation > 0:
        how_far = f" deviates by {check.deviation:.3g} of at most {check.tolerance:.3g};"
    return plain(f"{check.place}:{how_far} {check.note}", 600)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) and value else ""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
