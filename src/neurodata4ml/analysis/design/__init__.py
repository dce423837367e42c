"""What the trials allow: their design read from coordinates, folds that do not leak, nulls that keep the design."""
