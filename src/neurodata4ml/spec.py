"""A question as a value: which recording, which trials, aligned to what, compared with which networks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from neurodata4ml.errors import DesignError
from neurodata4ml.names import without_secrets
from neurodata4ml.study_file import read_study, told
from neurodata4ml.study_keys import LISTS, problems


@dataclass(frozen=True)
class Spec:
    """One study: everything a report depends on besides the data.

    Attributes
    ----------
    source : str
        A dataset of the catalog, or the path of an NWB file.
    title : str
        Heads the page; made from ``source`` when empty.
    session : str, optional
        Session of the dataset; its default when left out.
    trials : str, optional
        Trial table; the dataset's default when left out.
    by : str, optional
        Trial column whose values are the conditions; the dataset's stimulus column when left out.
    align : str, optional
        Trial column of times that become zero; the dataset's, else ``start_time``.
    window : tuple of float, optional
        Seconds before and after that event; the dataset's when left out.
    bin_width : float
        Seconds; 10 ms resolves a visual transient and keeps counts small.
    where : str, optional
        Which trials to keep: a comparison of trial columns, e.g. ``"contrast > 0 and type != 'probe'"``.
    networks : tuple of str, optional
        Networks to compare with, by name or ONNX path; for the demo its own network and the untrained twin.
    order : tuple of str, optional
        Three or more areas from early to late, for the hierarchy score; a known order when left out.
    n_shuffles : int
        Shuffles behind every p of decoding; 99 resolve p = 0.01. Those of similarities rest on 999, unless
        ``[compare]`` has ``n_shuffles``.
    seed : int
        Starts every random step.
    out : str, optional
        Folder of the report; ``reports/<name>`` when left out.
    sessions : tuple of str, optional
        Several sessions of the dataset, or ``("all",)``: a study of many recordings.
    files : tuple of str, optional
        Several NWB files: a study of many recordings; ``source`` is the first.
    units : str
        ``"good"``: those that pass the dataset's filter; ``"all"``; or a comparison of unit columns, ``"snr > 2"``.
    areas : tuple of str, optional
        Those to analyse; when left out, all with enough units.
    layers : tuple of str, optional
        Layers of the networks to compare with; all when left out.
    analyses : tuple of str, optional
        Which analyses to make; all that the recording can answer when left out.
    options : dict of str to dict
        Keyword arguments by analysis: ``{"decode": {"decoder": "svm"}}``.
    origin : str
        The study file that it was read from, for messages; "" where there is none. No part of the question.
    """

    source: str
    title: str = ""
    session: str | None = None
    trials: str | None = None
    by: str | None = None
    align: str | None = None
    window: tuple[float, float] | None = None
    bin_width: float = 0.01
    where: str | None = None
    networks: tuple[str, ...] | None = None
    order: tuple[str, ...] | None = None
    n_shuffles: int = 99
    seed: int = 0
    out: str | None = None
    sessions: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    units: str = "good"
    areas: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None
    analyses: tuple[str, ...] | None = None
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: str = field(default="", compare=False, repr=False)

    @property
    def name(self) -> str:
        """Return the dataset's name, or the file's name without its ending."""
        return Path(_told(self.source)).stem

    @property
    def folder(self) -> Path:
        """Return where the report goes."""
        return Path(self.out) if self.out else Path("reports") / self.name

    def to_dict(self) -> dict[str, Any]:
        """Return the question as plain values, to be kept.

        Where files lie and where the report goes is no part of it: files stand with their names alone, addresses
        without their signature.
        """
        kept = {name: value for name, value in asdict(self).items() if name not in ("origin", "out")}
        files = self.files and tuple(Path(file).name for file in self.files)
        return {**kept, "source": _named(self.source), "files": files}


def read_spec(target: str | Path, **options: Any) -> Spec:
    """Return the study that ``target`` names: a dataset, an NWB file, or a ``study.toml``.

    Parameters
    ----------
    target : str or Path
        ``"demo"``, ``"recording.nwb"`` or ``"study.toml"``. A study file names ``dataset``, ``file`` or ``files``
        (relative to the study's own folder), any attribute of :class:`Spec`, and tables of options.
    **options
        Attributes that override those of the file; None means not given.

    Raises
    ------
    DesignError
        For an unknown key, a value of the wrong type, or a file that is not there: all mistakes at once, of a study
        file each with its line.
    """
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    if not str(target).endswith(".toml"):
        return _checked({"source": str(target), **given}, str(target))
    values, wrong = read_study(Path(target))
    wrong += problems(values)
    if wrong:
        raise DesignError(told(target, wrong))
    for one, other in (("session", "sessions"), ("sessions", "session")):
        if one in given:
            values.pop(other, None)
    return _checked({**values, **given, "origin": str(target)}, str(target))


def _told(source: str) -> str:
    return without_secrets(source) if "://" in source else source


def _named(source: str) -> str:
    return _told(source) if "://" in source else Path(source).name


def _checked(given: dict[str, Any], origin: str) -> Spec:
    wrong = problems(given)
    if wrong:
        message = "\n".join(f"{origin}: {one.said}" for one in wrong)
        raise DesignError(message)
    return Spec(**{key: _plain(key, value) for key, value in given.items()})


def _plain(key: str, value: Any) -> Any:
    """Return a checked value as the type that :class:`Spec` declares."""
    if key == "window":
        return float(value[0]), float(value[1])
    if key in LISTS:
        return tuple(str(one) for one in ([value] if isinstance(value, str) else value))
    return str(value) if key in ("session", "out") else value
