"""Voting rules."""
