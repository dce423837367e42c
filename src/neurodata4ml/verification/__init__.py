"""Is a report what it says: its bytes against its lock, its numbers against a second run, or against another report."""
