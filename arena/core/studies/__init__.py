"""Studies: who judges which answers, and a study as it runs."""
