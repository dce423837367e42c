"""The cache on disk: files that are verified before they are seen."""
