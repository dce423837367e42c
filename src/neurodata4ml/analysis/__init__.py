"""A labelled array becomes a result."""
