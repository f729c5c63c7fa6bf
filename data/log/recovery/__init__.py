"""Logs that are opened, verified and mended: the events are the truth, and the database follows them."""
