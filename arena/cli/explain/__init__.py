"""`agon explain`: why a board looks as it does."""
