"""Where files come from: an archive's word for a session becomes an address."""
