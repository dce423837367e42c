"""Where a key stands in the text of a TOML file."""

from __future__ import annotations

import re

HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?$")
KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


def line_of(key: str, text: str) -> int:
    """Return the line of ``key`` (``papers[1].year``), else that of the table it is in; 0 where neither is found."""
    known = _lines(text)
    below = [line for name, line in known.items() if name.startswith(f"{key}.")]
    if below and key not in known:
        return min(below)
    while key and key not in known:
        above = re.sub(r"(\[\d+\]|\.[^.\[]*|^[^.\[]*)$", "", key)
        key = above if above != key else ""  # brackets of a quoted key, which lead nowhere
    return known.get(key, 0)


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table, counted, quotes = "", dict[str, int](), ""
    for number, line in enumerate(text.splitlines(), start=1):
        inside, quotes = quotes, _open_quotes(line, quotes)
        if inside:
            continue
        if header := HEADER.match(line):
            table = _dotted(header[2])
            if header[1] == "[[":
                counted[table] = counted.get(table, -1) + 1
                table = f"{table}[{counted[table]}]"
            found.setdefault(table, number)
        elif its := KEY.match(line):
            found.setdefault(f"{table}.{_dotted(its[1])}".lstrip("."), number)
    return found


def _dotted(written: str) -> str:
    """Return a key as ``a.b``, without the quotes it may be written in."""
    return ".".join(next(filter(None, groups), "") for groups in WORD.findall(written))


def _open_quotes(line: str, inside: str) -> str:
    """Return the quotes of the text that goes on in the next line: three of a kind, or none."""
    for quotes in re.findall(r'"""|\'\'\'', line):
        inside = "" if inside == quotes else inside or quotes
    return inside
