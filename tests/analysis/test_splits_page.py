"""The page on folds names every way to hold samples out."""

import re

from conftest import ROOT
from neurodata4ml.analysis.design.ways import WAYS

PAGE = (ROOT / "docs" / "splits.md").read_text(encoding="utf-8")


def test_the_page_has_a_row_for_every_way_to_hold_samples_out():
    assert set(re.findall(r'^\| `"(\w+)"` \|', PAGE, re.MULTILINE)) == set(WAYS)
