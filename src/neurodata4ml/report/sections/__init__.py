"""The sections of a page: from results to sentences, figures and tables."""
