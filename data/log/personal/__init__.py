"""What the log holds of one person, and how it is taken out."""
