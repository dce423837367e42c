"""The page on decoding runs, and prints what it says."""

import contextlib
import io
import re
import warnings

from conftest import ROOT

PAGE = (ROOT / "docs" / "decode.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says():
    example, answer = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", PAGE, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(example, "decode.md", "exec"), {})
    assert printed.getvalue() == answer
