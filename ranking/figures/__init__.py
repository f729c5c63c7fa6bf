"""Drawings: how often each model won against each other, and any figure as SVG."""
