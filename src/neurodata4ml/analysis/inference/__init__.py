"""How sure: intervals from what is left out or drawn again, p-values, corrections for many questions."""
