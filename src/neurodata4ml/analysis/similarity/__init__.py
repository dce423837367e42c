"""How alike two representations are: metrics on plain matrices, each with its promises."""
