"""Routed use: an OpenAI-compatible server in front of the models, of which one answers each conversation."""
