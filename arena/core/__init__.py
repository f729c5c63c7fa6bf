"""The arena itself: models, matchmaking, battles and sessions. No web, no terminal."""
