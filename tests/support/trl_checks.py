"""Loads every export in `datasets`, and asks TRL's own functions about those that are for it; needs both."""

import sys
from pathlib import Path

from datasets import load_dataset
from trl import data_utils

KINDS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}

for path in sorted(Path(sys.argv[1]).glob("*/votes.*")):
    rows = load_dataset(KINDS[path.suffix], data_files=str(path), split="train")
    assert len(rows) > 0, path
    form = path.parent.name
    if form.startswith("trl-"):
        assert all(data_utils.is_conversational(row) for row in rows), form
    if form == "trl-preference":
        for row in rows:
            said = {name: row[name] for name in ("prompt", "chosen", "rejected")}
            assert data_utils.maybe_extract_prompt(said) == said
            whole = {name: row["prompt"] + row[name] for name in ("chosen", "rejected")}
            assert data_utils.extract_prompt(whole) == said
        pairs = rows.select_columns(["prompt", "chosen", "rejected"])
        assert len(data_utils.unpair_preference_dataset(pairs)) == 2 * len(rows)
    if form == "trl-kto":
        assert set(rows["label"]) == {True, False}
    sys.stdout.write(f"{form}: {len(rows)} rows, {', '.join(rows.column_names)}\n")
