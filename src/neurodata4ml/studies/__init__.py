"""A study: a question asked of one recording or of many, answered section by section."""
