"""Predictions of votes that a method has not seen: chances of outcomes, votes held out, scores of methods."""
