"""Where things are: the repository, and the shared material beside it that tests use when it is there."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared"
DATASETS = Path(os.environ.get("AGON_DATASETS", SHARED / "datasets"))
GOLDEN = Path(os.environ.get("AGON_GOLDEN", SHARED / "golden"))
CASES = Path(os.environ.get("AGON_CASES", SHARED / "cases"))
