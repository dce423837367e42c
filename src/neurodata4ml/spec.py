"""A question as a value: which recording, which trials, aligned to what, compared with which networks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from neurodata4ml.errors import DesignError
from neurodata4ml.names import without_secrets
from neurodata4ml.suggest import guess


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
        Shuffles behind every p-value; 99 resolve p = 0.01.
    seed : int
        Starts every random step.
    out : str, optional
        Folder of the report; ``reports/<name>`` when left out.
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

    @property
    def name(self) -> str:
        """Return the dataset's name, or the file's name without its ending."""
        return Path(_told(self.source)).stem

    @property
    def folder(self) -> Path:
        """Return where the report goes."""
        return Path(self.out) if self.out else Path("reports") / self.name

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain values, to be kept: without the signature of an address."""
        return {**asdict(self), "source": _told(self.source)}


def read_spec(target: str | Path, **options: Any) -> Spec:
    """Return the study that ``target`` names: a dataset, an NWB file, or a ``study.toml``.

    Parameters
    ----------
    target : str or Path
        ``"demo"``, ``"recording.nwb"`` or ``"study.toml"``. A study file names ``dataset`` or ``file`` (relative to
        the study's own folder) and any attribute of :class:`Spec`.
    **options
        Attributes that override those of the file; None means not given.

    Raises
    ------
    DesignError
        For an unknown key, a value of the wrong type, or a file that is not there.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if str(target).endswith(".toml"):
        given = {**_read_toml(Path(target)), **given}
    else:
        given["source"] = str(target)
    return _checked(given, str(target))


def _told(source: str) -> str:
    return without_secrets(source) if "://" in source else source


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        message = f'no study at {path}. Write one, e.g. with the two lines: dataset = "demo" and seed = 0.'
        raise DesignError(message)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not valid TOML: {error}."
        raise DesignError(message) from error
    dataset, file = raw.pop("dataset", None), raw.pop("file", None)
    if (dataset is None) == (file is None) or "source" in raw or not isinstance(dataset or file, str):
        message = f'{path} must name one recording: dataset = "demo", or file = "recording.nwb".'
        raise DesignError(message)
    return {**raw, "source": dataset or str(path.parent / file)}


_RENAMED = {"n_permutations": "n_shuffles"}
"""Keys of earlier studies, and what they are called now."""

_TYPES: dict[str, tuple[type, ...]] = {
    "source": (str,),
    "title": (str,),
    "session": (str, int),
    "trials": (str,),
    "by": (str,),
    "align": (str,),
    "window": (list, tuple),
    "bin_width": (float, int),
    "where": (str,),
    "networks": (list, tuple),
    "order": (list, tuple),
    "n_shuffles": (int,),
    "seed": (int,),
    "out": (str, Path),
}


def _checked(given: Mapping[str, Any], origin: str) -> Spec:
    known = [field.name for field in fields(Spec)]
    for name, value in given.items():
        if name not in known:
            hint = (
                guess(_RENAMED.get(name, name), [*known, "dataset", "file"])
                or f" Known: dataset, file, {', '.join(known[1:])}."
            )
            message = f"{origin} has the unknown key {name!r}.{hint}"
            raise DesignError(message)
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in _TYPES[name])
            message = f"{origin}: {name} = {value!r} is a {type(value).__name__}; it must be a {wanted}."
            raise DesignError(message)
    spec = Spec(**given)
    for name, value, least in (("n_shuffles", spec.n_shuffles, 1), ("seed", spec.seed, 0)):
        if value < least:
            message = f"{origin}: {name} = {value} must be a whole number of at least {least}."
            raise DesignError(message)
    if not 0 < spec.bin_width < float("inf"):
        message = f"{origin}: bin_width = {spec.bin_width} must be a time above 0 s; 10 ms is 0.01."
        raise DesignError(message)
    return replace(
        spec,
        session=None if spec.session is None else str(spec.session),
        out=None if spec.out is None else str(spec.out),
        window=_window(spec.window, origin),
        networks=None if spec.networks is None else tuple(map(str, spec.networks)),
        order=None if spec.order is None else tuple(map(str, spec.order)),
    )


def _window(window: Any, origin: str) -> tuple[float, float] | None:
    if window is None:
        return None
    if len(window) != 2 or not all(type(v) in (int, float) for v in window) or not window[0] < window[1]:
        message = f"{origin}: window = {list(window)!r} must be two rising times in seconds, e.g. [-0.1, 0.5]."
        raise DesignError(message)
    return float(window[0]), float(window[1])
