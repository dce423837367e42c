"""A name becomes a labelled array."""
