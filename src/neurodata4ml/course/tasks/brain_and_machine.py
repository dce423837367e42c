"""Tasks of notebook 01: a brain beside a machine."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
