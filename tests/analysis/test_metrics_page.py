"""docs/metrics.md says of every metric what METRICS promises of it."""

import re

import pytest

from conftest import ROOT
from neurodata4ml.analysis.similarity.metrics import METRICS

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for cells in ([cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines())
    if len(cells) == 8 and cells[0].startswith("`")
}
WORDS = {"order": "permutation"}


def test_the_card_holds_every_metric_and_no_other():
    assert list(ROWS) == list(METRICS)


@pytest.mark.parametrize("name", list(METRICS))
def test_the_card_of_a_metric_says_what_it_promises(name):
    metric = METRICS[name]
    of, among, itself, symmetric, ignores, unbiased, null = ROWS[name]
    assert of == ("RDMs" if metric.on == "rdm" else "responses")
    low, high = (float(part.replace("below 0", "-inf")) for part in among.split(" to "))
    assert (low, high) == metric.range
    assert itself == ("below 1" if metric.identity is None else f"{metric.identity:g}")
    assert symmetric == ("yes" if metric.symmetric else "no")
    assert {WORDS.get(word, word) for word in ignores.split(", ")} == metric.invariant_to
    assert unbiased == ("yes" if metric.unbiased else "no")
    if metric.unbiased:
        assert null == "0"
    elif metric.null is None:
        assert null == "shuffled stimuli"
    elif metric.null(50, 9, 9) == 0:
        assert null == "0, or a little less"
    else:
        assert null == "sqrt(pq / ((p + n)(q + n)))"


@pytest.mark.parametrize("name", list(METRICS))
def test_the_page_says_what_a_metric_says_of_itself(name):
    metric, page = METRICS[name], re.sub(r"\s+", " ", PAGE)
    says = f"**`{name}`** ({metric.reference}). {metric.about} *Bias*: {metric.bias} *Not for*: {metric.breaks}"
    assert re.sub(r"\s+", " ", says) in page
