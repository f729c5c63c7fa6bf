"""Votes in files and tables: the only folder that knows formats and SQL. Builds ranking's input types."""

if __name__ == "data":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("data is imported as agon.data now: from agon.data import ...")

from agon.data.checks import Checked, check
from agon.data.exporters.exporting import EXPORTS, Exported, export
from agon.data.files.covariates import measure
from agon.data.files.detection import kind_of
from agon.data.files.elections import preflib
from agon.data.files.score_tables import score_table
from agon.data.importers.formats import FORMATS
from agon.data.importers.published import Imported, read_published
from agon.data.log.log_frames import LogFrames, open_log
from agon.data.reading import comparisons, read_any

__all__ = [
    "EXPORTS",
    "FORMATS",
    "Checked",
    "Exported",
    "Imported",
    "LogFrames",
    "check",
    "comparisons",
    "export",
    "kind_of",
    "measure",
    "open_log",
    "preflib",
    "read_any",
    "read_published",
    "score_table",
]
