"""Texts that all hold numbers are numbers."""

from __future__ import annotations

import re

import numpy as np

NUMBER = re.compile(r"\s*[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*")
"""A number as text. A leading zero ("007") is no number: such texts are names."""

NOTHING = frozenset({"", "null", "nan", "none", "n/a", "na"})
"""What stands in string columns where there is no number."""


def are_numbers(texts: np.ndarray) -> bool:
    """Return whether every text is a number or says that there is none."""
    return all(NUMBER.fullmatch(word) or word.strip().lower() in NOTHING for word in set(map(str, texts.flat)))


def numbers(texts: np.ndarray) -> np.ndarray:
    """Return texts that all are numbers, or nothing, as float64; other texts as they are."""
    words = [str(value).strip() for value in texts.flat]
    if all(word.lower() in NOTHING for word in words) or not are_numbers(texts):
        return texts
    return as_numbers(texts)


def as_numbers(texts: np.ndarray) -> np.ndarray:
    """Return texts of which ``are_numbers`` holds as float64, NaN where a text says that there is none."""
    words = [str(value).strip() for value in texts.flat]
    values = [np.nan if word.lower() in NOTHING else float(word) for word in words]
    return np.array(values, dtype=np.float64).reshape(texts.shape)
