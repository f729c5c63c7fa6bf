"""Shares of wins and spectral scores.

Use when a score must be explained in one sentence, or when most pairs never met.
Not when models met opponents of different strength: most shares do not allow for it.
"""
