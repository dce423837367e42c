"""Results in words, by what made them; `explain` is the door."""
