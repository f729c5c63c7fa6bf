"""Commands that ask more of votes than who is best: what predicts them, for whom and for what."""
