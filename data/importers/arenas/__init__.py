"""Formats of arenas, in which people vote."""
