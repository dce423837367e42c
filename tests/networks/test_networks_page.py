"""What docs/networks.md shows is what is printed."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")


@pytest.mark.slow  # the first example is run with those of the other pages, in tests/test_docs.py
def test_the_examples_of_the_page_print_what_the_page_says():
    known = {}
    for code, answer in re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "networks.md", "exec"), known)
        assert [line.rstrip() for line in printed.getvalue().splitlines()] == answer.splitlines()
    assert PAGE.count("```python") == PAGE.count("```text") == 5
