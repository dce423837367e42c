"""What was learned of a file is kept in the cache: plain data, checked when it is read again."""
