"""What models do in use, where each conversation was answered by one that was drawn with a known chance."""
