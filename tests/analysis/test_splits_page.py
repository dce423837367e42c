"""The page on folds runs, prints what it says, and names every way to hold samples out."""

import contextlib
import io
import re

from conftest import ROOT
from neurodata4ml.analysis.design.ways import WAYS

PAGE = (ROOT / "docs" / "splits.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says():
    example, answer = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", PAGE, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "splits.md", "exec"), {})
    assert printed.getvalue() == answer


def test_the_page_has_a_row_for_every_way_to_hold_samples_out():
    assert set(re.findall(r'^\| `"(\w+)"` \|', PAGE, re.MULTILINE)) == set(WAYS)
