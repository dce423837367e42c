"""The course: tasks that are checked, and the figures of its notebooks."""
