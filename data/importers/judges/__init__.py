"""Formats in which judges or annotators compare, grade or rank."""
