"""The figures of a page: one function for each, in one look, as inline SVG."""
