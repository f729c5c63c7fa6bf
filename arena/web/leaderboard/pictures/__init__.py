"""A board as a picture: for a slide, for a message, beside a link."""
