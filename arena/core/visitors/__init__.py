"""What visitors do with what is theirs."""
