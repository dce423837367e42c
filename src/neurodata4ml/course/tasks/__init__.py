"""What each notebook asks: one file of checks per notebook."""
