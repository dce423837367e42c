"""Texts that all hold numbers are numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import numpy as np

NUMBER = re.compile(
    r"\s*[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)\s*"
    r"|\s*[+-]?(?:(?:0|[1-9]\d*)\.\d*|\.\d+)[eE][+-]?\d+\s*"
    r"|\s*[+-]?(?:0|[1-9]\d*)[eE][+-]\d+\s*",
    re.ASCII,
)
"""A number as text. No number but names are a leading zero ("007"), and an exponent without point and sign ("1E2")."""

EXACT = 2**53
"""Up to here a float64 holds every whole number; beyond, only some."""

NOTHING = frozenset({"", "null", "nan", "none", "n/a", "na"})
"""What stands in string columns where there is no number."""


def are_numbers(texts: np.ndarray) -> bool:
    """Return whether every text is a number or says that there is none."""
    return all(word.strip().lower() in NOTHING or is_number(word) for word in set(map(str, texts.flat)))


def is_number(word: str) -> bool:
    """Return whether a text is a number that a float64 stands for: no id of more digits, nothing beyond its range."""
    if not NUMBER.fullmatch(word):
        return False
    value, mantissa = float(word), re.split("[eE]", word)[0]
    if not math.isfinite(value) or (value == 0 and re.search("[1-9]", mantissa)):
        return False
    return abs(value) < EXACT or mantissa != word or Decimal(word.strip()) == Decimal(value)


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
