"""Results become a page."""
