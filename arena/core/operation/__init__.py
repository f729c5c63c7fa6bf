"""Running an arena: what it does by itself while it is open, and what it tells whoever runs it."""
