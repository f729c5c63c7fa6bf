"""`agon study`."""
