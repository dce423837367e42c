"""A verdict on a report as a piece of HTML for a notebook: a sentence, a table, a list."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from neurodata4ml.report.words import plain

COLUMNS = ("where", "verdict", "deviation", "tolerance", "which entry, by which rule")

MOST_ROWS = 200
"""Rows of the table; the rest is counted, and all are in ``checks``."""


def as_html(summary: str, rows: Sequence[Sequence[str]], reasons: Sequence[str]) -> str:
    """Return the verdict with what is not identical as a table, and what is otherwise here as a list.

    Parameters
    ----------
    summary : str
    rows : sequence of sequence of str
        One per check, a cell for each of ``COLUMNS``; any text, which stays text.
    reasons : sequence of str
    """
    parts = [f"<p><strong>{_text(summary)}</strong></p>"]
    if rows:
        parts.append(_table(rows[:MOST_ROWS]))
        if len(rows) > MOST_ROWS:
            parts.append(f"<p>And {len(rows) - MOST_ROWS:,} more.</p>")
    if reasons:
        parts.append("<p>Otherwise than when the report was made:</p>")
        parts.append("<ul>" + "".join(f"<li>{_text(reason)}</li>" for reason in reasons) + "</ul>")
    return Markup('<div class="neurodata4ml-verification">{}</div>').format(Markup("".join(parts)))


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{_text(first)}</th>' + "".join(f"<td>{_text(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    caption = "<caption>What is not identical</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: str) -> Markup:
    return escape(plain(value, 600))
