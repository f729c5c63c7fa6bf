"""Every form of an export, of a small log, for tools in an environment of their own.

python -m tests.support.exported_log FOLDER
"""

import shutil
import sys
from pathlib import Path

from agon.data import EXPORTS, export
from agon.data.log.vote_log import VoteLog
from tests.data.exporters.test_export import fill

if __name__ == "__main__":
    place = Path(sys.argv[1])
    shutil.rmtree(place, ignore_errors=True)
    with VoteLog(place / "log") as log:
        fill(log)
    for form in EXPORTS:
        if form != "preflib":
            export(place / "log", form, place / form)
