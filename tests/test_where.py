"""Trials are chosen by comparisons of their columns, and by nothing else."""

import pandas as pd
import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.where import select_rows

TABLE = pd.DataFrame({"contrast": [0.0, 0.5, 1.0], "type": ["go", "probe", "go"]})


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("contrast > 0", [False, True, True]),
        ("type == 'go' and contrast > 0", [False, False, True]),
        ("not type == 'go'", [False, True, False]),
        ("contrast in [0, 1]", [True, False, True]),
        ("contrast * 2 == 1", [False, True, False]),
    ],
)
def test_where_selects_trials(where, kept):
    assert list(select_rows(TABLE, where)) == kept


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("contrast >", "cannot be read"),
        ("contrst > 0", "not a column of the trials. Did you mean 'contrast'"),
        ("zzz > 0", "Columns: contrast, type"),
        ("contrast", "gives values, not yes or no. Compare contrast with something"),
        ("", "cannot be read"),
        ("1 < 2", "names '1 < 2', which is not a column"),
        ("type > 3", "compares what cannot be compared: type holds text"),
        ("contrast > 'a'", "compares what cannot be compared: contrast holds numbers"),
        ("'g' in type", "write `in` between a column and a list"),
        ("contrast in 5", "write `in` between a column and a list"),
        ("__import__('os').system('true')", "uses Call"),
        ("contrast.real > 0", "uses Attribute"),
    ],
)
def test_where_that_is_not_a_comparison_of_columns_is_refused(where, message):
    with pytest.raises(DesignError, match=message):
        select_rows(TABLE, where)
