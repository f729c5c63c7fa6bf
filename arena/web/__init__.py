"""The pages and their routes."""
