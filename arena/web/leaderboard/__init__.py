"""The page that shows the board."""
