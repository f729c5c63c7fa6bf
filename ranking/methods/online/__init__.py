"""Ratings that are updated vote by vote.

Use when strengths change over time, or to compare with boards of Elo and TrueSkill.
Not when models stay as they are: the order of the votes then only adds noise.
"""
