"""The catalog: what a dataset is, who made it, and where its files are."""
