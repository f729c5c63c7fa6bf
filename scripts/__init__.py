"""What `make` runs for contributors: files written from the code, and the start of a new method."""
