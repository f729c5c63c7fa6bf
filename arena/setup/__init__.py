"""From a configuration or recorded answers to an arena that runs."""
