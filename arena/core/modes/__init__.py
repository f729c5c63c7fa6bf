"""Ways to compare beside the blind battle of one prompt: a queue of recorded answers, one model alone."""
