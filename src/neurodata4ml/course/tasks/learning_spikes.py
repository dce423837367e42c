"""Tasks of notebook 09: spiking networks that learn."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
