"""Few components that stand for many units: the methods of latents, and how many components to keep."""
