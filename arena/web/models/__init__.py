"""Pages on single models, and on models by kind of votes and over time."""
