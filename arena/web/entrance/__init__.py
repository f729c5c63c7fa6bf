"""How visitors come in where not everybody may vote: the page on which they sign in, accounts, and work."""
