"""Voting rules.

Use when tasks, prompts, categories or people are the voters, and no model of their errors is wanted.
Not when few votes stand behind a majority: a rule takes each majority for true.
"""
