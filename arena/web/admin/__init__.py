"""The page of whoever runs an arena."""
