"""Parts of pages that ask more of votes than who is best: what predicts them, and for whom."""
