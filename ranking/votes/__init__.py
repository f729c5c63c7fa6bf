"""What a method is given."""
