"""What a study would do, as a value: its recordings, how long each step takes, and what to know before."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from neurodata4ml.spec import Spec
from neurodata4ml.studies.estimates import FACTOR, Size
from neurodata4ml.study_keys import ANALYSES


@dataclass(frozen=True)
class Part:
    """One recording of a study.

    Attributes
    ----------
    key : str
        Session, or name of the file.
    place : str
        Where it is: ``"here"``, ``"in parts"`` (an excerpt), ``"made here"`` (simulated), ``"to fetch"``.
    n_bytes : int
        Still to be moved; 0 too where nobody knows.
    size : Size
        What is analysed of it; taken for granted where it is not here.
    is_opened : bool
        Whether ``size`` is that of the recording.
    problem : str
        Why it cannot be analysed; "" where it can.
    key_of_problem : str
        The key of the study that is why; "" where none is.
    lacks : str
        What an option names and the recording does not have; "" where it has all.
    fewest : int
        Trials of the rarest condition; 0 where nobody knows.
    """

    key: str
    place: str
    n_bytes: int
    size: Size
    is_opened: bool = False
    problem: str = ""
    key_of_problem: str = ""
    lacks: str = ""
    fewest: int = 0


@dataclass(frozen=True)
class Plan:
    """What a study would do.

    Attributes
    ----------
    spec : Spec
    parts : tuple of Part
    seconds : dict of str to float
        Processor time by step, of all recordings together.
    memory, disk : float
        Bytes: of one process at most; that the study leaves behind, what it fetches among them.
    notes : tuple of str
        What else is worth knowing before.
    """

    spec: Spec
    parts: tuple[Part, ...]
    seconds: dict[str, float]
    memory: float
    disk: float
    notes: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Bytes to move; 0 too where nobody knows."""
        return sum(part.n_bytes for part in self.parts)

    @property
    def total(self) -> float:
        """Seconds from start to page, about."""
        return sum(self.seconds.values())

    @property
    def interval(self) -> tuple[float, float]:
        """Seconds that are to be expected: between half and twice as many as estimated."""
        return self.total / FACTOR, self.total * FACTOR

    @property
    def n_tests(self) -> int:
        """Tests against shuffles: areas that are decoded, and their comparisons with every candidate."""
        asked = self.spec.analyses or tuple(ANALYSES)
        per_area = [("decode" in asked) + ("compare" in asked) * part.size.n_candidates for part in self.parts]
        return sum(n * len(part.size.areas) for n, part in zip(per_area, self.parts, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        parts = [{**asdict(part), "size": asdict(part.size)} for part in self.parts]
        low, high = self.interval
        return {
            "study": self.spec.to_dict(),
            "recordings": parts,
            "bytes_to_move": self.n_bytes,
            "tests": self.n_tests,
            "seconds": {**{k: round(v, 1) for k, v in self.seconds.items()}, "total": round(self.total, 1)},
            "seconds_low": round(low, 1),
            "seconds_high": round(high, 1),
            "memory": round(self.memory),
            "disk": round(self.disk),
            "changed": changed(self.spec),
            "notes": list(self.notes),
        }


def changed(spec: Spec) -> dict[str, Any]:
    """Return the keys of a study that are not at their default, with its options as ``decode.decoder``."""
    usual = Spec(spec.source)
    names = [one.name for one in fields(Spec) if one.compare and one.name not in ("source", "options", "files")]
    found = {name: getattr(spec, name) for name in names if getattr(spec, name) != getattr(usual, name)}
    return found | {f"{table}.{name}": v for table, options in spec.options.items() for name, v in options.items()}
