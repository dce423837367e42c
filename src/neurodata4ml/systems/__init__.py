"""Systems that we understand, recorded as a laboratory would record a brain: each with its truth."""
