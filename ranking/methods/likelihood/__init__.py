"""Ratings by maximum likelihood.

Use when models meet at random and you want scores with honest intervals: what arenas publish.
Not when a model changes while its votes come in, for then there is no one strength to find.
"""
