"""Votes and tables in files, frames and databases."""
