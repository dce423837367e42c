"""Figures of the course: one file per topic."""
