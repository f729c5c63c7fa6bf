"""A visitor's own page: their votes and their board, and what they take back."""
