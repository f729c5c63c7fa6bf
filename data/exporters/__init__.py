"""Votes out again: the field's files, one function a form."""
