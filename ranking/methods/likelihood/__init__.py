"""Ratings by maximum likelihood.

Use when models meet at random and you want scores with honest intervals: what arenas publish.
"""
