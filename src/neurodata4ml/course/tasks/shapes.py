"""Tasks of notebook 03: shapes of activity."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
