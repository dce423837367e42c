"""Results as a notebook shows them: what was analysed, what there is, what lacks; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import xarray as xr

_LONGEST = 300
_MOST = 12


def summary(
    spec: Mapping[str, Any],
    data: Mapping[str, Any],
    arrays: Mapping[str, xr.Dataset],
    missing: Mapping[str, str],
    warnings: Sequence[str],
    sessions: Sequence[str],
) -> str:
    """Return a heading, a table of sections with their variables and dims, and what to know before believing them."""
    title = spec.get("title") or data.get("title") or data.get("dataset") or data.get("source") or "Results"
    counts = [f"{data[n]} {n.removeprefix('n_')}" for n in ("n_trials", "n_units", "n_conditions") if n in data]
    counts = [f"{len(sessions)} recordings", *counts] if sessions else counts
    rows = [(name, _sizes(array), ", ".join(map(str, array.data_vars))) for name, array in arrays.items()]
    rows += [(name, "missing", why) for name, why in missing.items()]
    body = "".join(
        f'<tr><th scope="row">{_text(a)}</th><td>{_text(b)}</td><td>{_text(c)}</td></tr>' for a, b, c in rows
    )
    noted = f"<p>Before you believe it:</p><ul>{_items(warnings)}</ul>" if warnings else ""
    return (
        f"<div><p><strong>{_text(title)}</strong> ({_text(', '.join(counts) or 'results of a study')})</p>"
        '<table><thead><tr><th scope="col">section</th><th scope="col">dims</th><th scope="col">variables</th></tr>'
        f"</thead><tbody>{body}</tbody></table>{noted}</div>"
    )


def _row(name: str, dims: str, variables: str) -> str:
    return f'<tr><th scope="row">{_text(name)}</th><td>{_text(dims)}</td><td>{_text(variables)}</td></tr>'


def _items(texts: Sequence[str]) -> str:
    rest = [f"and {len(texts) - _MOST} more"] if len(texts) > _MOST else []
    return "".join(f"<li>{_text(text)}</li>" for text in [*texts[:_MOST], *rest])


def _sizes(array: xr.Dataset) -> str:
    return ", ".join(f"{dim}: {size}" for dim, size in array.sizes.items())


def _text(value: Any) -> str:
    """Return harmless text, of bounded length."""
    text = "".join(_seen(str(value)))
    return escape(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _seen(text: str) -> Iterable[str]:
    """Leave out marks that steer how text is shown."""
    import unicodedata

    return (" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
