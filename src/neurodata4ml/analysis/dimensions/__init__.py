"""How many dimensions population responses fill."""
