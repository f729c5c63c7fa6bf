"""Pages that ask more of the same votes: which model to take, and whether the votes can be trusted."""
