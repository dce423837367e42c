"""Results with every kind of value that a study may hand on, and some that it should not."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.results import Results


def odd_array() -> xr.Dataset:
    """Return a dataset with each kind of number and label, none of them ordinary."""
    lists = np.empty(2, dtype=object)
    lists[:] = [["a", [1]], None]
    return xr.Dataset(
        {
            "floats": (("a", "b"), np.array([[1.5, np.nan], [np.inf, -np.inf]]), {"units": "seconds"}),
            "zero": ("a", np.array([-0.0, 5e-324])),
            "single": ("a", np.array([0.1, np.nan], dtype="f4")),
            "half": ("a", np.array([0.1, np.inf], dtype="f2")),
            "swapped": ("a", np.array([1.0, 2.0], dtype=">f8")),
            "empty": (("none", "a"), np.zeros((0, 2))),
            "one_number": ((), np.int64(3)),
            "one_text": ((), "x"),
            "one_nothing": ((), np.array(None, dtype=object)),
            "yes": ("a", [True, False]),
            "large": ("a", np.array([2**64 - 1, 0], dtype="u8")),
            "missing": ("a", np.array([None, np.nan], dtype=object)),
            "mixed": ("a", np.array([True, 3], dtype=object)),
            "lists": ("a", lists),
            "time": ("a", np.array(["2026-01-01T00:00:00.000000001", "NaT"], dtype="M8[ns]")),
            "duration": ("a", np.array([5, "NaT"], dtype="m8[ms]")),
            "texts": ("a", ["", "é\ud800\u202e<script>"]),
            "zero_bytes": ("a", np.array(["a\0b", "\n"], dtype=object)),
            "a/b c": ("a", [1, 2], {"_FillValue": 3, "coordinates": "k", "kind": "q", "json": "{", "names": [1]}),
        },
        coords={"a": ["x", "y"], "k d": ("b", np.array(["p", 3], dtype=object)), "none": np.zeros(0)},
        attrs={
            "nothing": None,
            "yes": True,
            "count": 1,
            "huge": 2**70,
            "inf": float("inf"),
            "nan": float("nan"),
            "texts": ["a", "\ud800"],
            "mapping": {"x": [1, None, -float("inf")]},
            "numpy": np.float32(0.1),
            "empty": "",
            "pair": (1, 2),
            "names": ["a"],
            "a b": 1,
            "long": "é" * 70_000,
        },
    )


def odd_results() -> Results:
    """Return results of three recordings whose keys no folder would like."""
    parts = {key: Results({"seed": i}, {"n": i}, {"odd": odd_array()}) for i, key in enumerate(("../x", "A", "a"))}
    together = {"odd_sessions": odd_array(), "sessions": odd_array()}
    return Results({"limits": (0.0, float("-inf")), "c": float("nan")}, {"n_trials": 3}, together, sessions=parts)
