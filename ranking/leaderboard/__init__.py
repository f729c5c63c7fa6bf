"""From a method and votes to a board."""
