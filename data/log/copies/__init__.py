"""Copies of a log that stand by themselves."""
