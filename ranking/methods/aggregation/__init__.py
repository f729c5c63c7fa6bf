"""Shares of wins and spectral scores.

Use when a score must be explained in one sentence, or when most pairs never met.
"""
