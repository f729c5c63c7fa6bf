"""Votes in files and tables: the only folder that knows formats and SQL. Builds ranking's input types."""

if __name__ == "data":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("data is imported as agon.data now: from agon.data import ...")

from agon.data.checks import Checked, check
from agon.data.exporters.exporting import EXPORTS, Exported, export
from agon.data.exporters.vote_counts import CountsWritten, write_counts
from agon.data.files.benchmarks.score_tables import score_table
from agon.data.files.covariates import measure
from agon.data.files.detection import kind_of
from agon.data.files.elections import preflib
from agon.data.importers.formats import FORMATS
from agon.data.importers.published import Imported, read_published
from agon.data.log.log_frames import LogFrames, open_log
from agon.data.log.operation.life_cycle import RosterHistory, roster_history
from agon.data.reading import comparisons, read_any

__all__ = [
    "EXPORTS",
    "FORMATS",
    "Checked",
    "CountsWritten",
    "Exported",
    "Imported",
    "LogFrames",
    "RosterHistory",
    "check",
    "comparisons",
    "export",
    "kind_of",
    "measure",
    "open_log",
    "preflib",
    "read_any",
    "read_published",
    "roster_history",
    "score_table",
    "write_counts",
]
