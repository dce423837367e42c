"""Arrays for other libraries, and theirs for us: same values, same labels; a library is imported when it is asked."""
