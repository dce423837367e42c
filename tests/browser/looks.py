"""Colours as a browser tells them, and how far one stands out from another."""

from __future__ import annotations

import re


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2 between two opaque colours, ``rgb(1, 2, 3)``."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
