"""Votes in files and tables: the only folder that knows formats and SQL. Builds ranking's input types."""

from data.checks import Checked, check
from data.features import measure
from data.importing import FORMATS, Imported, read_published
from data.kinds import kind_of
from data.preflib import preflib
from data.score_tables import score_table
from data.votes import comparisons

__all__ = [
    "FORMATS",
    "Checked",
    "Imported",
    "check",
    "comparisons",
    "kind_of",
    "measure",
    "preflib",
    "read_published",
    "score_table",
]
