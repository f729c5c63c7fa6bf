"""Talking to models: one small protocol, one file per kind of backend."""
