"""What a terminal shows: tables and a line of progress."""
