"""How much repeats: of a unit, of a representation; and how well a perfect model could do."""
