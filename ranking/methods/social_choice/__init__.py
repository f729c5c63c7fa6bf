"""Voting rules.

Use when tasks, prompts, categories or people are the voters, and no model of their errors is wanted.
"""
