"""From a selection to its values: which bytes, read together, decoded side by side."""
