"""The published schema of results.json describes what is written, and refuses what is not."""

import copy
import json
from importlib.resources import files

import jsonschema
import pytest

from record.odd_arrays import odd_results
from report.factory import make_results

SCHEMA = json.loads(files("neurodata4ml.record").joinpath("results.schema.json").read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture(scope="module")
def usual():
    return make_results(n_stimuli=6, n_conditions=2).to_dict()


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_is_written_is_as_the_schema_says(usual):
    odd = odd_results()
    for one in (usual, odd.to_dict(), odd.sessions["A"].to_dict()):
        CHECK.validate(json.loads(json.dumps(one)))


def at(raw, *path):
    for name in path:
        raw = raw[name]
    return raw


RATE, UNIT, PSTH = ("data_vars", "rate"), ("data_vars", "raster_trial"), ("arrays", "psth")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "schema", "neurodata4ml/results/1"),
        ((), "arrays", []),
        ((), "warnings", "one"),
        ((), "made", "today"),
        ((), "sessions", {"a": "../a.json"}),
        (("software",), "numpy", 2),
        (("missing",), "rdms", None),
        (("spec",), "seed", "0"),
        (("spec",), "window", [0.0]),
        (("spec",), "networks", "digits"),
        (("data",), "sha256", "abc"),
        (("data",), "n_trials", 1.5),
        (("data", "trials_dropped"), "blank", "120"),
        (("arrays",), "<script>", {"dims": {}, "attrs": {}, "coords": {}, "data_vars": {}}),
        (PSTH, "name", "x"),
        ((*PSTH, "dims"), "time", "45"),
        ((*PSTH, *RATE), "dtype", "complex128"),
        ((*PSTH, *RATE), "encoding", {}),
        ((*PSTH, *RATE), "data", [["1.5"]]),
        ((*PSTH, *RATE), "data", [[True]]),
        ((*PSTH, *RATE), "data", {"0": 1}),
        ((*PSTH, *RATE), "dims", "time"),
        ((*PSTH, *UNIT), "data", [0.5]),
        ((*PSTH, *UNIT), "data", [None]),
        ((*PSTH, "coords", "area"), "data", [1]),
        (("arrays", "similarity", "data_vars", "among_best"), "data", [[1]]),
    ],
)
def test_what_is_otherwise_is_refused(usual, path, key, value):
    raw = {**usual, "arrays": {name: usual["arrays"][name] for name in ("psth", "similarity")}}
    raw = copy.deepcopy(raw)
    assert CHECK.is_valid(raw)
    at(raw, *path)[key] = value
    assert not CHECK.is_valid(raw)


@pytest.mark.parametrize("name", SCHEMA["required"])
def test_nothing_may_be_left_out(usual, name):
    assert not CHECK.is_valid({key: value for key, value in usual.items() if key != name})
