"""Sparse counts are an extra: without it the message says what to type."""

import sys

import pytest
from align_worlds import make_session

from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.errors import DesignError


def test_sparse_counts_without_the_library_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sparse", None)
    with pytest.raises(DesignError, match=r'pip install "neurodata4ml\[sparse\]"'):
        bin_spikes(make_session([[0.5]], [0.0]), window=(0, 1), bin_width=0.1, sparse=True)
