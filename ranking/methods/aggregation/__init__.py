"""Averages and spectral methods."""
