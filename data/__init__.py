"""Votes in files and tables: the only folder that knows formats and SQL. Builds ranking's input types."""

from data.importing import FORMATS, Imported, read_published
from data.votes import comparisons

__all__ = ["FORMATS", "Imported", "comparisons", "read_published"]
