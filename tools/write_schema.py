"""Write ``catalog/entry.schema.json``: the JSON Schema of an entry, made from the records of the catalog.

Run it after a change of ``records.py`` or ``schema.py``: ``python tools/write_schema.py``; a test holds that it was.
"""

from __future__ import annotations

import json
from pathlib import Path

from neurodata4ml.data.entries.schema import entry_schema
from neurodata4ml.places import write_whole

FILE = Path(__file__).resolve().parents[1] / "catalog" / "entry.schema.json"


def written() -> str:
    """Return the text of the file."""
    return json.dumps(entry_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(write_whole(FILE, written()))
