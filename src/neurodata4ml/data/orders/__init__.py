"""Orders: many sessions at a time, and what is written down of them."""
