"""Options of a study that name what its recording does not have: noticed before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec
from neurodata4ml.study_keys import ANALYSES, about
from neurodata4ml.suggest import guess

COLUMNS: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("decode", "target"): ("trial", ()),
    ("decode", "confounds"): ("trial", ()),
    ("latents", "conditions"): ("trial", ()),
    ("rdm", "folds"): ("trial", ()),
    ("rdm", "by"): ("unit", ()),
    ("compare", "over"): ("unit", ("trial", "stimulus")),
}
"""Options that name columns: of which table, and which other words they may be."""


def require_columns(spec: Spec, session: xr.Dataset) -> None:
    """Refuse options of the analyses that are asked for, where they name a column that the recording does not have.

    Parameters
    ----------
    spec : Spec
        Of one recording.
    session : Dataset
        The recording, with its conditions and areas.

    Raises
    ------
    DesignError
        Its ``key`` is the option, ``"decode.target"``.
    """
    for (table, name), (dim, words) in COLUMNS.items():
        value = spec.options.get(table, {}).get(name)
        if value is None or table not in (spec.analyses or ANALYSES):
            continue
        with about(f"{table}.{name}"):
            _require(f"[{table}] {name}", _names(value), dim, [*words, *_columns(session, dim)])


def _names(value: object) -> Iterable[str]:
    return [value] if isinstance(value, str) else map(str, value) if isinstance(value, list | tuple) else []


def _columns(session: xr.Dataset, dim: str) -> Iterator[str]:
    for name, column in session.coords.items():
        if column.dims == (dim,):
            yield str(name)


def _require(option: str, names: Iterable[str], dim: str, known: list[str]) -> None:
    for name in names:
        if name not in known:
            message = (
                f"{option} = {name!r} is not a column of the {dim}s.{guess(name, known)} It may be: {', '.join(known)}."
            )
            raise DesignError(message)
