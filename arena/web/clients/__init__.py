"""Clients: who they are to the limits, and what of the server one of them may take."""
