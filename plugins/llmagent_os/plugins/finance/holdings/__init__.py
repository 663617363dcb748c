"""Holdings: what was bought at which price, what it is worth, and how that went up and down."""
