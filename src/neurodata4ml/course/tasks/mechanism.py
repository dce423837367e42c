"""Tasks of notebook 08: from spikes to mechanism."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
