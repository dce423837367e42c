"""Brain meets network: similarities with intervals, ceilings, p-values, and words for them."""
