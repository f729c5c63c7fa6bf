"""Who likes what: kinds of voters, boards of one person, pairs that people disagree on."""
