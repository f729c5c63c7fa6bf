"""The demonstration models."""
