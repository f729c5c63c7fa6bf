"""Questions about votes and boards beyond the ranking itself."""
