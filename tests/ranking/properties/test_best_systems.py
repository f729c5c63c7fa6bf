"""What are the best systems? (Colombo et al. 2022): Borda on one and on two levels, on the SumEval scores.

The golden files hold the published procedure done again independently: in every column (one metric on one
text) places are counted from 0 for the worst, equal scores in the order of the rows; one level sums them all,
two levels sum them for each metric, count places again, equal sums in the order of the rows, and sum those.
The published file has its columns System and Utterance swapped, so there is one golden file for each reading.
The other eight pairs of golden files are of tables that are published without a licence and not in the data.
Those of SumEval are there with six decimals: more scores are equal than in the published ones, and the order
of the rows decides on them.
"""

import csv

import numpy as np
import pytest
from scipy.stats import rankdata

from agon.ranking import ScoreTable
from tests.support.brute_force import DATASETS, GOLDEN, needs_datasets, needs_golden, run

READINGS = {"as_in_file": ("item", "system"), "utterance_column_is_system": ("system", "item")}


def in_order(values):
    """Places from 0 for the lowest, equal values in the order given."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def read(reading):
    """Systems with their golden Borda counts on one and two levels, and scores by metric, systems x texts."""
    path = GOLDEN / f"colombo_instance_SUM_EVAL__{reading}.csv"
    with path.open(encoding="utf-8") as lines:
        golden = [
            (row["system"], float(row["borda_one_level"]), float(row["borda_two_level"]))
            for row in csv.DictReader(lines)
        ]
    with (DATASETS / "kwise_sum_eval_human_ratings.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    whose, where = READINGS[reading]
    texts = sorted({row[where] for row in rows})
    metrics = [name for name in rows[0] if name not in ("item", "system")]
    cell = {(row[whose], row[where]): row for row in rows}
    scores = {m: [[float(cell[name, t][m]) for t in texts] for name, *_ in golden] for m in metrics}
    return golden, {metric: np.array(table) for metric, table in scores.items()}


def rounded_alike(scores):
    """For each system, how many scores equal another's on the same text; ratings by people are exact."""
    automatic = [table.T for metric, table in scores.items() if not metric.startswith("H:")]
    return sum((text[:, None] == text).sum(axis=1) - 1 for table in automatic for text in table)


@needs_golden
@needs_datasets
@pytest.mark.parametrize("reading", READINGS)
def test_borda_on_one_and_on_two_levels(reading):
    golden, scores = read(reading)
    names = [name for name, *_ in golden]
    columns = {
        f"{metric} {text}": in_order(table[:, text])
        for metric, table in scores.items()
        for text in range(table.shape[1])
    }
    groups = {column: column.split(" ")[0] for column in columns}
    table = ScoreTable.of(names, list(columns), np.stack(list(columns.values()), axis=1), groups=groups)
    place = [table.models.index(name) for name in names]
    one_level = run("borda", table).values[place]
    assert (np.abs(one_level - [one for _, one, _ in golden]) <= rounded_alike(scores)).all()

    sums = np.stack([run("borda", part).values[place] for _, part in table.split("group")], axis=1)
    two_levels = sum(in_order(column) for column in sums.T)
    assert two_levels == pytest.approx([two for *_, two in golden], abs=1.0)
    shared = sum(rankdata(column) - 1 for column in sums.T)  # ours shares the points of equal sums
    assert run("two_level", table).values[place].tolist() == shared.tolist()
