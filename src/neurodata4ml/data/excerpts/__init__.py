"""Excerpts: the parts of a remote session that an analysis needs, as a small file."""
