"""Published formats, read into our columns."""
