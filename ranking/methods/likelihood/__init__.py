"""Models of votes, fitted by maximum likelihood."""
