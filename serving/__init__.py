"""Talking to models: one small protocol, one file per kind of backend. Arrives with the arena."""
