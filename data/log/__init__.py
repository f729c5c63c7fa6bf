"""The vote log: what was asked, answered and voted."""
