"""Any result drawn on a reader's own axes, in a notebook."""
