"""One record of truth for several processes, each with a copy of it."""
