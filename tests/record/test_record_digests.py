"""A digest of content: blind to how an array is kept, and to nothing that it says."""

import hashlib
import json

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.record.digests import array_digest, content_digests, digest_of
from neurodata4ml.results import Results
from record.odd_arrays import odd_array


def test_it_is_the_sha256_of_what_its_words_say():
    array = xr.Dataset({"y": ("x", [1.0, np.nan], {"units": "Hz"})}, coords={"x": ["a", "b"]}, attrs={"n": 2})
    lines = [
        b'[{"n":2},{"x":2}]',
        b'["x",true,["x"],"str",{}]',
        b'["a","b"]',
        b'["y",false,["x"],"float64",{"units":"Hz"}]',
        np.array([1.0, np.nan], dtype="<f8").tobytes(),
    ]
    assert array_digest(array) == hashlib.sha256(b"\n".join([*lines, b""])).hexdigest()
    assert digest_of({"b": (1, 2), "a": "é"}) == hashlib.sha256('{"a":"é","b":[1,2]}'.encode()).hexdigest()


def test_how_an_array_is_kept_changes_nothing():
    array = odd_array()
    turned = array[sorted(map(str, array.data_vars), reverse=True)]
    turned.attrs = dict(reversed(array.attrs.items()))
    turned["texts"] = turned["texts"].astype(object)
    turned["zero"] = ("a", np.asfortranarray(turned["zero"].values.astype(">f8")))
    turned["floats"] = (("a", "b"), np.asfortranarray(turned["floats"].values), turned["floats"].attrs)
    payload = np.array([0x7FF8000000000001], dtype="u8").view("f8")[0]  # another NaN
    turned["floats"].values[0, 1] = payload
    assert array_digest(turned) == array_digest(array)


def edited(edit):
    array = odd_array().copy(deep=True)
    edit(array)
    return array


def put(name, index, value):
    return lambda array: array[name].values.__setitem__(index, value)


@pytest.mark.parametrize(
    "edit",
    [
        put("floats", (0, 0), np.nextafter(1.5, 2)),
        put("floats", (0, 1), np.inf),
        put("zero", 0, 0.0),
        put("yes", 0, False),
        put("large", 1, 1),
        put("missing", 0, np.nan),
        put("mixed", 1, 3.0),
        put("texts", 0, "x"),
        put("duration", 0, np.timedelta64(6, "ms")),
        lambda array: array.attrs.update(count=2),
        lambda array: array.attrs.pop("nothing"),
        lambda array: array["floats"].attrs.update(units="Hz"),
        lambda array: array.update({"single": array["single"].astype(float)}),
        lambda array: array.update({"floats": (("b", "a"), array["floats"].values)}),
        lambda array: array.update({"new": ((), 1)}),
        lambda array: array.__delitem__("one_text"),
    ],
)
def test_whatever_is_said_changes_it(edit):
    assert array_digest(edited(edit)) != array_digest(odd_array())


def test_every_recording_and_section_has_a_path():
    one = Results({"seed": 1}, {}, {"odd": odd_array()})
    many = Results({}, {}, {"sessions": xr.Dataset()}, sessions={"a": one})
    assert [*content_digests(many)] == [
        "spec",
        "data",
        "sessions",
        *(f"sessions/a/{n}" for n in ("spec", "data", "odd")),
    ]
    assert content_digests(many)["sessions/a/odd"] == content_digests(one)["odd"]
    assert content_digests(one)["spec"] == digest_of(json.loads('{"seed": 1}'))
