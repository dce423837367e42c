"""What was done to a chunk before it was stored is undone, within the size that is due."""
