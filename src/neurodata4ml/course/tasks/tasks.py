"""All graded tasks of the course, by notebook, part and letter."""

from __future__ import annotations

from neurodata4ml.course.task import Task
from neurodata4ml.course.tasks import (
    brain_and_machine,
    decision,
    from_brains,
    learning_rules,
    learning_spikes,
    mechanism,
    meets_network,
    movie,
    open_issues,
    shapes,
    structure,
    whole_path,
)

TASKS: dict[str, Task] = {
    **whole_path.TASKS,
    **brain_and_machine.TASKS,
    **decision.TASKS,
    **shapes.TASKS,
    **meets_network.TASKS,
    **movie.TASKS,
    **from_brains.TASKS,
    **learning_rules.TASKS,
    **mechanism.TASKS,
    **learning_spikes.TASKS,
    **structure.TASKS,
    **open_issues.TASKS,
}
"""``"02-1A"`` -> its task. A new notebook adds its file here."""
