"""Routed use: its server, and what came of it."""
